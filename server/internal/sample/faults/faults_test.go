package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server/internal/sample/faults"
)

const body = `{"product":{"id":"rq_1","client_id":"cl_1","product":"cards_individuals","status":"in_kyc",` +
	`"missing_requirements":{"documents":[],"data":[]},"created_at":"2026-04-15T23:30:00","updated_at":"2026-04-16T09:20:00"},"rejected_items":[]}`

// counting answers the body above and counts.
type counting struct{ calls atomic.Int32 }

func (c *counting) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c.calls.Add(1)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = io.WriteString(w, body)
}

func serve(t *testing.T, asked ...string) (*httptest.ResponseRecorder, int) {
	t.Helper()
	next := &counting{}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	r.Header[faults.Header] = asked
	w := httptest.NewRecorder()
	faults.New(next, slog.New(slog.DiscardHandler)).ServeHTTP(w, r)
	require.Equal(t, strconv.Itoa(w.Body.Len()), w.Result().Header.Get("Content-Length"))
	return w, int(next.calls.Load())
}

func decode(t *testing.T, text []byte) (value any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(text, &value))
	return value
}

// TestStatuses goes through the specification: there is no error that can't be had, and none in another
// form.
func TestStatuses(t *testing.T) {
	t.Parallel()
	doc, err := spec.GetSpec()
	require.NoError(t, err)
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			t.Run(method+" "+path, func(t *testing.T) {
				t.Parallel()
				checkStatuses(t, operation.Responses.Map())
			})
		}
	}
}

func checkStatuses(t *testing.T, responses map[string]*openapi3.ResponseRef) {
	t.Helper()
	for status, response := range responses {
		if status[0] == '2' {
			w, calls := serve(t, "status="+status)
			require.Equal(t, 400, w.Code, "it is no error")
			require.Zero(t, calls)
			continue
		}
		schema := response.Value.Content["application/json"].Schema.Value
		asked := []string{"status=" + status}
		for _, example := range response.Value.Content["application/json"].Examples {
			asked = append(asked, "status="+status+"/"+example.Value.Value.(map[string]any)["code"].(string))
		}
		for _, one := range asked {
			w, calls := serve(t, one)
			require.Zero(t, calls, "the call is not made")
			require.Equal(t, status, strconv.Itoa(w.Code), one)
			require.Equal(t, "application/json", w.Header().Get("Content-Type"))
			decoded := decode(t, w.Body.Bytes())
			require.NoError(t, schema.VisitJSON(decoded), one)
			require.Equal(t, w.Header().Get("X-Trace-Id"), decoded.(map[string]any)["trace_id"])
			if _, code, ok := strings.Cut(one, "/"); ok {
				require.Equal(t, code, decoded.(map[string]any)["code"])
			}
			for name, header := range response.Value.Headers {
				if header.Value.Required {
					require.NotEmpty(t, w.Header().Get(name), "%s %s", one, name)
				}
			}
			for name := range w.Header() {
				if name == "Content-Type" || name == "Content-Length" {
					continue
				}
				require.Contains(t, slices.Collect(maps.Keys(response.Value.Headers)), name)
			}
		}
	}
}

func TestHandler_none(t *testing.T) {
	t.Parallel()
	w, calls := serve(t)
	require.Equal(t, body, w.Body.String())
	require.Equal(t, 1, calls)
}

func TestHandler_replies(t *testing.T) {
	t.Parallel()
	zoned := strings.NewReplacer("2026-04-15T23:30:00", "2026-04-16T01:30:00+02:00", "2026-04-16T09:20:00", "2026-04-16T11:20:00+02:00").Replace(body)
	added := strings.Replace(body, `{"product":{`, `{"sample_field":{"added":true},"product":{"sample_field":["added"],`, 1)
	for asked, want := range map[string]string{
		"unknown-status":             strings.Replace(body, "in_kyc", "under_review", 1),
		"zoned-times":                zoned,
		"added-field":                added,
		"delay=1ms , unknown-status": strings.Replace(body, "in_kyc", "under_review", 1),
		"cut=1000":                   body,
		"delay=0s":                   body,
	} {
		w, calls := serve(t, asked)
		require.Equal(t, want, w.Body.String(), asked)
		require.Equal(t, 1, calls)
	}
	w, calls := serve(t, "html", "added-field")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	require.Contains(t, w.Body.String(), "<html>")
	require.Equal(t, 1, calls)

	w, _ = serve(t, "status=503,zoned-times,unknown-status,added-field")
	require.NotContains(t, w.Body.String(), "sample_field", "an error stays as it is")
}

