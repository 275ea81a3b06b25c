package cassette_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server/contract"
	"github.com/cryptomate-go/enablement/server/contract/cassette"
)

const (
	clients = "/management/clients/individuals"
	trace   = "4bf92f3577b34da6a3ce929d0e0e4736"
)

// call is one that is answered with a status and a body, and what is recorded of it.
type call struct {
	method, path, sent string
	header             http.Header
	status             int
	answer             string
	answered           http.Header
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// record makes calls one after the other, and returns the file.
func record(t *testing.T, calls ...call) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cassette")
	r, err := cassette.Create(path, "")
	require.NoError(t, err)
	for _, c := range calls {
		perform(t, r, c)
	}
	require.NoError(t, r.Close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func perform(t *testing.T, recorder *cassette.Recorder, c call) {
	t.Helper()
	if c.answered == nil {
		c.answered = http.Header{"Content-Type": {"application/json"}, "X-Trace-Id": {trace}}
	}
	transport := recorder.Transport(roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			sent, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			require.Equal(t, c.sent, string(sent), "the call goes on as it is")
		}
		return &http.Response{StatusCode: c.status, Header: c.answered, Body: io.NopCloser(strings.NewReader(c.answer))}, nil
	}))
	r, err := http.NewRequestWithContext(t.Context(), c.method, "https://api.example"+c.path, strings.NewReader(c.sent))
	require.NoError(t, err)
	for name, values := range c.header {
		r.Header[name] = values
	}
	response, err := transport.RoundTrip(r)
	require.NoError(t, err)
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, c.answer, string(answer), "the response comes back as it is")
	require.NoError(t, response.Body.Close())
}

const stored = `{"id":"c1","type":"individual","status":"pending","first_name":"Canary","last_name":"Tweety","email":"canary@tweety.example",` +
	`"birth_date":"1971-02-03","address":{"street_line1":"Cage 9","city":"Perchtown","postal_code":"C4N-4RY","state":"Feather","country":"QAT"}}`

// TestRecorder_removes: what is personal, secret or unknown is not in the file, wherever it stood.
func TestRecorder_removes(t *testing.T) {
	t.Parallel()
	get := call{method: http.MethodGet, path: clients + "/c1", status: 200, answer: stored}
	with := func(edit func(*call)) call {
		c := get
		c.header = http.Header{"X-Api-Key": {"canary-secret-key"}}
		edit(&c)
		return c
	}
	for name, c := range map[string]call{
		"what is described": with(func(*call) {}),
		"unknown fields": with(func(c *call) {
			c.answer = `{"id":"c1","extra":"canary","Canary Tweety":1,"more":{"tweety":["canary",123456789,true,{"x":"canary"}]}}`
		}),
		"wrong types": with(func(c *call) {
			c.answer = `{"id":["canary"],"type":{"a":"tweety"},"status":123456789,"address":"Perchtown"}`
		}),
		"wrong values":      with(func(c *call) { c.answer = `{"id":"canary@tweety.example","status":"canary","created_at":"Canary"}` }),
		"undeclared status": with(func(c *call) { c.status, c.answer = 299, `{"canary":"tweety","a":["canary"]}` }),
		"no JSON":           with(func(c *call) { c.answer = "<p>canary" }),
		"text after it":     with(func(c *call) { c.answer += "canary" }),
		"cut JSON":          with(func(c *call) { c.answer = `{"first_name":"canary` }),
		"a message": with(func(c *call) {
			c.status, c.answer = 404, `{"code":"NOT_FOUND","message":"canary is gone","trace_id":"`+trace+`"}`
		}),
		"a code": with(func(c *call) { c.status, c.answer = 404, `{"code":"canary","message":"m","trace_id":"canary"}` }),
		"headers of the call": with(func(c *call) {
			c.header["Authorization"], c.header["Cookie"], c.header["X-Canary"] = []string{"canary"}, []string{"canary"}, []string{"tweety"}
		}),
		"two keys":              with(func(c *call) { c.header["X-Api-Key"] = []string{"canary-one", "canary-two"} }),
		"a cookie that is told": {method: http.MethodGet, path: clients + "/c1/products", header: http.Header{"Cookie": {"a=1; session=canary"}}, status: 200, answer: product("for canary")},
		"a media type": with(func(c *call) {
			c.answered = http.Header{"Content-Type": {"application/json; x=canary"}, "Date": {"tweety"}, "Allow": {"GET, canary"}}
		}),
		"headers": with(func(c *call) {
			c.answered = http.Header{"Set-Cookie": {"canary=1"}, "X-Canary": {"tweety"}, "X-Trace-Id": {"canary"}, "Content-Type": {"application/json"}}
		}),
		"the query":                             with(func(c *call) { c.path += "?email=canary%40tweety.example&Canary=1&x=123456789" }),
		"a path":                                with(func(c *call) { c.path = clients + "/c1/Canary/tweety"; c.status = 404 }),
		"an id":                                 with(func(c *call) { c.path = clients + "/canary@tweety.example" }),
		"a key in a text":                       {method: http.MethodGet, path: clients + "/c1/products", header: http.Header{"X-Api-Key": {"canary-secret-key"}}, status: 200, answer: product("the key canary-secret-key is")},
		"letters that get longer in lower case": {method: http.MethodGet, path: clients + "/c1/products", header: http.Header{"X-Api-Key": {"canary-secret-key"}}, status: 200, answer: product("İ: the key CANARY-SECRET-KEY is")},
		"an idempotency key":                    {method: http.MethodPost, path: clients + "/c1/products/p1/submit", header: http.Header{"Idempotency-Key": {"canary"}}, status: 409, answer: `{}`},
		"no body is described":                  with(func(c *call) { c.sent = "canary" }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.ToLower(record(t, c))
			text = strings.ReplaceAll(text, `"x-canary"`, "") // the names of headers stay, as a finding is about them
			text = strings.ReplaceAll(text, `"tweety":`, "")  // as those of fields that look like fields
			for _, canary := range []string{"canary", "tweety", "123456789", "1971", "perchtown", "c4n", "cage", "feather", "qat"} {
				require.NotContains(t, text, canary)
			}
		})
	}
}

