package server_test

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
)

func TestCallLine(t *testing.T) {
	t.Parallel()
	f := newFixture(t, works)
	a := f.ask(t, request(http.MethodPost, goodPath))
	require.Equal(t, http.StatusOK, a.status)
	lines := f.log.lines(t, "INFO")
	require.Len(t, lines, 1)
	line := lines[0]
	require.Greater(t, line["duration"], 0.0)
	delete(line, "duration")
	delete(line, "time")
	require.Equal(t, map[string]any{
		"level": "INFO", "msg": "call", "trace_id": a.traceID, "operation": "submitProduct",
		"method": "POST", "status": 200.0, "company_id": "cmp_1", "key_prefix": "ck_1",
	}, line)
}

func TestCallLineOfAStranger(t *testing.T) {
	t.Parallel()
	f := newFixture(t, works)
	f.ask(t, request(http.MethodGet, "/nowhere"))
	line := f.log.lines(t, "INFO")[0]
	require.Equal(t, "", line["operation"])
	require.Equal(t, 404.0, line["status"])
	require.NotContains(t, line, "company_id")
	require.NotContains(t, line, "key_prefix")
}

// Whatever becomes of a call, nothing that the caller sent gets into the log.
func TestNothingOfTheCallerIsLogged(t *testing.T) {
	t.Parallel()
	const canary = "canary"
	impl := func(_ context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
		switch r.ProductRequestID {
		case "canary-missing":
			return nil, server.NotFound("Product enablement request not found with id: " + r.ProductRequestID)
		case "canary-bad":
			return rejecting(submission(r.ClientID, r.ProductRequestID), "canary-name"), nil
		case "canary-header":
			return writes(func(w http.ResponseWriter) error {
				w.Header().Set("Content-Type", "canary/canary")
				_, err := w.Write([]byte(canary))
				return err
			}), nil
		case "canary-json":
			return writes(func(w http.ResponseWriter) error {
				w.Header().Set("Content-Type", "application/json")
				_, err := w.Write([]byte(canary))
				return err
			}), nil
		case "canary-retry":
			return writes(func(w http.ResponseWriter) error {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Retry-After", canary)
				w.WriteHeader(http.StatusServiceUnavailable)
				return nil
			}), nil
		}
		return submission(r.ClientID, r.ProductRequestID), nil
	}
	f := newFixture(t, impl, authenticator(func(_ context.Context, key string, _ netip.Addr) (server.Principal, error) {
		if key != "canary-key" {
			return server.Principal{}, server.ErrInvalidKey
		}
		return principal, nil
	}))
	path := func(request string) string {
		return "/management/clients/individuals/canary-client/products/" + request + "/submit"
	}
	for _, test := range []struct {
		method, target, key string
		status              int
	}{
		{"POST", path("canary-request"), "canary-key", 200},
		{"POST", path("canary-missing"), "canary-key", 404},
		{"POST", path("canary-bad"), "canary-key", 500},
		{"POST", path("canary-header"), "canary-key", 500},
		{"POST", path("canary-json"), "canary-key", 500},
		{"POST", path("canary-retry"), "canary-key", 500},
		{"POST", path("canary%20x"), "canary-key", 400},
		{"POST", path("canary-query") + "?canary=canary", "canary-key", 400},
		{"POST", path("canary-request"), "canary-other", 401},
		{"POST", "/canary", "canary-key", 404},
		{"GET", path("canary-request"), "canary-key", 405},
		{"CANARY", path("canary-request"), "canary-key", 405},
	} {
		r := request(test.method, test.target)
		r.Header.Set("X-Api-Key", test.key)
		r.Header.Set("Idempotency-Key", "canary-idempotency")
		r.Header.Set("User-Agent", canary)
		r.Header.Set("Traceparent", canary)
		r.Host = canary
		require.Equal(t, test.status, f.ask(t, r).status, test.target)
	}
	require.Len(t, f.log.lines(t, "INFO"), 12)
	require.Len(t, f.log.lines(t, "ERROR"), 4)
	require.NotContains(t, f.log.String(), canary)
	require.NotContains(t, f.log.String(), "CANARY")
}

// What an Error hides from the caller is found in the log under the response's trace id.
func TestCauses(t *testing.T) {
	t.Parallel()
	cause := errors.New("password=hunter2")
	for name, test := range map[string]struct {
		err    error
		status int
		level  string
		want   string
	}{
		"any error":           {cause, 500, "ERROR", "password=hunter2"},
		"unavailable":         {server.Unavailable(0, cause), 503, "ERROR", "password=hunter2"},
		"without a cause":     {server.Unavailable(0, nil), 503, "ERROR", "503 SERVICE_UNAVAILABLE"},
		"refusal":             {&server.Error{Status: 404, Code: api.CodeNotFound, Err: cause}, 404, "WARN", "password=hunter2"},
		"refusal, no cause":   {server.NotFound("x"), 404, "WARN", ""},
		"undocumented status": {&server.Error{Status: 418, Code: api.CodeVal, Err: cause}, 500, "ERROR", "status 418 is not declared: 418 VAL: password=hunter2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, fails(test.err))
			a := f.ask(t, request(http.MethodPost, goodPath))
			require.Equal(t, test.status, a.status)
			require.NotContains(t, string(a.body), "hunter2")
			require.Len(t, f.log.lines(t, "INFO"), 1)
			lines := f.log.lines(t, test.level)
			if test.want == "" {
				require.Empty(t, lines)
				return
			}
			require.Len(t, lines, 1)
			require.Contains(t, lines[0]["err"], test.want)
			require.Equal(t, a.traceID, lines[0]["trace_id"])
			require.Equal(t, "submitProduct", lines[0]["operation"])
		})
	}
}
