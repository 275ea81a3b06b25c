package contract_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/contract"
	"github.com/cryptomate-go/enablement/server/contract/internal/minimal"
)

// coded is a text in some content coding.
func coded(t testing.TB, coding, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zlib":
		w = zlib.NewWriter(&b)
	case "flate":
		raw, err := flate.NewWriter(&b, flate.DefaultCompression)
		require.NoError(t, err)
		w = raw
	default:
		return text
	}
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func TestCodings(t *testing.T) {
	t.Parallel()
	gzipped := coded(t, "gzip", good)
	twice := strings.Replace(good, `"status"`, `"status":"rejected","status"`, 1)
	for name, test := range map[string]struct {
		header []string
		body   string
		rules  []string
	}{
		"none":             {nil, good, nil},
		"empty":            {[]string{""}, good, nil},
		"identity":         {[]string{"identity"}, good, nil},
		"gzip":             {[]string{"gzip"}, gzipped, nil},
		"gzip in capitals": {[]string{" GZIP "}, gzipped, nil},
		"x-gzip":           {[]string{"x-gzip"}, gzipped, nil},
		"gzip in parts":    {[]string{"gzip"}, coded(t, "gzip", good[:50]) + coded(t, "gzip", good[50:]), nil},
		"deflate":          {[]string{"deflate"}, coded(t, "zlib", good), nil},
		"deflate, raw":     {[]string{"deflate"}, coded(t, "flate", good), nil},
		"both":             {[]string{"deflate, gzip"}, coded(t, "gzip", coded(t, "zlib", good)), nil},
		"both, two lines":  {[]string{"deflate", "gzip"}, coded(t, "gzip", coded(t, "zlib", good)), nil},
		"twice":            {[]string{"gzip, identity, gzip"}, coded(t, "gzip", gzipped), nil},

		"what is wrong is found":    {[]string{"gzip"}, coded(t, "gzip", twice), []string{"json.duplicate_key"}},
		"so is the key":             {[]string{"gzip"}, coded(t, "gzip", good+key), []string{"json.trailing", "response.key_echoed"}},
		"the header without gzip":   {[]string{"gzip"}, good, []string{"response.coding"}},
		"the header, not deflate":   {[]string{"deflate"}, "\xff\xff" + good, []string{"response.coding"}},
		"the wrong order":           {[]string{"gzip, deflate"}, coded(t, "gzip", coded(t, "zlib", good)), []string{"response.coding"}},
		"cut off":                   {[]string{"gzip"}, gzipped[:len(gzipped)-9], []string{"response.coding"}},
		"more behind it":            {[]string{"gzip"}, gzipped + "more", []string{"response.coding"}},
		"wrong sum":                 {[]string{"gzip"}, gzipped[:len(gzipped)-8] + "\x00\x00\x00\x00" + gzipped[len(gzipped)-4:], []string{"response.coding"}},
		"br":                        {[]string{"br"}, "\x0b\x02\x80", []string{"response.coding"}},
		"zstd within gzip":          {[]string{"zstd, gzip"}, gzipped, []string{"response.coding"}},
		"an empty body in a coding": {[]string{"br"}, "", []string{"response.empty"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := response(200, test.body)
			answer.Header["Content-Encoding"] = test.header
			answer.Header["Vary"] = []string{"Accept-Encoding", "Origin"}
			findings := newContract(t).Check(request(), answer)
			require.ElementsMatch(t, test.rules, rulesOf(findings), "%v", findings)
			body, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			require.Equal(t, test.body, string(body), "the body stays as it is")
		})
	}
	// One that is right has the same content as without: a replay may come in another coding.
	c := newContract(t)
	for _, coding := range []string{"", "gzip"} {
		r := request()
		r.Header.Set("Idempotency-Key", "k")
		answer := response(200, coded(t, coding, good))
		answer.Header.Set("Content-Encoding", coding)
		require.Empty(t, c.Check(r, answer))
	}
	bomb := response(200, coded(t, "gzip", strings.Repeat(" ", 64<<20)))
	bomb.Header.Set("Content-Encoding", "gzip")
	require.NotEmpty(t, newContract(t).Check(request(), bomb), "it is not read to its end")
}

// compressed is a server's usual middleware.
func compressed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept-Encoding")
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			next.ServeHTTP(w, r)
			return
		}
		z := &gzipWriter{ResponseWriter: w}
		next.ServeHTTP(z, r)
		z.close()
	})
}

type gzipWriter struct {
	http.ResponseWriter
	z *gzip.Writer
}

func (w *gzipWriter) WriteHeader(status int) {
	w.Header().Del("Content-Length")
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Trailer", "X-Sum")
	w.ResponseWriter.WriteHeader(status)
	w.z = gzip.NewWriter(w.ResponseWriter)
}

