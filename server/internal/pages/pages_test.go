package pages_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/pages"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/sample/faults"
)

// elsewhere is what the handler behind the pages answers.
const elsewhere = http.StatusTeapot

func handler(tb testing.TB) http.Handler {
	tb.Helper()
	h, err := pages.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(elsewhere) }), nil, slog.New(slog.DiscardHandler))
	require.NoError(tb, err)
	return h
}

// sampleHandler has the panel above the reference.
func sampleHandler(tb testing.TB) http.Handler {
	tb.Helper()
	panel, err := sample.Panel()
	require.NoError(tb, err)
	h, err := pages.Handler(http.NotFoundHandler(), panel, slog.New(slog.DiscardHandler))
	require.NoError(tb, err)
	return h
}

// get asks for what it says, read as a server reads it: nothing is cleaned up. Header names and values
// follow each other.
func get(tb testing.TB, h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	tb.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " " + target + " HTTP/1.1\r\nHost: service\r\n\r\n")))
	require.NoError(tb, err, target)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// references are the addresses in the reference's page, relative to it.
func references(tb testing.TB, h http.Handler) []string {
	tb.Helper()
	var all []string
	for _, match := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(get(tb, h, "GET", "/docs/").Body.String(), -1) {
		all = append(all, match[1])
	}
	require.NotEmpty(tb, all)
	return all
}

// loaded are the paths of what the reference's page loads.
func loaded(tb testing.TB, h http.Handler) []string {
	tb.Helper()
	var all []string
	for _, reference := range references(tb, h) {
		if !strings.HasPrefix(reference, "../") {
			all = append(all, "/docs/"+reference)
		}
	}
	return all
}

// everything is every path that has a page, without the redirects.
func everything(tb testing.TB, h http.Handler) []string {
	tb.Helper()
	return append([]string{"/openapi.yaml", "/openapi.json", "/docs/"}, loaded(tb, h)...)
}

func TestHandler_description(t *testing.T) {
	t.Parallel()
	h := handler(t)
	file, err := os.ReadFile("../../../openapi.yaml")
	require.NoError(t, err)
	written, converted := get(t, h, "GET", "/openapi.yaml"), get(t, h, "GET", "/openapi.json")
	here := "  - url: \"http://service\"\n    description: This service\n"
	require.Equal(t, 1, strings.Count(written.Body.String(), here))
	require.Equal(t, string(file), strings.Replace(written.Body.String(), here, "", 1), "run make generate")
	doc, err := openapi3.NewLoader().LoadFromData(written.Body.Bytes())
	require.NoError(t, err)
	same, err := doc.MarshalJSON()
	require.NoError(t, err)
	require.JSONEq(t, string(same), converted.Body.String())

	require.Equal(t, "application/yaml", written.Header().Get("Content-Type"))
	require.Equal(t, "application/json", converted.Header().Get("Content-Type"))
	for _, w := range []*httptest.ResponseRecorder{written, converted} {
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
		require.Equal(t, "no-cache", w.Header().Get("Cache-Control"))
	}
}

func TestHandler_redirects(t *testing.T) {
	t.Parallel()
	h := handler(t)
	for _, path := range []string{"/", "/docs", "/docs?url=https://example.com", "/?a"} {
		w := get(t, h, "GET", path)
		require.Equal(t, http.StatusFound, w.Code, path)
		require.Equal(t, "docs/", w.Header().Get("Location"), path) // relative: holds under a proxy's path
		require.Empty(t, w.Body.String())
	}
	server := httptest.NewServer(http.StripPrefix("/behind/a/proxy", h))
	defer server.Close()
	for _, path := range []string{"/behind/a/proxy/", "/behind/a/proxy/docs"} {
		response, err := server.Client().Get(server.URL + path)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
		require.Equal(t, "/behind/a/proxy/docs/", response.Request.URL.Path)
	}
}

