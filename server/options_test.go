package server_test

import (
	"context"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server"
)

func TestHandlerRefusesToBeBuilt(t *testing.T) {
	t.Parallel()
	auth := server.WithAuthenticator(server.AuthenticatorFunc(allow))
	for name, test := range map[string]struct {
		impl submit
		opts []server.Option
		want string
	}{
		"nil implementation":     {nil, []server.Option{auth}, "the implementation is nil"},
		"no authenticator":       {works, nil, "WithAuthenticator is required"},
		"nil authenticator":      {works, []server.Option{server.WithAuthenticator(nil)}, "WithAuthenticator: the authenticator is nil"},
		"nil authenticator func": {works, []server.Option{server.WithAuthenticator(server.AuthenticatorFunc(nil))}, "WithAuthenticator: the authenticator is nil"},
		"nil authenticator *":    {works, []server.Option{server.WithAuthenticator((*struct{ server.AuthenticatorFunc })(nil))}, "WithAuthenticator: the authenticator is nil"},
		"nil logger":             {works, []server.Option{auth, server.WithLogger(nil)}, "WithLogger: the logger is nil"},
		"nil option":             {works, []server.Option{auth, nil}, "option 2 of 2 is nil"},
		"no body bytes":          {works, []server.Option{auth, server.WithMaxBody(0)}, "WithMaxBody: 0"},
		"negative body bytes":    {works, []server.Option{auth, server.WithMaxBody(-1)}, "WithMaxBody: -1"},
		"no time":                {works, []server.Option{auth, server.WithTimeout(0)}, "WithTimeout: 0s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			build := func() (any, error) {
				if test.impl == nil {
					return server.Handler(nil, test.opts...)
				}
				return server.Handler(test.impl, test.opts...)
			}
			h, err := build()
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, "server: ")
			require.Nil(t, h)
		})
	}
}

func TestHandlerRefusesADescriptionItCantEnforce(t *testing.T) {
	t.Parallel()
	operation := func(doc *openapi3.T) *openapi3.Operation { return doc.Paths.Value(template).Post }
	scheme := func(doc *openapi3.T) *openapi3.SecurityScheme {
		return doc.Components.SecuritySchemes["ApiKey"].Value
	}
	for name, test := range map[string]struct {
		change func(*openapi3.T)
		want   string
	}{
		"no access level": {func(d *openapi3.T) { delete(operation(d).Extensions, "x-access-level") }, "no x-access-level"},
		"access level in words": {func(d *openapi3.T) { operation(d).Extensions["x-access-level"] = "high" },
			"x-access-level: \"high\" is not a whole number"},
		"broken access level": {func(d *openapi3.T) { operation(d).Extensions["x-access-level"] = 2.5 }, "2.5 is not a whole number"},
		"null access level":   {func(d *openapi3.T) { operation(d).Extensions["x-access-level"] = nil }, "null is not a whole number"},
		"access level without security": {func(d *openapi3.T) { operation(d).Security = &openapi3.SecurityRequirements{} },
			"x-access-level but no security"},
		"optional security": {func(d *openapi3.T) { d.Security = append(d.Security, openapi3.SecurityRequirement{}) }, "not exactly one scheme"},
		"two schemes": {func(d *openapi3.T) { d.Security[0] = openapi3.SecurityRequirement{"ApiKey": {}, "Other": {}} },
			"not exactly one scheme"},
		"unknown scheme":     {func(d *openapi3.T) { d.Security[0] = openapi3.SecurityRequirement{"Other": {}} }, "Other is not described"},
		"no schemes":         {func(d *openapi3.T) { d.Components.SecuritySchemes = nil }, "ApiKey is not described"},
		"key in the query":   {func(d *openapi3.T) { scheme(d).In = "query" }, "not an API key in a header"},
		"bearer token":       {func(d *openapi3.T) { scheme(d).Type = "http" }, "not an API key in a header"},
		"undeclared 401":     {func(d *openapi3.T) { operation(d).Responses.Delete("401") }, "declares no response 401"},
		"undeclared 413":     {func(d *openapi3.T) { operation(d).Responses.Delete("413") }, "declares no response 413"},
		"another version":    {func(d *openapi3.T) { d.OpenAPI = "3.1.0" }, "only 3.0 is supported"},
		"a path too few":     {func(d *openapi3.T) { d.Paths.Delete(template) }, "the specification lacks routes"},
		"a method too many":  {func(d *openapi3.T) { d.Paths.Value(template).Put = operation(d) }, "the generated code lacks a route of the specification: PUT"},
		"no components":      {func(d *openapi3.T) { d.Components = nil }, "ApiKey is not described"},
		"no name of the key": {func(d *openapi3.T) { scheme(d).Name = "" }, "not an API key in a header"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, err := spec.GetSpec()
			require.NoError(t, err)
			test.change(doc)
			h, err := server.HandlerOf(doc, submit(works), server.WithAuthenticator(server.AuthenticatorFunc(allow)))
			require.ErrorContains(t, err, test.want)
			require.Nil(t, h)
		})
	}
}

func TestOutsideOfACallThereIsNobody(t *testing.T) {
	t.Parallel()
	_, ok := server.PrincipalFrom(context.Background())
	require.False(t, ok)
	require.Empty(t, server.TraceIDFrom(context.Background()))
}
