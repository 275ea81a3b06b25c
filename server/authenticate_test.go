package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server"
)

func authenticator(f server.AuthenticatorFunc) server.Option { return server.WithAuthenticator(f) }

func TestKeyHeader(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]string{
		"missing": nil,
		"empty":   {""},
		"unknown": {"other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, works)
			r := request(http.MethodPost, goodPath)
			delete(r.Header, "X-Api-Key")
			if keys != nil {
				r.Header["X-Api-Key"] = keys
			}
			a := f.ask(t, r)
			require.Equal(t, http.StatusUnauthorized, a.status)
			require.Equal(t, api.CodeAuth, a.code)
			require.Equal(t, invalid, a.message)
			require.Empty(t, a.header.Get("Www-Authenticate"))
			require.Zero(t, f.calls.count())
		})
	}
}

func TestKeyHeader_SentTwice(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]string{
		"the same":             {goodKey, goodKey},
		"another first":        {"other", goodKey},
		"another behind it":    {goodKey, "other"},
		"an empty one first":   {"", goodKey},
		"an empty one behind":  {goodKey, ""},
		"both empty":           {"", ""},
		"three":                {goodKey, goodKey, goodKey},
		"joined":               {goodKey + ", " + goodKey},
		"joined, no space":     {goodKey + "," + goodKey},
		"joined with an empty": {goodKey + ","},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, works)
			r := request(http.MethodPost, goodPath)
			r.Header["X-Api-Key"] = keys
			a := f.ask(t, r)
			require.Equal(t, http.StatusBadRequest, a.status)
			require.Equal(t, api.CodeBadRequest, a.code)
			require.Equal(t, `header "x-api-key": must be sent once`, a.message)
			require.Zero(t, f.calls.count())
			require.NotContains(t, f.log.String(), goodKey)
		})
	}
}

func TestAnUnusableKeyDoesNotReachTheAuthenticator(t *testing.T) {
	t.Parallel()
	f := newFixture(t, works, authenticator(func(context.Context, string, netip.Addr) (server.Principal, error) {
		t.Error("it was asked")
		return principal, nil
	}))
	for _, keys := range [][]string{nil, {""}, {"a", "b"}, {"", "b"}, {"a,b"}} {
		r := request(http.MethodPost, goodPath)
		r.Header["X-Api-Key"] = keys
		f.ask(t, r)
	}
}

func TestAuthenticatorErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err     error
		status  int
		code    api.ErrorCode
		message string
		retry   string
	}{
		"invalid":           {server.ErrInvalidKey, 401, api.CodeAuth, invalid, ""},
		"invalid, wrapped":  {fmt.Errorf("%w: revoked on Monday", server.ErrInvalidKey), 401, api.CodeAuth, invalid, ""},
		"denied":            {server.ErrAccessDenied, 401, api.CodeAPIError, denied, ""},
		"denied, wrapped":   {fmt.Errorf("key_1: %w", server.ErrAccessDenied), 401, api.CodeAPIError, denied, ""},
		"cancelled":         {context.Canceled, 503, api.CodeServiceUnavailable, "The service is temporarily unavailable", "1"},
		"too slow":          {fmt.Errorf("store: %w", context.DeadlineExceeded), 503, api.CodeServiceUnavailable, "The service is temporarily unavailable", "1"},
		"documented":        {server.Unavailable(90*time.Second, errors.New("full")), 503, api.CodeServiceUnavailable, "The service is temporarily unavailable", "90"},
		"documented first":  {&server.Error{Status: 404, Code: api.CodeNotFound, Message: "Nobody", Err: server.ErrInvalidKey}, 404, api.CodeNotFound, "Nobody", ""},
		"anything else":     {errors.New("password=hunter2"), 500, api.CodeServerError, "Internal server error", ""},
		"undeclared status": {&server.Error{Status: 403, Code: api.CodeAuth, Message: "No"}, 500, api.CodeServerError, "Internal server error", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, works, authenticator(func(context.Context, string, netip.Addr) (server.Principal, error) {
				return principal, test.err
			}))
			a := f.ask(t, request(http.MethodPost, goodPath))
			require.Equal(t, test.status, a.status)
			require.Equal(t, test.code, a.code)
			require.Equal(t, test.message, a.message)
			require.Equal(t, test.retry, a.header.Get("Retry-After"))
			require.Zero(t, f.calls.count())
			require.NotContains(t, string(a.body), "hunter2")
		})
	}
}

