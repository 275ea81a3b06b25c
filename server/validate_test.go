package server_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server"
)

func TestRequestsThatAreNotAsDescribed(t *testing.T) {
	t.Parallel()
	const (
		before   = "/management/clients/individuals/"
		after    = "/products/" + requestID + "/submit"
		pattern  = "must match ^[A-Za-z0-9_-]{1,64}$"
		clientIs = `path parameter "clientId": ` + pattern
		keyIs    = `header "Idempotency-Key": `
	)
	header := func(values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header["Idempotency-Key"] = values }
	}
	body := func(text string) func(*http.Request) {
		return func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
		}
	}
	for name, test := range map[string]struct {
		target  string
		change  func(*http.Request)
		status  int
		message string
	}{
		"space":                {before + "a%20b" + after, nil, 400, clientIs},
		"65 characters":        {before + strings.Repeat("a", 65) + after, nil, 400, clientIs},
		"escaped dots":         {before + "%2e%2e" + after, nil, 400, clientIs},
		"NUL":                  {before + "%00" + after, nil, 400, clientIs},
		"slash":                {before + "a%2Fb" + after, nil, 400, clientIs},
		"line feed at the end": {before + "abc%0A" + after, nil, 400, clientIs},
		"not UTF-8":            {before + "%ff" + after, nil, 400, clientIs},
		"letters of no ASCII":  {before + "%C3%A9" + after, nil, 400, clientIs},
		"template":             {strings.ReplaceAll(template, "{", "%7B"), nil, 400, clientIs},
		"second parameter":     {before + clientID + "/products/a.b/submit", nil, 400, `path parameter "productRequestId": ` + pattern},
		"dots":                 {before + ".." + after, nil, 404, "There is no such operation"},
		"empty":                {before + after, nil, 404, "There is no such operation"},
		"double slash":         {"/" + goodPath, nil, 404, "There is no such operation"},
		"dots at the end":      {goodPath + "/..", nil, 404, "There is no such operation"},

		"empty key":         {goodPath, header(""), 400, keyIs + "must have at least 1 characters"},
		"long key":          {goodPath, header(strings.Repeat("k", 256)), 400, keyIs + "must have at most 255 characters"},
		"space in the key":  {goodPath, header("a b"), 400, keyIs + "must match ^[!-~]+$"},
		"letter in the key": {goodPath, header("é"), 400, keyIs + "must match ^[!-~]+$"},
		"two keys":          {goodPath, header("a", "b"), 400, keyIs + "must be sent once"},
		"same key twice":    {goodPath, header("a", "a"), 400, keyIs + "must be sent once"},

		"unknown query":           {goodPath + "?dry_run=true", nil, 400, `query parameter "dry_run": is not known`},
		"unknown query, no value": {goodPath + "?a", nil, 400, `query parameter "a": is not known`},
		"query without name":      {goodPath + "?=a", nil, 400, `query parameter "": is not known`},
		"first of two":            {goodPath + "?b=1&a=1", nil, 400, `query parameter "a": is not known`},
		"long query name": {goodPath + "?" + strings.Repeat("n", 1000) + "=1", nil, 400,
			`query parameter "` + strings.Repeat("n", 32) + `...": is not known`},
		"odd query name":   {goodPath + "?%22%3Cb%3E%0A%C3%A9%ff=1", nil, 400, `query parameter "??b????": is not known`},
		"bad escape":       {goodPath + "?a=%zz", nil, 400, "The query is malformed"},
		"semicolon":        {goodPath + "?a;b", nil, 400, "The query is malformed"},
		"path param again": {goodPath + "?clientId=x", nil, 400, `query parameter "clientId": is not known`},

		"body":       {goodPath, body("{}"), 400, "This operation takes no request body"},
		"large body": {goodPath, body(strings.Repeat("x", 101)), 413, "The request body is larger than 100 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, works, server.WithMaxBody(100))
			r := request(http.MethodPost, test.target)
			if test.change != nil {
				test.change(r)
			}
			a := f.ask(t, r)
			require.Equal(t, test.status, a.status)
			require.Equal(t, test.message, a.message)
			require.Zero(t, f.calls.count())
			want := map[int]api.ErrorCode{400: api.CodeBadRequest, 404: api.CodeNotFound, 413: api.CodePayloadTooLarge}
			require.Equal(t, want[test.status], a.code)
			require.Empty(t, a.header.Get("Location"))
			require.Empty(t, f.log.lines(t, "ERROR"))
		})
	}
}