func TestHandler_refuses(t *testing.T) {
	t.Parallel()
	for _, asked := range []string{
		"", ",", "explode", "lose,", "lose=1", "html=", "status", "status=", "status=200", "status=418", "status=503/NONE", "status=x",
		"delay", "delay=1", "delay=-1s", "delay=16s", "cut", "cut=-1", "cut=x", "cut=1,cut=2", "LOSE", "lose lose", strings.Repeat("x", 1000),
	} {
		w, calls := serve(t, asked)
		require.Equal(t, 400, w.Code, asked)
		require.Zero(t, calls, asked)
		message := decode(t, w.Body.Bytes()).(map[string]any)["message"].(string)
		require.Contains(t, message, faults.Header)
		require.Contains(t, message, "Choose, separated by commas, each once: delay=2s, status=503, ")
		require.Less(t, len(message), 500)
	}
}

func TestHandler_arm(t *testing.T) {
	t.Parallel()
	h := faults.New(&counting{}, slog.New(slog.DiscardHandler))
	require.Error(t, h.Arm(1, "explode"))
	require.NoError(t, h.Arm(2, "status=503"))
	require.NoError(t, h.Arm(0, "lose"))
	require.NoError(t, h.Arm(1, "status=500"))
	var statuses []int
	for _, asked := range []string{"", "status=404", "", "", ""} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		if asked != "" {
			r.Header.Set(faults.Header, asked)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		statuses = append(statuses, w.Code)
	}
	require.Equal(t, []int{503, 404, 503, 500, 200}, statuses)
}

// TestHandler_connection looks at what arrives where the connection breaks.
func TestHandler_connection(t *testing.T) {
	t.Parallel()
	next := &counting{}
	var said bytes.Buffer
	s := httptest.NewUnstartedServer(faults.New(next, slog.New(slog.DiscardHandler)))
	s.Config.ErrorLog = log.New(&said, "", 0)
	s.Start()
	defer s.Close()
	get := func(ctx context.Context, asked string) (string, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, nil)
		require.NoError(t, err)
		r.Header.Set(faults.Header, asked)
		resp, err := s.Client().Do(r)
		if err != nil {
			return "", err
		}
		defer func() { _ = resp.Body.Close() }()
		require.Equal(t, int64(len(body)), resp.ContentLength)
		content, err := io.ReadAll(resp.Body)
		return string(content), err
	}
	got, err := get(t.Context(), "cut=20")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, body[:20], got)
	got, err = get(t.Context(), "cut=0")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Empty(t, got)
	require.EqualValues(t, 2, next.calls.Load())
	_, err = get(t.Context(), "lose")
	require.ErrorIs(t, err, io.EOF)
	require.EqualValues(t, 3, next.calls.Load(), "it was done")
	_, err = get(t.Context(), "lose,status=503")
	require.ErrorIs(t, err, io.EOF)
	require.EqualValues(t, 3, next.calls.Load(), "it was not")

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = get(ctx, "delay=10s")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	s.Close() // returns when no call waits any more
	require.EqualValues(t, 3, next.calls.Load())
	require.Empty(t, said.String(), "nothing is logged as a panic")
}

// TestUndeclared: the header is none of the specification's.
func TestUndeclared(t *testing.T) {
	t.Parallel()
	raw, err := spec.GetSpecJSON()
	require.NoError(t, err)
	require.NotContains(t, strings.ToLower(string(raw)), "x-sample")
}