func product(words string) string {
	return `[{"id":"p1","client_id":"c1","product":"cards_individuals","status":"pending_documentation","missing_requirements":{"documents":[],"data":[` +
		`{"id":"d","name":"n","description":"` + words + `","required":true,"fields":[]}]},"created_at":"2026-04-15T10:30:00","updated_at":"2026-04-15T10:30:00"}]`
}

// TestRecorder_keeps: the same value has the same stand-in in every call, others have others; ids, statuses and texts of
// the specification stay.
func TestRecorder_keeps(t *testing.T) {
	t.Parallel()
	other := strings.NewReplacer("c1", "c2", "canary@", "second@").Replace(stored)
	text := record(t,
		call{method: http.MethodGet, path: clients + "/c1", status: 200, answer: stored},
		call{method: http.MethodGet, path: clients, status: 200, answer: "[" + other + "," + stored + "]"},
		call{method: http.MethodPost, path: clients + "/c1/products/p1/submit", status: 409, answer: `{"code":"VAL","message":"The enablement request is not pending documentation","trace_id":"` + trace + `"}`},
		call{method: http.MethodGet, path: clients + "/c1/products", status: 200, answer: product("what Perchtown asks for")},
	)
	require.Equal(t, 3, strings.Count(text, `"first_name":"text-1"`))
	require.Equal(t, 2, strings.Count(text, `"person-1@example.com"`))
	require.Equal(t, 1, strings.Count(text, `"person-2@example.com"`))
	for _, kept := range []string{`"id":"c1"`, `"id":"c2"`, `"status":"pending"`, trace, "The enablement request is not pending documentation"} {
		require.Contains(t, text, kept)
	}
	common := record(t,
		call{method: http.MethodGet, path: clients + "/c1", status: 200, answer: strings.Replace(stored, `"Tweety"`, `"Passport"`, 1), answered: http.Header{"Vary": {"Origin"}, "Content-Type": {"application/json; charset=UTF-8"}}},
		call{method: http.MethodGet, path: clients + "/c1/products", status: 200, answer: product("A passport of the country of origin")},
	)
	require.NotContains(t, common, `"Passport"`)
	require.Contains(t, common, `"A passport of the country of origin"`, "a word of the specification says nothing")
	require.Contains(t, common, `"application/json; charset=UTF-8"`)
	require.Regexp(t, `"what text-[0-9]+ asks for"`, text, "what is removed in one place is removed in all")
}