func TestHandler_reference(t *testing.T) {
	t.Parallel()
	h := handler(t)
	w := get(t, h, "GET", "/docs/")
	require.Equal(t, http.StatusOK, w.Code)
	header := w.Header().Clone()
	require.NotEmpty(t, header.Get("ETag"))
	header.Del("ETag")
	require.NotEmpty(t, header.Get("Content-Length"))
	header.Del("Content-Length")
	require.Equal(t, http.Header{
		"Accept-Ranges":              {"bytes"},
		"Cache-Control":              {"no-cache"},
		"Content-Type":               {"text/html; charset=utf-8"},
		"Cross-Origin-Opener-Policy": {"same-origin"},
		"Referrer-Policy":            {"no-referrer"},
		"X-Content-Type-Options":     {"nosniff"},
		"Content-Security-Policy": {"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
			"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
	}, header)
	require.Contains(t, w.Body.String(), "<title>Product enablement: API reference</title>")
	// The title is the specification's.
	require.Contains(t, get(t, h, "GET", "/openapi.yaml").Body.String(), "\n  title: Product enablement\n")
}

// TestHandler_assets makes sure that what the page refers to is there, and that it is what it says.
func TestHandler_assets(t *testing.T) {
	t.Parallel()
	h := handler(t)
	for name, want := range map[string]struct{ mediaType, contains string }{
		"swagger-ui-bundle.js": {"text/javascript; charset=utf-8", "SwaggerUIBundle"},
		"swagger-ui.css":       {"text/css; charset=utf-8", ".swagger-ui"},
		"favicon-32x32.png":    {"image/png", "PNG"},
		"init.js":              {"text/javascript; charset=utf-8", "SwaggerUIBundle("},
		"page.css":             {"text/css; charset=utf-8", "body {"},
	} {
		path := ""
		for _, asset := range loaded(t, h) {
			if strings.HasSuffix(asset, "/"+name) {
				path = asset
			}
		}
		require.Regexp(t, `^/docs/[0-9a-f]{16}/`, path, name)
		w := get(t, h, "GET", path)
		require.Equal(t, http.StatusOK, w.Code, name)
		require.Equal(t, want.mediaType, w.Header().Get("Content-Type"), name)
		require.Equal(t, "public, max-age=31536000, immutable", w.Header().Get("Cache-Control"), name)
		require.Contains(t, w.Body.String(), want.contains, name)
		require.Empty(t, w.Header().Get("Access-Control-Allow-Origin"), name)
	}
	for _, reference := range references(t, h) {
		if path, found := strings.CutPrefix(reference, ".."); found {
			require.Equal(t, http.StatusOK, get(t, h, "GET", path).Code, path)
		}
	}
}

// TestHandler_own makes sure that what was written for the page names no other place and has nothing
// inline, which the policy would refuse.
func TestHandler_own(t *testing.T) {
	t.Parallel()
	own := regexp.MustCompile(`/(init\.js|page\.css|panel\.js|panel\.css)$`)
	for _, h := range []http.Handler{handler(t), sampleHandler(t)} {
		page := get(t, h, "GET", "/docs/").Body.String()
		require.NotRegexp(t, `(?i)<style|\sstyle=|\son[a-z]+=|<script(?:\s[^>]*)?>[^<]|javascript:|<base|<iframe`, page)
		texts := map[string]string{"/docs/": page}
		for _, path := range loaded(t, h) {
			if own.MatchString(path) {
				texts[path] = get(t, h, "GET", path).Body.String()
			}
		}
		require.Len(t, texts, len(loaded(t, h))-2, "the page, and all it loads but Swagger UI's script, style and icon")
		for path, text := range texts {
			require.NotRegexp(t, `//[A-Za-z0-9]|https?:|@import|\burl\(|eval\(|Function\(|cookie|localStorage|sessionStorage`, text, path)
		}
	}
}

// TestHandler_panel: a panel stands above the reference and changes nothing else; without one, there is nothing of it.
func TestHandler_panel(t *testing.T) {
	t.Parallel()
	plain, withPanel := handler(t), sampleHandler(t)
	require.Len(t, loaded(t, plain), 5)
	require.Len(t, loaded(t, withPanel), 7)
	page := get(t, plain, "GET", "/docs/")
	require.NotContains(t, page.Body.String(), "sample")
	require.NotContains(t, page.Body.String(), "panel")

	with := get(t, withPanel, "GET", "/docs/")
	require.Equal(t, page.Header().Get("Content-Security-Policy"), with.Header().Get("Content-Security-Policy"))
	for _, offered := range []string{sample.KeyLevel1, sample.KeyLevel3, sample.KeyOtherCompany} {
		require.Contains(t, with.Body.String(), `value="`+offered+`"`)
	}
	for _, c := range sample.Cases {
		require.Contains(t, with.Body.String(), `data-path="`+c.Path()+`"`)
	}
	for _, kind := range faults.Kinds {
		require.Contains(t, with.Body.String(), `value="`+kind.Example+`"`)
		require.Contains(t, with.Body.String(), kind.Does)
	}
	require.Contains(t, with.Body.String(), `data-reset="sample/reset"`)
	for _, path := range loaded(t, withPanel) {
		require.Equal(t, http.StatusOK, get(t, withPanel, "GET", path).Code, path)
	}
}

func TestHandler_everything(t *testing.T) {
	t.Parallel()
	h := handler(t)
	etags := map[string]string{}
	for _, path := range everything(t, h) {
		for _, encoding := range []string{"identity", "gzip"} {
			full := get(t, h, "GET", path, "Accept-Encoding", encoding)
			require.Equal(t, http.StatusOK, full.Code, path)
			require.Equal(t, "nosniff", full.Header().Get("X-Content-Type-Options"), path)
			etag := full.Header().Get("ETag")
			require.Regexp(t, `^"[0-9a-f]{32}(-gzip)?"$`, etag, path)
			if of := full.Header().Get("Content-Encoding") + path; etags[etag] == "" {
				etags[etag] = of
			} else {
				require.Equal(t, etags[etag], of, "one tag for two contents")
			}

			head := get(t, h, "HEAD", path, "Accept-Encoding", encoding)
			require.Equal(t, http.StatusOK, head.Code, path)
			require.Zero(t, head.Body.Len(), path)
			require.Equal(t, full.Header(), head.Header(), path)

			for _, match := range []string{etag, "W/" + etag, `"other", ` + etag, "*"} {
				w := get(t, h, "GET", path, "Accept-Encoding", encoding, "If-None-Match", match)
				require.Equal(t, http.StatusNotModified, w.Code, path)
				require.Zero(t, w.Body.Len(), path)
				require.Equal(t, etag, w.Header().Get("ETag"), path)
				require.Equal(t, full.Header().Get("Cache-Control"), w.Header().Get("Cache-Control"), path)
				require.Equal(t, full.Header().Get("Vary"), w.Header().Get("Vary"), path)
			}
			w := get(t, h, "GET", path, "Accept-Encoding", encoding, "If-None-Match", `"other"`)
			require.Equal(t, http.StatusOK, w.Code, path)
			require.Equal(t, full.Body.Bytes(), w.Body.Bytes(), path)
		}
	}
}

func TestHandler_methods(t *testing.T) {
	t.Parallel()
	h := handler(t)
	for _, path := range append(everything(t, h), "/", "/docs") {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get"} {
			w := get(t, h, method, path)
			require.Equal(t, http.StatusMethodNotAllowed, w.Code, "%s %s", method, path)
			require.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
			requireError(t, w, api.CodeMethodNotAllowed, "The page takes GET and HEAD only")
		}
	}
}

