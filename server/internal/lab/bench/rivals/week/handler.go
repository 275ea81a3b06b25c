package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"
	middleware "github.com/oapi-codegen/nethttp-middleware"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/httpapi"
)

const selectKey = `SELECT id, company_id, level, expires_at, revoked_at FROM api_keys WHERE hash = $1`

// level is what a submission asks for: the specification's x-access-level.
const level = 3

// newHandler is the strict server behind the stock middleware, as its documentation has it.
func newHandler(db database) (http.Handler, error) {
	doc, err := spec.GetSpec()
	if err != nil {
		return nil, err
	}
	authenticator := httpapi.NewAuthenticator(keys{db}, time.Minute, func(string, time.Time) {}, time.Now)
	validate := middleware.OapiRequestValidatorWithOptions(doc, &middleware.Options{
		Options:               openapi3filter.Options{AuthenticationFunc: authenticateBy(authenticator)},
		DoNotValidateServers:  true,
		SilenceServersWarning: true,
		ErrorHandlerWithOpts: func(_ context.Context, err error, w http.ResponseWriter, _ *http.Request, opts middleware.ErrorHandlerOpts) {
			fail(w, opts.StatusCode, err)
		},
	})
	refuse := func(w http.ResponseWriter, _ *http.Request, err error) { fail(w, http.StatusBadRequest, err) }
	strict := api.NewStrictHandlerWithOptions(service{db: db}, nil, api.StrictHTTPServerOptions{
		RequestErrorHandlerFunc:  refuse,
		ResponseErrorHandlerFunc: func(w http.ResponseWriter, _ *http.Request, err error) { fail(w, http.StatusInternalServerError, err) },
	})
	return validate(api.HandlerWithOptions(strict, api.StdHTTPServerOptions{ErrorHandlerFunc: refuse})), nil
}

// keys finds API keys by their hashes.
type keys struct{ database }

// KeyByHash implements [access.Finder].
func (k keys) KeyByHash(ctx context.Context, hash access.Hash) (key access.Key, err error) {
	var expires, revoked *time.Time
	err = k.each(ctx, func(r row) error { return r.Scan(&key.ID, &key.CompanyID, &key.AccessLevel, &expires, &revoked) }, selectKey, hash[:])
	switch {
	case err != nil:
		return key, err
	case key.ID == "":
		return key, access.ErrKeyNotFound
	}
	if expires != nil {
		key.ExpiresAt = *expires
	}
	if revoked != nil {
		key.RevokedAt = *revoked
	}
	return key, nil
}

type principalKey struct{}

func authenticateBy(a *httpapi.Authenticator) openapi3filter.AuthenticationFunc {
	return func(ctx context.Context, input *openapi3filter.AuthenticationInput) error {
		r := input.RequestValidationInput.Request
		principal, err := a.Authenticate(ctx, r.Header.Get(input.SecurityScheme.Name), netip.Addr{})
		switch {
		case errors.Is(err, server.ErrInvalidKey):
			return &server.Error{Status: http.StatusUnauthorized, Code: api.CodeAuth, Message: "Invalid API key"}
		case err != nil:
			return err
		case principal.AccessLevel < level:
			return &server.Error{
				Status: http.StatusUnauthorized, Code: api.CodeAPIError,
				Message: "Access denied. The API Key is not authorized to do this operation.",
			}
		}
		*r = *r.WithContext(context.WithValue(ctx, principalKey{}, principal))
		return nil
	}
}

// service implements the strict server, as far as it is measured.
type service struct {
	api.StrictServerInterface
	db database
}

// SubmitProduct implements [api.StrictServerInterface].
func (s service) SubmitProduct(ctx context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
	principal := ctx.Value(principalKey{}).(server.Principal)
	call := enablement.Call{
		CompanyID: principal.CompanyID, ClientID: r.ClientID, RequestID: r.ProductRequestID, KeyID: principal.KeyID, TraceID: newTraceID(),
	}
	change, err := submit(ctx, s.db, call)
	switch {
	case errors.Is(err, enablement.ErrClientNotFound):
		return nil, server.NotFound("Company client not found with id: " + call.ClientID)
	case errors.Is(err, enablement.ErrRequestNotFound):
		return nil, server.NotFound("Product enablement request not found with id: " + call.RequestID)
	case errors.Is(err, enablement.ErrNotPending):
		return nil, server.Conflict(api.CodeVal, "The enablement request is not pending documentation")
	case err != nil:
		return nil, err
	}
	return api.SubmitProduct200JSONResponse{SubmittedJSONResponse: api.SubmittedJSONResponse{
		Headers: api.SubmittedResponseHeaders{XTraceID: call.TraceID},
		Body:    httpapi.EvaluatedProduct(change.Request, change.Request.Evaluation.Rejected),
	}}, nil
}

func newTraceID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // it never fails
	return hex.EncodeToString(id)
}

// fail responds with the error if it is one of the API's, else with the status.
func fail(w http.ResponseWriter, status int, err error) {
	documented := &server.Error{Status: status, Code: api.CodeBadRequest, Message: err.Error()}
	if status >= http.StatusInternalServerError {
		documented.Code, documented.Message = api.CodeServerError, "Internal server error"
	}
	errors.As(err, &documented)
	id := newTraceID()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Trace-Id", id)
	w.WriteHeader(documented.Status)
	_ = json.NewEncoder(w).Encode(api.Error{Code: documented.Code, Message: documented.Message, TraceID: id}) // the caller may be gone
}