// TestRecorder_verdict: the kit says the same of what was recorded as of what is in the file.
func TestRecorder_verdict(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 51)
	body := func(field, value string) string {
		const good = `{"first_name":"Ana","last_name":"B","email":"a@b.example","birth_date":"1971-02-03","phone_country_code":7,"phone_number":1234567,` +
			`"address":{"street_line1":"C","city":"D","postal_code":"1","state":"E","country":"QAT"}}`
		return regexp.MustCompile(`"`+field+`":("[^"]*"|[0-9]+|\{[^}]*\})`).ReplaceAllLiteralString(good, `"`+field+`":`+value)
	}
	for _, c := range []call{
		{sent: body("first_name", `"`+long+`"`)}, {sent: body("first_name", `""`)}, {sent: body("first_name", `"\u0001"`)}, {sent: body("email", `"a b"`)},
		{sent: body("birth_date", `"3 May"`)}, {sent: body("birth_date", `"1971-02-30"`)}, {sent: body("country", `"Qatar"`)}, {sent: body("phone_number", `1234567890123456`)},
		{sent: body("phone_number", `-5`)}, {sent: body("phone_number", `0`)}, {sent: body("phone_country_code", `1000`)}, {sent: body("phone_number", `1.5`)}, {sent: body("phone_number", `1234567.0`)}, {sent: body("phone_country_code", `7e0`)}, {sent: body("phone_number", `1.2e9`)}, {sent: body("phone_number", `"1"`)}, {sent: body("address", `null`)}, {sent: body("last_name", `true`)},
		{sent: `{"first_name":"a","first_name":"b"}`}, {sent: "[]"}, {sent: "no"}, {answer: "no"}, {answer: "[" + stored + "]"}, {status: 299}, {status: 500, answer: "{}"},
		{answer: strings.Replace(stored, `"individual"`, `"robot"`, 1)}, {answer: strings.Replace(stored, `"c1"`, `"c 1"`, 1)}, {answer: strings.Replace(stored, `"c1"`, `1`, 1)},
		{header: http.Header{"Idempotency-Key": {strings.Repeat("k", 256)}}}, {header: http.Header{"Idempotency-Key": {"with space"}}}, {header: http.Header{"X-Api-Key": {"a", "b"}}},
		{answered: http.Header{"X-Trace-Id": {"short"}, "Content-Type": {"text/html"}, "X-Other": {"1"}}}, {path: clients + "?page=2"}, {path: clients + "/a.b"}, {path: clients + "/c1/x"},
		{method: http.MethodPatch}, {answered: http.Header{"X-Trace-Id": {trace, trace}}},
	} {
		if c.method == "" {
			c.method = http.MethodPost
		}
		if c.path == "" {
			c.path = clients
		}
		if c.status == 0 {
			c.status = 201
		}
		if c.answer == "" {
			c.answer = stored
		}
		if c.header == nil {
			c.header = http.Header{"X-Api-Key": {"canary-secret-key"}}
		}
		c.header["Content-Type"] = []string{"application/json"}
		kit, err := contract.New()
		require.NoError(t, err)
		path := filepath.Join(t.TempDir(), "cassette")
		recorder, err := cassette.Create(path, "")
		require.NoError(t, err)
		transport := kit.Transport(recorder.Transport(roundTripper(func(r *http.Request) (*http.Response, error) {
			header := c.answered
			if header == nil {
				header = http.Header{"Content-Type": {"application/json"}, "X-Trace-Id": {trace}}
			}
			return &http.Response{StatusCode: c.status, Header: header.Clone(), Body: io.NopCloser(strings.NewReader(c.answer)), Request: r}, nil
		})))
		r, err := http.NewRequestWithContext(t.Context(), c.method, "https://api.example"+c.path, strings.NewReader(c.sent))
		require.NoError(t, err)
		r.Header = c.header
		_, err = transport.RoundTrip(r)
		require.NoError(t, err)
		require.NoError(t, recorder.Close())
		recorded, err := cassette.Load(path)
		require.NoError(t, err)
		findings, err := recorded.Check()
		require.NoError(t, err)
		rules := func(said []string) string { return strings.Join(said, "\n") }
		var live, replayed []string
		for _, f := range kit.Findings() {
			live = append(live, f.Rule+" "+f.Pointer)
		}
		for _, f := range findings {
			replayed = append(replayed, f.Rule+" "+f.Pointer)
		}
		require.NotEmpty(t, live)
		require.Equal(t, rules(live), rules(replayed), "%+v", c)
	}
}