// requireError holds an answer to the API's form.
func requireError(t *testing.T, w *httptest.ResponseRecorder, code api.ErrorCode, message string) {
	t.Helper()
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Empty(t, w.Header().Get("ETag"))
	require.Empty(t, w.Header().Get("Content-Encoding"))
	var body api.Error
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body), w.Body.String())
	require.Equal(t, api.Error{Code: code, Message: message, TraceID: w.Header().Get("X-Trace-Id")}, body)
	require.Regexp(t, "^[0-9a-f]{32}$", body.TraceID)
}

// TestHandler_otherErrors is about what net/http answers for a page.
func TestHandler_otherErrors(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	h, err := pages.Handler(http.NotFoundHandler(), nil, slog.New(slog.NewTextHandler(&lines, nil)))
	require.NoError(t, err)
	for _, path := range everything(t, h) {
		for _, encoding := range []string{"", "gzip"} {
			w := get(t, h, "GET", path, "Range", "bytes=99999999-", "Accept-Encoding", encoding)
			require.Equal(t, http.StatusRequestedRangeNotSatisfiable, w.Code, path)
			require.Regexp(t, `^bytes \*/[0-9]+$`, w.Header().Get("Content-Range"))
			requireError(t, w, api.CodeBadRequest, "invalid range: failed to overlap")
			require.Contains(t, lines.String(), "trace_id="+w.Header().Get("X-Trace-Id"))

			w = get(t, h, "GET", path, "If-Match", `"other"`, "Accept-Encoding", encoding)
			require.Equal(t, http.StatusPreconditionFailed, w.Code, path)
			requireError(t, w, api.CodeBadRequest, "Precondition Failed")
		}
	}
	traced := get(t, h, "PUT", "/docs/", "Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	require.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", traced.Header().Get("X-Trace-Id"))
}

