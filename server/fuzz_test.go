package server_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
)

// FuzzHandler sends whatever net/http takes for a request. Whatever it is, the response is on spec,
// and the implementation sees only what the specification allows.
func FuzzHandler(f *testing.F) {
	f.Add("POST", goodPath, "", goodKey, "key-1", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "", false)
	f.Add("POST", goodPath, "a=1", goodKey, "", "", "{}", false)
	f.Add("POST", goodPath, "a=%zz;b", goodKey, "a b", "x", "{}", true)
	f.Add("POST", strings.Replace(goodPath, clientID, "%2e%2e", 1), "", goodKey, "k", "", "", false)
	f.Add("POST", strings.Replace(goodPath, clientID, "a%2Fb%00", 1), "", goodKey, "k", "", "", true)
	f.Add("POST", "/../"+goodPath, "", "other", "k", "", "", false)
	f.Add("GET", goodPath, "", "", "", "", "", false)
	f.Add("HEAD", "/", "", "", "", "", "", false)
	f.Add("OPTIONS", "*", "", "", "", "", "", false)
	f.Add("CONNECT", "other.example:443", "", goodKey, "", "", "", false)
	f.Add("POST", "http://other.example"+goodPath, "", goodKey, "", "", strings.Repeat("x", 200), true)

	id, key := regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`), regexp.MustCompile(`^[!-~]{1,255}$`)
	var seen []api.SubmitProductRequestObject // by the implementation, in one call
	h := newFixture(f, func(ctx context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
		seen = append(seen, r)
		return works(ctx, r)
	}, server.WithMaxBody(100), server.WithLogger(slog.New(slog.DiscardHandler)))
	f.Fuzz(func(t *testing.T, method, path, query, apiKey, idempotencyKey, traceparent, body string, chunked bool) {
		target := path
		if query != "" {
			target += "?" + query
		}
		raw := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nX-Api-Key: %s\r\nTraceparent: %s\r\n", method, target, apiKey, traceparent)
		if idempotencyKey != "" {
			raw += "Idempotency-Key: " + idempotencyKey + "\r\n"
		}
		if chunked {
			raw += fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		} else {
			raw += fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			t.Skip("net/http refuses it")
		}
		r.RemoteAddr = "192.0.2.1:1"

		seen = seen[:0]
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		a := check(t, r, w.Result())
		require.Less(t, a.status, http.StatusInternalServerError)
		require.Equal(t, a.status == http.StatusOK, len(seen) == 1)
		for _, call := range seen {
			require.Regexp(t, id, call.ClientID)
			require.Regexp(t, id, call.ProductRequestID)
			if call.Params.IdempotencyKey != nil {
				require.Regexp(t, key, *call.Params.IdempotencyKey)
			}
		}
	})
}