// TestRecorder_later: a value that was kept before anything told that it is personal is taken out in the end, as is a key
// that stands in a word.
func TestRecorder_later(t *testing.T) {
	t.Parallel()
	text := record(t,
		call{method: http.MethodGet, path: clients + "/xcanary-secret-keyx/products", status: 200, answer: product("what Perchtown asks for, xcanary-secret-keyx")},
		call{method: http.MethodGet, path: clients + "/c1", header: http.Header{"X-Api-Key": {"canary-secret-key"}}, status: 200, answer: stored},
	)
	require.NotContains(t, text, "Perchtown")
	require.NotContains(t, text, "canary")
	require.Regexp(t, `"what text-[0-9]+ asks for, xtext-[0-9]+x"`, text)
	require.Regexp(t, `individuals/xtext-[0-9]+x/products`, text, "it is an id still")
	c, err := cassette.Read(strings.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, 2, c.Len())
}

// TestLoad_same: what is read is what was written, small numbers included.
func TestLoad_same(t *testing.T) {
	t.Parallel()
	text := record(t, call{method: http.MethodGet, path: clients + "/c1", status: 200, answer: `{"phone_country_code":354,"a":[61,0.25,-7,354,0,12345,true,null,[],{}]}`})
	require.Contains(t, text, `{"phone_country_code":1,"a":[2,1.5,-3,1,0,10001,false,null,[],{}]}`)
	text = strings.NewReplacer(`"phone_country_code":1`, `"phone_country_code":9`, `1.5`, `2.5`).Replace(text)
	c, err := cassette.Read(strings.NewReader(text))
	require.NoError(t, err)
	var written bytes.Buffer
	require.NoError(t, c.Write(&written))
	require.Equal(t, text, written.String())
}

// TestLoad_tampered: a value that is put into a file by hand is found where the specification knows it is personal.
func TestLoad_tampered(t *testing.T) {
	t.Parallel()
	text := record(t, call{
		method: http.MethodPost, path: clients, sent: strings.Replace(stored, `"id":"c1"`, `"phone_number":77123456789,"flag":true`, 1), status: 201, answer: stored,
		header: http.Header{"X-Api-Key": {"canary-secret-key"}, "Idempotency-Key": {"k"}},
	})
	for old, replacement := range map[string]string{
		`"text-1"`: `"Ana"`, `"person-1@example.com"`: `"ana@example.com"`, `"1900-01-02"`: `"1984-11-21"`, `"XAA"`: `"ARG"`, `"recorded-key-1"`: `"sk_live_1"`,
		`10000000001`: `91123456789`, `"X-Api-Key":["recorded-key-1"]`: `"Authorization":["Bearer x"],"X-Api-Key":["recorded-key-1"]`,
		`"first_name"`: `"Ana Example"`, `false`: `true`, `"path":"` + clients + `"`: `"path":"` + clients + `?email=ana%40example.com"`,
	} {
		require.Contains(t, text, old)
		_, err := cassette.Read(strings.NewReader(strings.Replace(text, old, replacement, 1)))
		require.ErrorContains(t, err, "line 2: request ", old)
		require.ErrorContains(t, err, "a value that should have been removed", old)
	}
}

// TestLoad_torn: what a crash leaves is read up to there.
func TestLoad_torn(t *testing.T) {
	t.Parallel()
	one := call{method: http.MethodGet, path: clients + "/c1", status: 200, answer: stored}
	text := record(t, one, one)
	c, err := cassette.Read(strings.NewReader(text[:len(text)-1]))
	require.ErrorIs(t, err, cassette.ErrTorn)
	require.Equal(t, 1, c.Len())
	findings, err := c.Check()
	require.NoError(t, err)
	require.NotEmpty(t, findings, "there was no key")
	_, err = cassette.Read(io.MultiReader(strings.NewReader(text), iotest.ErrReader(errors.New("the disk is gone"))))
	require.ErrorContains(t, err, "the disk is gone")
}

