package sample_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

// resets counts what a store is told to reset, which fails with err.
type resets struct {
	err  error
	data []*dataset.Dataset
}

func (r *resets) Keys(context.Context, string) ([]access.Key, error) { return nil, nil }
func (r *resets) Import(context.Context, dataset.Source) error       { return nil }
func (r *resets) Reset(_ context.Context, data *dataset.Dataset) error {
	r.data = append(r.data, data)
	return r.err
}

// TestWithReset is about who may reset, and what is answered.
func TestWithReset(t *testing.T) {
	t.Parallel()
	const elsewhere = http.StatusTeapot
	for name, test := range map[string]struct {
		method, target string
		header         map[string]string
		err            error
		status         int
		code           api.ErrorCode
	}{
		"curl":                      {status: 200},
		"this page":                 {header: map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8080"}, status: 200},
		"this page, older browser":  {header: map[string]string{"Origin": "http://127.0.0.1:8080"}, status: 200},
		"another site":              {header: map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, status: 403, code: api.CodeAPIError},
		"another port":              {header: map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:9"}, status: 403, code: api.CodeAPIError},
		"another site, older":       {header: map[string]string{"Origin": "https://evil.example"}, status: 403, code: api.CodeAPIError},
		"a sandboxed frame":         {header: map[string]string{"Origin": "null"}, status: 403, code: api.CodeAPIError},
		"GET":                       {method: "GET", status: 405, code: api.CodeMethodNotAllowed},
		"HEAD":                      {method: "HEAD", status: 405},
		"GET of another site":       {method: "GET", header: map[string]string{"Sec-Fetch-Site": "cross-site"}, status: 405, code: api.CodeMethodNotAllowed},
		"PUT":                       {method: "PUT", status: 405, code: api.CodeMethodNotAllowed},
		"database away":             {err: fmt.Errorf("%w: gone", store.ErrUnavailable), status: 503, code: api.CodeServiceUnavailable},
		"database slow":             {err: context.DeadlineExceeded, status: 503, code: api.CodeServiceUnavailable},
		"database broken":           {err: errors.New("no such table"), status: 500, code: api.CodeServerError},
		"another path":              {target: "/sample/reset/", status: elsewhere},
		"the same, written another": {target: "/sample/%72eset", status: elsewhere},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(cmp.Or(test.method, "POST"), cmp.Or(test.target, sample.ResetPath), nil)
			r.Host = "127.0.0.1:8080"
			for key, value := range test.header {
				r.Header.Set(key, value)
			}
			told := &resets{err: test.err}
			var lines bytes.Buffer
			w := httptest.NewRecorder()
			sample.WithReset(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(elsewhere) }), told,
				slog.New(slog.NewTextHandler(&lines, nil))).ServeHTTP(w, r)
			require.Equal(t, test.status, w.Code, w.Body.String())
			if test.status != 200 {
				require.NotContains(t, lines.String(), "as it was at the start")
				require.Equal(t, test.err != nil, len(told.data) > 0)
			}
			switch test.status {
			case 200:
				require.Equal(t, "The sample is as it was at the start.\n", w.Body.String())
				require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
				require.Equal(t, 1, strings.Count(lines.String(), "\n"), lines.String())
				require.Contains(t, lines.String(), `msg="the sample is as it was at the start"`)
				require.Len(t, told.data, 1)
				require.Len(t, told.data[0].Requests, len(sample.Cases))
				require.Empty(t, told.data[0].Keys, "a key that was revoked stays so")
			case 405:
				require.Equal(t, "POST", w.Header().Get("Allow"))
			case 503:
				require.Equal(t, "1", w.Header().Get("Retry-After"))
			}
			if test.code != "" {
				var body api.Error
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body), w.Body.String())
				require.Equal(t, test.code, body.Code)
				require.Equal(t, w.Header().Get("X-Trace-Id"), body.TraceID)
				require.NotContains(t, body.Message, "no such table")
			}
		})
	}
}

func TestTell(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	sample.Tell(&out, "http://127.0.0.1:8080")
	require.Contains(t, out.String(), "curl -X POST \"http://127.0.0.1:8080/sample/reset\"\n")
	require.Equal(t, len(sample.Cases)+1, strings.Count(out.String(), "curl -X POST "))
}