func TestAccessLevel(t *testing.T) {
	t.Parallel()
	for level, status := range map[int]int{-1: 401, 0: 401, 2: 401, 3: 200, 4: 200} {
		f := newFixture(t, works, authenticator(func(context.Context, string, netip.Addr) (server.Principal, error) {
			return server.Principal{CompanyID: "cmp_low", AccessLevel: level}, nil
		}))
		a := f.ask(t, request(http.MethodPost, goodPath))
		require.Equal(t, status, a.status, "level %d", level)
		if status == http.StatusUnauthorized {
			require.Equal(t, api.CodeAPIError, a.code)
			require.Equal(t, denied, a.message)
			require.Zero(t, f.calls.count())
			require.Contains(t, f.log.String(), "cmp_low")
		}
	}
}

func TestTheDescriptionSaysWhatIsNeeded(t *testing.T) {
	t.Parallel()
	doc, err := spec.GetSpec()
	require.NoError(t, err)
	doc.Components.SecuritySchemes["ApiKey"].Value.Name = "x-other-key"
	doc.Paths.Value(template).Post.Extensions["x-access-level"] = 7
	h, err := server.HandlerOf(doc, submit(works), authenticator(func(_ context.Context, key string, _ netip.Addr) (server.Principal, error) {
		return server.Principal{AccessLevel: map[string]int{"six": 6, "seven": 7}[key]}, nil
	}))
	require.NoError(t, err)
	f := fixture{Handler: h}
	for key, status := range map[string]int{"": 401, "six": 401, "seven": 200} {
		r := request(http.MethodPost, goodPath)
		r.Header.Set("X-Other-Key", key)
		require.Equal(t, status, f.ask(t, r).status, key)
	}
}

func TestAnOperationWithoutSecurityAsksNobody(t *testing.T) {
	t.Parallel()
	doc, err := spec.GetSpec()
	require.NoError(t, err)
	doc.Paths.Value(template).Post.Security = &openapi3.SecurityRequirements{}
	delete(doc.Paths.Value(template).Post.Extensions, "x-access-level")
	h, err := server.HandlerOf(doc,
		submit(func(ctx context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
			_, ok := server.PrincipalFrom(ctx)
			require.False(t, ok)
			return works(ctx, r)
		}),
		authenticator(func(context.Context, string, netip.Addr) (server.Principal, error) {
			t.Error("it was asked")
			return principal, nil
		}))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, fixture{Handler: h}.ask(t, request(http.MethodPost, goodPath)).status)
}

func TestPrincipalAndPeer(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]netip.Addr{
		"192.0.2.1:1234":          netip.MustParseAddr("192.0.2.1"),
		"[::ffff:192.0.2.1]:1234": netip.MustParseAddr("192.0.2.1"),
		"[2001:db8::1]:1234":      netip.MustParseAddr("2001:db8::1"),
		"@":                       {},
		"":                        {},
	} {
		var asked netip.Addr
		f := newFixture(t,
			func(ctx context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
				p, ok := server.PrincipalFrom(ctx)
				require.True(t, ok)
				require.Equal(t, principal, p)
				return works(ctx, r)
			},
			authenticator(func(ctx context.Context, key string, from netip.Addr) (server.Principal, error) {
				asked = from
				_, ok := server.PrincipalFrom(ctx)
				require.False(t, ok)
				require.Len(t, server.TraceIDFrom(ctx), 32)
				return allow(ctx, key, from)
			}))
		r := request(http.MethodPost, goodPath)
		r.RemoteAddr = remote
		require.Equal(t, http.StatusOK, f.ask(t, r).status)
		require.Equal(t, want, asked)
	}
}

func TestAuthenticatorPanic(t *testing.T) {
	t.Parallel()
	f := newFixture(t, works, authenticator(func(context.Context, string, netip.Addr) (server.Principal, error) {
		panic("no store")
	}))
	f.ask(t, request(http.MethodPost, goodPath)).isInternal(t)
	require.Contains(t, f.log.lines(t, "ERROR")[0]["err"], "no store")
}

// A caller without a key learns nothing about what the operation takes.
func TestAuthenticationComesBeforeValidation(t *testing.T) {
	t.Parallel()
	f := newFixture(t, works)
	r := request(http.MethodPost, "/management/clients/individuals/a%20b/products/x/submit?unknown=1")
	r.Header.Del("X-Api-Key")
	require.Equal(t, http.StatusUnauthorized, f.ask(t, r).status)
}