func TestRequestsThatAreAsDescribed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*http.Request){
		"as it is":            func(*http.Request) {},
		"question mark":       func(r *http.Request) { r.URL.ForceQuery = true },
		"empty query":         func(r *http.Request) { r.URL.RawQuery = "&" },
		"key":                 func(r *http.Request) { r.Header.Set("Idempotency-Key", "a,b%2F100%") },
		"longest key":         func(r *http.Request) { r.Header.Set("Idempotency-Key", strings.Repeat("~", 255)) },
		"another header":      func(r *http.Request) { r.Header["X-Other"] = []string{"a", "b"} },
		"content type":        func(r *http.Request) { r.Header.Set("Content-Type", "text/html") },
		"escaped letter":      func(r *http.Request) { r.URL.RawPath = strings.Replace(goodPath, "4Q", "%34Q", 1) },
		"empty chunked body":  func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("")), -1 },
		"another server name": func(r *http.Request) { r.Host = "elsewhere.example:99" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, works)
			r := request(http.MethodPost, goodPath)
			change(r)
			require.Equal(t, http.StatusOK, f.ask(t, r).status)
			require.Equal(t, 1, f.calls.count())
		})
	}
}

func TestBodiesOverTheWire(t *testing.T) {
	t.Parallel()
	f := newFixture(t, works, server.WithMaxBody(100))
	s := httptest.NewServer(f)
	defer s.Close()
	for name, test := range map[string]struct {
		size    int
		chunked bool
		key     string
		status  int
	}{
		"none":                    {0, false, goodKey, 200},
		"none, chunked":           {0, true, goodKey, 200},
		"small":                   {1, false, goodKey, 400},
		"small, chunked":          {1, true, goodKey, 400},
		"full":                    {100, false, goodKey, 400},
		"full, chunked":           {100, true, goodKey, 400},
		"too large":               {101, false, goodKey, 413},
		"too large, chunked":      {101, true, goodKey, 413},
		"far too large":           {1 << 20, false, goodKey, 413},
		"far too large, chunked":  {1 << 20, true, goodKey, 413},
		"too large, no key":       {101, false, "", 413}, // told by its length, before anything else
		"too large, chunked, too": {101, true, "", 401},  // not read for just anybody
	} {
		t.Run(name, func(t *testing.T) {
			var body io.Reader = strings.NewReader(strings.Repeat("x", test.size))
			if test.chunked {
				body = io.MultiReader(body) // of no length that the client could know
			}
			r, err := http.NewRequest(http.MethodPost, s.URL+goodPath, body)
			require.NoError(t, err)
			r.Header.Set("X-Api-Key", test.key)
			response, err := s.Client().Do(r)
			require.NoError(t, err)
			require.Equal(t, test.status, check(t, r, response).status)
		})
	}
}

