package main_test

import (
	"compress/gzip"
	"database/sql"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestCanary gives everything that must not show an unusual value, lets calls succeed, fail and be
// refused at debug level, and then looks for the values wherever the service speaks.
func TestCanary(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "canary.db")
	ok := func(stdin string, args ...string) string {
		t.Helper()
		r := command(t, stdin, append(args, "--db", db)...)
		require.Zero(t, r.code, r.err)
		return strings.TrimSpace(r.out)
	}
	ok("", "migrate")
	ok(dataFile(t), "import", "-")
	key := ok("", "keys", "create", "--company", "cmp_1")
	low := ok("", "keys", "create", "--company", "cmp_1", "--level", "1")

	var spoken sync.Map // where → what
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			unzipped, err := gzip.NewReader(r.Body)
			if err != nil {
				return
			}
			body = unzipped
		}
		spans, _ := io.ReadAll(body)
		spoken.Store(fmt.Sprintf("traces at %s", time.Now()), string(spans))
	}))
	defer collector.Close()
	var notified sync.WaitGroup
	notified.Add(1)
	var once sync.Once
	provider := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		spoken.Store("notification", fmt.Sprint(r.Header)+string(body))
		once.Do(notified.Done)
	}))
	defer provider.Close()
	const otlpSecret = "otlpcanary0042"
	p := serve(t, "--db", db, "--log-level", "debug", "--log-format", "json", "--rate-limit", "0",
		"--provider-allow-private", "--provider-url", provider.URL+"/hook", "--provider-secret", secret,
		"--otlp-endpoint", collector.URL, "--otlp-header", "authorization="+otlpSecret)

	const (
		idempotencyKey = "idempotencycanary0042"
		guessedKey     = "guessedkeycanary0042"
		freeText       = "freetextcanary0042"
	)
	calls := 0
	try := func(key, path string, more http.Header) {
		header := http.Header{
			"X-Api-Key":       {key},
			"Idempotency-Key": {idempotencyKey},
			"User-Agent":      {freeText},
			"Referer":         {"https://" + freeText + ".example"},
			"X-Request-Id":    {freeText},
			"Tracestate":      {"x=" + freeText},
			"Baggage":         {"x=" + freeText},
		}
		for name, values := range more {
			header[name] = values
		}
		calls++
		got := p.with(header, path)
		spoken.Store(fmt.Sprintf("answer %d", calls), fmt.Sprint(got.header)+got.body)
	}
	try(guessedKey, path("cl_1", "rq_1"), nil)
	try(low, path("cl_1", "rq_1"), nil)
	try(key, path("cl_1", "rq_9"), nil)
	try(key, path("cl_1", "rq_1")+"?q="+freeText, nil)
	try(key, path(freeText+"%20", "rq_1"), nil)
	try(key, "/"+freeText, nil)
	try(key, path("cl_1", "rq_1"), http.Header{"Idempotency-Key": {freeText + " with a space"}})
	try(key, path("cl_1", "rq_1"), nil)
	try(key, path("cl_1", "rq_1"), nil)                                                      // a replay
	try(key, path("cl_1", "rq_2"), nil)                                                      // a mismatch
	try(key, path("cl_1", "rq_1"), http.Header{"Idempotency-Key": {freeText}})               // not pending
	try(key, path("cl_1", "rq_1"), http.Header{"Traceparent": {freeText, "00-" + freeText}}) // no parent
	// Documents: good, rejected and refused. Their bytes are looked for as they are and as they were sent.
	const (
		number = "documentcanary0042"
		exif   = "exifcanary0042exifcanary0042exifcanary0042" // whatever its offset, base64 of some of it is this
	)
	picture, err := base64.StdEncoding.DecodeString(dot)
	require.NoError(t, err)
	send := func(path, body string) answer {
		return p.doBody(http.MethodPost, p.URL+path, http.Header{"X-Api-Key": {key}, "Content-Type": {"application/json"}}, body)
	}
	client := clientsPath + "/" + send(clientsPath, person("client@example.com")).decoded(t)["id"].(string)
	request := client + "/products/" + send(client+"/products", `{"subproduct":"cards_individuals"}`).decoded(t)["id"].(string)
	for _, photo := range []string{
		base64.StdEncoding.EncodeToString(append(picture, exif...)), base64.StdEncoding.EncodeToString([]byte("%PDF-1.7 " + exif)), exif + "!", "Q",
	} {
		for _, edits := range [][]string{{"CANARY-4711", number}, {"CANARY-4711", number, `"issuing_country"`, `"` + freeText + `":5,"issuing_country"`}} {
			calls++
			got := send(request+"/documentation", document("passport", photo, edits...))
			spoken.Store(fmt.Sprintf("answer %d", calls), fmt.Sprint(got.header)+strings.ReplaceAll(got.body, "metadata/"+freeText, ""))
		}
	}
	require.Equal(t, http.StatusOK, send(request+"/submit", "").status)
	notified.Wait()
	p.waitFor("notification delivered")

	for _, page := range []string{"/metrics", "/readyz", "/riverui/api/jobs?state=completed&limit=100", "/riverui/api/queues"} {
		got := p.do(http.MethodGet, p.Admin+page, http.Header{})
		require.Equal(t, http.StatusOK, got.status, page)
		spoken.Store(page, got.body)
	}
	require.Zero(t, p.Stop())
	spoken.Store("log", p.Output())
	spoken.Store("River's rows", riverRows(t, db))

	traces := false
	canaries := []string{
		key, low, guessedKey, idempotencyKey, freeText, otlpSecret, secret, strings.TrimPrefix(secret, "whsec_"),
		number, exif[:14], base64.StdEncoding.EncodeToString([]byte(exif[:15])), base64.StdEncoding.EncodeToString([]byte(exif[1:16])), base64.StdEncoding.EncodeToString([]byte(exif[2:17])),
		"Canaria", "canaria@example.com", "91123456789", "X7654321", "Calle 1", "1984-11-21",
	}
	spoken.Range(func(where, what any) bool {
		traces = traces || strings.HasPrefix(where.(string), "traces")
		for _, canary := range canaries {
			require.NotContains(t, strings.ToLower(what.(string)), strings.ToLower(canary), "in %s", where)
		}
		return true
	})
	require.True(t, traces, "the collector got traces")
	require.Contains(t, p.Output(), `"msg":"call"`)
}

func riverRows(t *testing.T, path string) string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	rows, err := db.Query(`SELECT json_array(id, kind, CAST(args AS TEXT), CAST(metadata AS TEXT), CAST(errors AS TEXT), CAST(tags AS TEXT)) FROM river_job`)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	var text strings.Builder
	for rows.Next() {
		var row string
		require.NoError(t, rows.Scan(&row))
		text.WriteString(row + "\n")
	}
	require.NoError(t, rows.Err())
	require.Contains(t, text.String(), "notification_deliver")
	return text.String()
}