// TestHandler_smuggling is about requests of which a proxy in front may see another end: each is the
// last on its connection, and what comes after it is never answered.
func TestHandler_smuggling(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(handler(t))
	defer s.Close()
	const hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, test := range map[string]struct {
		raw     string
		answers int
	}{
		"plain":                 {"GET /docs/ HTTP/1.1\r\nHost: x\r\n\r\n" + hidden, 2},
		"empty body":            {"GET /docs/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + hidden, 2},
		"body":                  {"GET /docs/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + hidden, 1},
		"hidden in the body":    {"GET /openapi.yaml HTTP/1.1\r\nHost: x\r\nContent-Length: 37\r\n\r\n" + hidden + hidden, 1},
		"both lengths":          {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, 1},
		"chunked":               {"GET /openapi.json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, 1},
		"HTTP/1.0 that stays":   {"GET /docs HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n" + hidden, 1},
		"wrong method, a body":  {"POST /docs/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + hidden, 1},
		"wrong method, no body": {"POST /docs/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + hidden, 2},
		"not modified":          {"GET /docs/ HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\nContent-Length: 5\r\n\r\nhello" + hidden, 1},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("tcp", s.Listener.Addr().String())
			require.NoError(t, err)
			defer c.Close() //nolint:errcheck // a test's connection
			require.NoError(t, c.SetDeadline(time.Now().Add(30*time.Second)))
			_, err = io.WriteString(c, test.raw)
			require.NoError(t, err)
			require.NoError(t, c.(*net.TCPConn).CloseWrite())
			answers := 0
			for reader := bufio.NewReader(c); ; answers++ {
				response, err := http.ReadResponse(reader, nil)
				if err != nil {
					break
				}
				_, err = io.Copy(io.Discard, response.Body)
				require.NoError(t, err)
			}
			require.Equal(t, test.answers, answers)
		})
	}
}

// TestHandler_elsewhere makes sure that nothing but the pages is taken from the handler behind them,
// and that there is no other way to write a page's path.
func TestHandler_elsewhere(t *testing.T) {
	t.Parallel()
	h := handler(t)
	assets := path.Dir(loaded(t, h)[0]) + "/"
	for _, target := range []string{
		"/management/clients/individuals/a/products/b/submit", "/index.html", "/favicon.ico", "/openapi", "/openapi.yml",
		"/openapi.yaml/", "/OPENAPI.YAML", "//openapi.yaml", "/./openapi.yaml", "/openapi%2Eyaml", "/%64ocs/", "/docs/../openapi.yaml",
		"//docs/", "/docs//", "/docs/.", "/docs/..", "/docs/index.html", "/docs/init.js", "/docs/openapi.yaml", "/docs%2F", "/docs%2f",
		assets, strings.TrimSuffix(assets, "/"), assets + "index.html", assets + "../", assets + "..%2f..%2fpages.go",
		assets + "../../../../../go.mod", assets + "%2e%2e/%2e%2e/go.mod", assets + `..\..\go.mod`, assets + "init.js%00", assets + "init.js/",
		assets + "swagger-ui.js", assets + "swagger-ui-bundle.js.gz", assets + "oauth2-redirect.html", "/docs/0000000000000000/init.js",
	} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			w := get(t, h, method, target)
			require.Equal(t, elsewhere, w.Code, "%s %s", method, target)
			require.Empty(t, w.Header(), "%s %s", method, target)
		}
	}
	require.Equal(t, elsewhere, get(t, h, "OPTIONS", "*").Code)
}

func TestHandler_encodings(t *testing.T) {
	t.Parallel()
	h := handler(t)
	for _, path := range loaded(t, h) {
		if !strings.Contains(path, "/swagger-ui") {
			w := get(t, h, "GET", path, "Accept-Encoding", "gzip")
			require.Empty(t, w.Header().Get("Content-Encoding"), path)
			require.Empty(t, w.Header().Get("Vary"), path)
			continue
		}
		plain := get(t, h, "GET", path)
		require.Empty(t, plain.Header().Get("Content-Encoding"), path)
		for accept, gzipped := range map[string]bool{
			"gzip": true, "gzip, deflate, br, zstd": true, "br;q=1.0, GZIP;q=0.5": true, " gzip ; q=1": true, "br,gzip;q=0.001": true,
			"": false, "br": false, "*": false, "identity": false, "gzip;q=0": false, "br, gzip; Q=0.000": false, "gzip;q=": false,
			"xgzip": false, "gzip2": false, "gzip;q=NaN": false,
		} {
			w := get(t, h, "GET", path, "Accept-Encoding", accept)
			require.Equal(t, http.StatusOK, w.Code)
			require.Equal(t, "Accept-Encoding", w.Header().Get("Vary"), path)
			if !gzipped {
				require.Empty(t, w.Header().Get("Content-Encoding"), accept)
				require.Equal(t, plain.Body.Bytes(), w.Body.Bytes(), accept)
				continue
			}
			require.Equal(t, "gzip", w.Header().Get("Content-Encoding"), accept)
			reader, err := gzip.NewReader(bytes.NewReader(w.Body.Bytes()))
			require.NoError(t, err)
			text, err := io.ReadAll(reader)
			require.NoError(t, err)
			require.Equal(t, plain.Body.Bytes(), text, path)
		}
	}
}