// TestRecorder_bodies: what is compressed is recorded as it is meant, what is too large not at all.
func TestRecorder_bodies(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := io.WriteString(w, stored)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	header := http.Header{"Content-Type": {"application/json"}, "X-Trace-Id": {trace}, "Content-Encoding": {"gzip"}}
	get := call{method: http.MethodGet, path: clients + "/c1", status: 200, answer: packed.String(), answered: header}
	require.Contains(t, record(t, get), `"first_name":"text-1"`)
	packed.Reset()
	deflated, err := flate.NewWriter(&packed, flate.DefaultCompression)
	require.NoError(t, err)
	_, err = io.WriteString(deflated, stored)
	require.NoError(t, err)
	require.NoError(t, deflated.Close())
	get.answer, get.answered = packed.String(), http.Header{"Content-Type": {"application/json"}, "X-Trace-Id": {trace}, "Content-Encoding": {"deflate"}}
	require.Contains(t, record(t, get), `"first_name":"text-1"`)
	get.answered = http.Header{"Content-Encoding": {"br"}}
	require.Contains(t, record(t, get), fmt.Sprintf(`"removed_bytes":%d`, packed.Len()))
	large := call{method: http.MethodGet, path: clients, status: 200, answer: `["` + strings.Repeat("canary", 8<<20/6+1) + `"]`}
	text := record(t, large)
	require.Contains(t, text, `"removed_bytes":8388609`)
	require.Less(t, len(text), 1000)
}

// TestRecorder_elsewhere: calls of other hosts and paths, and those without a response, are not recorded.
func TestRecorder_elsewhere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cassette")
	_, err := cassette.Create(path, "api.example")
	require.ErrorContains(t, err, "the base URL must be of the form")
	r, err := cassette.Create(path, "https://API.example/v1/")
	require.NoError(t, err)
	_, err = cassette.Create(path, "")
	require.ErrorIs(t, err, os.ErrExist)
	perform(t, r, call{method: http.MethodGet, path: clients, status: 200, answer: "[]"})
	perform(t, r, call{method: http.MethodGet, path: "/v1/health", status: 200, answer: "canary"})
	perform(t, r, call{method: http.MethodGet, path: "/v1" + clients, status: 200, answer: "[]"})
	lost := r.Transport(roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("lost") }))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/v1"+clients, nil)
	require.NoError(t, err)
	_, err = lost.RoundTrip(request)
	require.EqualError(t, err, "lost")
	cut := r.Transport(roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(io.MultiReader(strings.NewReader("[]"), iotest.ErrReader(io.ErrUnexpectedEOF)))}, nil
	}))
	response, err := cut.RoundTrip(request)
	require.NoError(t, err)
	got, err := io.ReadAll(response.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, "[]", string(got))
	require.NoError(t, r.Close())
	require.Equal(t, 2, r.Ignored())
	c, err := cassette.Load(path)
	require.NoError(t, err)
	require.Equal(t, 1, c.Len())
	perform(t, r, call{method: http.MethodGet, path: "/v1" + clients, status: 200, answer: "[]"}) // it is closed, and in nobody's way
}