func (w *gzipWriter) Write(b []byte) (int, error) {
	if w.z == nil {
		w.WriteHeader(http.StatusOK)
	}
	return w.z.Write(b)
}

func (w *gzipWriter) close() {
	if w.z != nil {
		_ = w.z.Close()
	}
	w.Header().Set("X-Sum", "1")
	w.Header().Set("X-Late", "is no trailer")
}

// TestCodings_around has compressed calls pass, over a network: the middleware within the kit and around
// it, and callers that ask for gzip and undo it themselves, that leave it to net/http, or that don't ask.
func TestCodings_around(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(*contract.Contract, http.Handler) http.Handler{
		"within": func(c *contract.Contract, h http.Handler) http.Handler { return c.Handler(compressed(h)) },
		"around": func(c *contract.Contract, h http.Handler) http.Handler { return compressed(c.Handler(h)) },
	} {
		for accept, zipped := range map[string]bool{"": false, "gzip": true, "identity": false} {
			for _, method := range []string{http.MethodPost, http.MethodHead} {
				t.Run(name+" "+accept+" "+method, func(t *testing.T) {
					t.Parallel()
					handler, fixtures := minimal.New()
					inside, outside := newContract(t, contract.ResponsesOnly()), newContract(t, contract.ResponsesOnly())
					server := httptest.NewServer(wrap(inside, handler))
					t.Cleanup(server.Close)
					client := http.Client{Transport: outside.Transport(server.Client().Transport)}
					s := fixtures.Requested
					for _, want := range []int{http.StatusOK, http.StatusConflict} {
						if want == http.StatusConflict {
							require.NoError(t, fixtures.Decide(t.Context(), s.RequestID, api.Enabled))
						}
						r, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/management/clients/individuals/"+s.ClientID+"/products/"+s.RequestID+"/submit", nil)
						require.NoError(t, err)
						r.Header.Set("x-api-key", fixtures.Key)
						if accept != "" {
							r.Header.Set("Accept-Encoding", accept)
						}
						answer, err := client.Do(r)
						require.NoError(t, err)
						body, err := io.ReadAll(answer.Body)
						require.NoError(t, err)
						require.NoError(t, answer.Body.Close())
						if method == http.MethodHead {
							require.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode)
							continue
						}
						require.Equal(t, want, answer.StatusCode)
						require.Equal(t, zipped, bytes.HasPrefix(body, []byte("\x1f\x8b")), "it comes as it was asked for")
						if zipped {
							require.Equal(t, "1", answer.Trailer.Get("X-Sum"))
						}
						require.Empty(t, answer.Header.Get("X-Late"))
					}
					require.Empty(t, inside.Findings())
					require.Empty(t, outside.Findings())
				})
			}
		}
	}
}

func TestCodings_notifications(t *testing.T) {
	t.Parallel()
	secret := []byte("0123456789abcdef")
	signed := func(over, body string, coding string) *http.Request {
		r := notification(body)
		mac := hmac.New(sha256.New, secret)
		_, _ = fmt.Fprintf(mac, "ntf_1.1776331200.%s", over)
		r.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		r.Header.Set("Content-Encoding", coding)
		return r
	}
	gzipped := coded(t, "gzip", entered)
	for name, test := range map[string]struct {
		r     *http.Request
		rules []string
	}{
		"plain":                 {signed(entered, entered, ""), nil},
		"signed, then gzip":     {signed(entered, gzipped, "gzip"), nil},
		"gzip, then signed":     {signed(gzipped, gzipped, "gzip"), nil},
		"another's signature":   {signed("another", gzipped, "gzip"), []string{"notification.forged", "notification.taken"}},
		"unknown coding":        {signed(entered, "\x0b\x02\x80", "br"), []string{"response.coding"}},
		"what is wrong in gzip": {signed("{}", coded(t, "gzip", "{}"), "gzip"), []string{"schema.required", "schema.required", "schema.required"}},
	} {
		c := newContract(t, contract.WithWebhookSecrets("whsec_"+base64.StdEncoding.EncodeToString(secret)))
		require.Equal(t, test.rules, rulesOrNil(c.CheckNotification(test.r, &http.Response{StatusCode: http.StatusNoContent})), name)
	}
}

func rulesOrNil(findings []contract.Finding) []string {
	if len(findings) == 0 {
		return nil
	}
	return rulesOf(findings)
}

// TestCodings_suite runs the whole suite against a server that compresses.
func TestCodings_suite(t *testing.T) {
	t.Parallel()
	handler, fixtures := minimal.New()
	asking := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Accept-Encoding", "gzip")
		compressed(handler).ServeHTTP(w, r)
	})
	coverage := contract.Suite(t, contract.InProcess(asking), fixtures)
	require.NotEmpty(t, coverage.Ran)
	require.Empty(t, coverage.Findings)
}