// A body that stops early is the caller's mistake, not the server's.
func TestBodyThatBreaksOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t, works)
	r := request(http.MethodPost, goodPath)
	r.Body, r.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader("x"), broken{})), -1
	a := f.ask(t, r)
	require.Equal(t, http.StatusBadRequest, a.status)
	require.Equal(t, "The request body can't be read", a.message)
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// The operation takes no body and no query; one that did would be held to its specification as well.
func TestAnOperationWithBodyAndQuery(t *testing.T) {
	t.Parallel()
	doc, err := spec.GetSpec()
	require.NoError(t, err)
	number := openapi3.NewIntegerSchema().WithMin(1)
	operation := doc.Paths.Value(template).Post
	operation.AddParameter(openapi3.NewQueryParameter("limit").WithSchema(number).WithRequired(true))
	operation.AddParameter(openapi3.NewQueryParameter("kind").WithSchema(openapi3.NewStringSchema().WithEnum("a", "b")))
	operation.AddParameter(openapi3.NewQueryParameter("size").WithSchema(number))
	operation.RequestBody = &openapi3.RequestBodyRef{Value: openapi3.NewRequestBody().WithRequired(true).
		WithJSONSchema(openapi3.NewObjectSchema().WithProperty("note", openapi3.NewStringSchema().WithMaxLength(3)))}
	h, err := server.HandlerOf(doc, submit(works), server.WithMaxBody(30), server.WithLogger(slog.New(slog.DiscardHandler)),
		server.WithAuthenticator(server.AuthenticatorFunc(allow)))
	require.NoError(t, err)
	for name, test := range map[string]struct {
		query, media, body string
		length             int64
		status             int
		message            string
	}{
		"as described":      {"limit=1&kind=a", "application/json", `{"note":"abc"}`, 14, 200, ""},
		"chunked":           {"limit=1", "application/json; charset=utf-8", `{"note":"abc"}`, -1, 200, ""},
		"no parameter":      {"kind=a", "application/json", `{}`, 2, 400, `query parameter "limit": is required`},
		"unknown parameter": {"limit=1&max=2", "application/json", `{}`, 2, 400, `query parameter "max": is not known`},
		"not a number":      {"limit=canary", "application/json", `{}`, 2, 400, `query parameter "limit": is malformed`},
		"empty number":      {"limit=1&size=", "application/json", `{}`, 2, 400, `query parameter "size": must not be empty`},
		"too small":         {"limit=0", "application/json", `{}`, 2, 400, `query parameter "limit": must be at least 1`},
		"not in the list":   {"limit=1&kind=canary", "application/json", `{}`, 2, 400, `query parameter "kind": must be one of the documented values`},
		"no body":           {"limit=1", "application/json", ``, 0, 400, "request body: is required"},
		"not JSON":          {"limit=1", "application/json", `canary`, 6, 400, "request body: line 1, column 1: this is not JSON"},
		"against a rule":    {"limit=1", "application/json", `{"note":"canary"}`, 17, 400, "request body /note: must have at most 3 characters"},
		"null":              {"limit=1", "application/json", `{"note":null}`, 13, 400, "request body /note: must not be null"},
		"other media type":  {"limit=1", "text/canary", `{}`, 2, 400, `header "Content-Type": must be application/json`},
		"too large":         {"limit=1", "application/json", strings.Repeat(" ", 31), 31, 413, "The request body is larger than 30 bytes"},
		"too large, chunked": {"limit=1", "application/json", strings.Repeat(" ", 31), -1, 413,
			"The request body is larger than 30 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request(http.MethodPost, goodPath+"?"+test.query)
			r.Header.Set("Content-Type", test.media)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(test.body)), test.length
			if test.length == 0 {
				r.Body = http.NoBody
			}
			a := fixture{Handler: h}.ask(t, r)
			require.Equal(t, test.status, a.status)
			require.Equal(t, test.message, a.message)
		})
	}
}

// Where the generated code refuses what the specification let pass, it is the caller's mistake too.
func TestTheGeneratedCodeRefuses(t *testing.T) {
	t.Parallel()
	doc, err := spec.GetSpec()
	require.NoError(t, err)
	operation := doc.Paths.Value(template).Post
	operation.Parameters = operation.Parameters[:2] // without Idempotency-Key
	log := &journal{}
	h, err := server.HandlerOf(doc, submit(works), server.WithLogger(slog.New(slog.NewJSONHandler(log, nil))),
		server.WithAuthenticator(server.AuthenticatorFunc(allow)))
	require.NoError(t, err)
	r := request(http.MethodPost, goodPath)
	r.Header["Idempotency-Key"] = []string{"canary", "canary"}
	a := fixture{Handler: h}.ask(t, r)
	require.Equal(t, http.StatusBadRequest, a.status)
	require.Equal(t, "The request is malformed", a.message)
	require.Len(t, log.lines(t, "WARN"), 1)
	require.NotContains(t, log.String(), "canary")
}