// TestOverlap: calls that overlapped are in no order, for the kit and for the stand-in.
func TestOverlap(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cassette")
	r, err := cassette.Create(path, "")
	require.NoError(t, err)
	old, renamed := strings.ReplaceAll(stored, `}}`, `},"created_at":"2026-04-15T10:30:00","updated_at":"2026-04-15T10:30:00"}`), ""
	renamed = strings.ReplaceAll(old, "Tweety", "Sylvester")
	get, put := call{method: http.MethodGet, path: clients + "/c1", status: 200, answer: old}, call{method: http.MethodGet, path: clients + "/c1", status: 200, answer: renamed}
	first := make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() { // it ends after the other one
		inner := r.Transport(roundTripper(func(q *http.Request) (*http.Response, error) {
			close(first)
			perform(t, r, call{method: http.MethodDelete, path: clients + "/c1", status: 204})
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}, "X-Trace-Id": {trace}}, Body: io.NopCloser(strings.NewReader(get.answer)), Request: q}, nil
		}))
		request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, "https://api.example"+clients+"/c1", nil)
		if err == nil {
			_, err = inner.RoundTrip(request)
		}
		if err != nil {
			t.Error(err)
		}
	})
	<-first
	both.Wait()
	perform(t, r, put)
	require.NoError(t, r.Close())
	c, err := cassette.Load(path)
	require.NoError(t, err)
	findings, err := c.Check(contract.Without("request.key", "response.missing_key"))
	require.NoError(t, err)
	var deleted []int
	for _, f := range findings {
		if f.Rule == "history.deleted" {
			deleted = append(deleted, f.Exchange)
		}
	}
	require.Equal(t, []int{3, 3}, deleted, "%v", findings) // the status and the client; the call that overlaps is in no order

	player := c.Player()
	play := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		player.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w
	}
	require.ErrorContains(t, player.Err(), "DELETE "+clients+"/c1 (exchange 1) was not called")
	w := play(http.MethodPost, clients+"/c1")
	require.Equal(t, http.StatusNotImplemented, w.Code)
	require.Contains(t, w.Body.String(), "POST "+clients+"/c1 was not expected, but DELETE "+clients+"/c1 (exchange 1) or GET "+clients+"/c1 (exchange 2)")
	require.Equal(t, 200, play(http.MethodGet, clients+"/c1").Code)
	require.Equal(t, http.StatusNotImplemented, play(http.MethodGet, clients+"/c1").Code, "the delete was not called")
	require.Equal(t, 204, play(http.MethodDelete, clients+"/c1").Code)
	require.Equal(t, 200, play(http.MethodGet, clients+"/c1").Code)
	require.Contains(t, play(http.MethodGet, clients+"/c1").Body.String(), "but nothing, as the cassette is at its end")
	require.ErrorContains(t, player.Err(), "was not expected")
}

// TestConcurrent: many record at once, and every line is whole.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cassette")
	r, err := cassette.Create(path, "")
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			perform(t, r, call{method: http.MethodGet, path: clients + "/c1", status: 200, answer: stored})
		})
	}
	all.Wait()
	require.NoError(t, r.Close())
	c, err := cassette.Load(path)
	require.NoError(t, err)
	require.Equal(t, 20, c.Len())
}

// TestReadHAR: what a browser exports has nothing of anybody any more, and tells what was left out.
func TestReadHAR(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/browser.har")
	require.NoError(t, err)
	c, skipped, err := cassette.ReadHAR(bytes.NewReader(append([]byte("\ufeff"), text...)), "https://api.sandbox.cryptomate.me")
	require.NoError(t, err)
	require.Equal(t, cassette.Skipped{Elsewhere: 3, Incomplete: 1}, skipped)
	var written bytes.Buffer
	require.NoError(t, c.Write(&written))
	require.NotContains(t, strings.ToLower(written.String()), "canary")
	require.NotContains(t, written.String(), "Calle")
	findings, err := c.Check()
	require.NoError(t, err)
	require.Len(t, findings, 1)
	require.Equal(t, "schema.required /email 1", fmt.Sprint(findings[0].Rule, " ", findings[0].Pointer, " ", findings[0].Exchange))
	for name, wrong := range map[string]string{
		"cut": string(text[:len(text)-1200]), "no entries": `{"log":{}}`, "a list": `[]`, "entries": `{"log":{"entries":{}}}`, "an entry": `{"log":{"entries":[1]}}`,
		"a time": strings.Replace(string(text), "2026-05-04T10:00:00.200Z", "today", 1),
	} {
		_, _, err := cassette.ReadHAR(strings.NewReader(wrong), "")
		require.ErrorContains(t, err, "cassette: HAR: ", name)
	}
}

// TestReadHAR_forms: programs write what HAR 1.2 has in their own ways.
func TestReadHAR_forms(t *testing.T) {
	t.Parallel()
	const entry = `{"startedDateTime":"2026-05-04T10:00:00.200Z","time":5,"request":{"method":"GET","url":"https://api.example` + clients + `","headers":[],"bodySize":-1},` +
		`"response":{"status":200,"headers":[{"name":"x-trace-id","value":"` + trace + `"},{"name":"content-type","value":"application/json"}],"content":{"size":2,"mimeType":"application/json","text":"[]"}}}`
	for name, test := range map[string]struct {
		from, to string
		skipped  cassette.Skipped
		rules    []string
	}{
		"as it is":                {"", "", cassette.Skipped{}, nil},
		"a zone without a colon":  {"00.200Z", "00.200+0200", cassette.Skipped{}, nil},
		"the usual port":          {"https://api.example/", "https://api.example:443/", cassette.Skipped{}, nil},
		"another port":            {"https://api.example/", "https://api.example:8443/", cassette.Skipped{Elsewhere: 1}, nil},
		"a header twice":          {`"value":"` + trace, `"value":"` + trace + `\n` + trace, cassette.Skipped{}, []string{"header.repeated"}},
		"a form without its text": {`"headers":[],"bodySize"`, `"headers":[],"postData":{"mimeType":"multipart/form-data","params":[{"name":"a","value":"canary"}]},"bodySize"`, cassette.Skipped{Incomplete: 1}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, skipped, err := cassette.ReadHAR(strings.NewReader(`{"log":{"entries":[`+strings.Replace(entry, test.from, test.to, 1)+`]}}`), "https://api.example")
			require.NoError(t, err)
			require.Equal(t, test.skipped, skipped)
			findings, err := c.Check(contract.Without("request.key", "response.missing_key"))
			require.NoError(t, err)
			var rules []string
			for _, f := range findings {
				rules = append(rules, f.Rule)
			}
			require.Equal(t, test.rules, rules)
		})
	}
}

// TestSpec: what is marked as personal is what the module knows to be, and each has a stand-in that fits its schema.
func TestSpec(t *testing.T) {
	t.Parallel()
	doc, err := spec.GetSpec()
	require.NoError(t, err)
	for _, name := range []string{"ClientInput", "AddressInput", "Client", "Address", "DocumentMetadata", "Image"} {
		require.Equal(t, true, doc.Components.Schemas[name].Value.Extensions["x-personal"], name)
	}
	example, err := json.Marshal(exampleOf(doc.Components.Schemas["ClientInput"].Value))
	require.NoError(t, err)
	text := record(t, call{method: http.MethodPost, path: clients, sent: string(example), header: http.Header{"X-Api-Key": {"a-key"}, "Content-Type": {"application/json"}}, status: 400,
		answer: `{"code":"VAL","message":"m","trace_id":"` + trace + `"}`})
	c, err := cassette.Read(strings.NewReader(text))
	require.NoError(t, err)
	findings, err := c.Check()
	require.NoError(t, err)
	require.Empty(t, findings)
}

// exampleOf has every field.
func exampleOf(schema *openapi3.Schema) map[string]any {
	fields := map[string]any{}
	for name, property := range schema.Properties {
		fields[name] = property.Value.Example
		if property.Value.Properties != nil {
			fields[name] = exampleOf(property.Value)
		}
	}
	return fields
}

// FuzzRead: whatever a file has in it, it is read or refused, and what is read is written as it was, and replayed.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"cassette":1,"spec":"1.0.0"}` + "\n" + `{"began":1,"ended":2,"at":"2026-05-04T10:00:00Z","ms":0.1,"request":{"method":"GET","path":"/management/clients/individuals/c1?a=removed%3A1",` +
		`"headers":{"X-Api-Key":["recorded-key-1"]}},"response":{"status":200,"headers":{"Content-Type":["application/json"]},"body":{"id":"c1","first_name":"text-1","first_name":1,"x":[1.5,null,false]}}}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := cassette.Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		var written, again bytes.Buffer
		require.NoError(t, c.Write(&written))
		same, err := cassette.Read(bytes.NewReader(written.Bytes()))
		require.NoError(t, err)
		require.NoError(t, same.Write(&again))
		require.Equal(t, written.String(), again.String())
		_, err = c.Check()
		require.NoError(t, err)
		require.NoError(t, c.WriteHAR(io.Discard))
	})
}
