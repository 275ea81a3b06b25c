package contract_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server/contract"
	"github.com/cryptomate-go/enablement/server/contract/internal/minimal"
)

const (
	key   = "ck_test_secret_0123456789"
	path  = "/management/clients/individuals/cl_1/products/rq_1/submit"
	trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	good  = `{"product":{"id":"rq_1","client_id":"cl_1","product":"cards_individuals","status":"in_kyc",` +
		`"missing_requirements":{"documents":[],"data":[]},"created_at":"2026-04-15T10:30:00","updated_at":"2026-04-16T09:20:00"},"rejected_items":[]}`
)

func request() *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://api.test"+path, nil)
	r.Header.Set("x-api-key", key)
	return r
}

var responses atomic.Int64

// response has a trace id of its own, also in the body.
func response(status int, body string) *http.Response {
	id := fmt.Sprintf("%032x", responses.Add(1))
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}, "X-Trace-Id": {id}},
		Body: io.NopCloser(strings.NewReader(strings.ReplaceAll(body, trace, id))),
	}
}

func newContract(t testing.TB, opts ...contract.Option) *contract.Contract {
	t.Helper()
	c, err := contract.New(opts...)
	require.NoError(t, err)
	return c
}

func TestNew_refuses(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]contract.Option{
		"nil": nil, "no memory": contract.WithMemory(0), "no function": contract.OnFinding(nil),
		"no name": contract.WithHeaders(""), "no slash": contract.WithBasePath("api"),
		"no rule": contract.Without("json"), "no prefix": contract.WithWebhookSecrets("c2VjcmV0"), "no secret": contract.WithWebhookSecrets("whsec_"),
	} {
		_, err := contract.New(opt)
		require.Error(t, err, name)
	}
}

// TestFinding_line holds the lines of findings against the file.
func TestFinding_line(t *testing.T) {
	t.Parallel()
	lines := strings.Split(spec.YAML(), "\n")
	for body, want := range map[string]string{
		strings.Replace(good, `"in_kyc"`, `"done"`, 1):                  "x-extensible-enum: [requested, pending_documentation, in_kyc, enabled, rejected]",
		strings.Replace(good, "2026-04-15T10:30:00", "yesterday", 1):    "pattern: '^[0-9]{4}",
		strings.Replace(good, `,"rejected_items":[]`, "", 1):            "required: [product, rejected_items]",
		strings.Replace(good, `"client_id":"cl_1"`, `"client_id":1`, 1): "type: string",
	} {
		findings := newContract(t).Check(request(), response(200, body))
		require.Len(t, findings, 1)
		require.Contains(t, lines[findings[0].SpecLine-1], want, findings[0].String())
	}
	findings := newContract(t).CheckRequest(httptest.NewRequest(http.MethodPost, strings.Replace(path, "cl_1", "a.b", 1), nil))
	require.Len(t, findings, 2, "the id, and no key")
	require.Equal(t, "path clientId", findings[0].Pointer)
	require.Contains(t, lines[findings[0].SpecLine-1], "pattern: '^[A-Za-z0-9_-]{1,64}$'")
	require.Contains(t, lines[findings[1].SpecLine-1], "ApiKey:")
}

func TestFinding_values(t *testing.T) {
	t.Parallel()
	body := strings.Replace(good, `"in_kyc"`, `"Ms Confidential"`, 1)
	quiet := newContract(t).Check(request(), response(200, body))
	require.Len(t, quiet, 1)
	require.NotContains(t, quiet[0].String(), "Confidential")
	open := newContract(t, contract.WithValues()).Check(request(), response(200, body))
	require.Contains(t, open[0].String(), `got "Ms Confidential"`)
}

// TestFinding_noKey looks for the key wherever a caller or a server could have put it.
func TestFinding_noKey(t *testing.T) {
	t.Parallel()
	r := request()
	r.URL.RawQuery = key + "=" + key
	r.Header.Set("Idempotency-Key", key+" "+key)
	answer := response(404, fmt.Sprintf(`{"code":%q,"message":%q,"trace_id":%q,%q:1}`, key, key, key, key))
	answer.Header.Set("X-"+key, key)
	c := newContract(t, contract.WithValues())
	findings := c.Check(r, answer)
	require.Greater(t, len(findings), 6)
	var text bytes.Buffer
	require.NoError(t, contract.WriteJSON(&text, findings))
	require.NoError(t, contract.WriteJUnit(&text, findings))
	contract.Log(t.Context(), slog.New(slog.NewTextHandler(&text, nil)), findings)
	require.NotContains(t, strings.ToLower(text.String()), key)
}

// TestFinding_curl has a shell read the line.
func TestFinding_curl(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	require.NoError(t, err)
	const url, key = "https://api.test" + path, "-H\nx-api-key: from-the-environment\n"
	for name, test := range map[string]struct {
		edit func(r *http.Request)
		want string
	}{
		"quotes":       {func(r *http.Request) { r.Header.Set("Idempotency-Key", "it's $HOME") }, "-X\nPOST\n" + url + "\n-H\nIdempotency-Key: it's $HOME\n" + key},
		"empty header": {func(r *http.Request) { r.Header.Set("Idempotency-Key", "") }, "-X\nPOST\n" + url + "\n-H\nIdempotency-Key;\n" + key},
		"empty key":    {func(r *http.Request) { r.Header.Set("x-api-key", "") }, "-X\nPOST\n" + url + "\n-H\nX-Api-Key;\n"},
		"brackets":     {func(r *http.Request) { r.URL.RawQuery = "a[]=1" }, "-g\n-X\nPOST\n" + url + "?a[]=1\n" + key},
		"dots":         {func(r *http.Request) { r.URL.Path = "/a/.." }, "--path-as-is\n-X\nPOST\nhttps://api.test/a/..\n" + key},
		"HEAD":         {func(r *http.Request) { r.Method = http.MethodHead }, "--head\n" + url + "\n" + key},
		"another host": {func(r *http.Request) { r.Host = "other.test" }, "-X\nPOST\n" + url + "\n-H\nHost: other.test\n" + key},
		"untyped body": {func(r *http.Request) { setBody(r, "{}") }, "-X\nPOST\n" + url + "\n" + key + "-H\nContent-Type:\n--data-binary\n@body\n"},
		"typed body":   {func(r *http.Request) { setBody(r, "{}"); r.Header.Set("Content-Type", "text/plain") }, "-X\nPOST\n" + url + "\n-H\nContent-Type: text/plain\n" + key + "--data-binary\n@body\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request()
			test.edit(r)
			findings := newContract(t).Check(r, response(418, ""))
			require.NotEmpty(t, findings)
			c := exec.CommandContext(t.Context(), shell, "-c", `curl() { printf '%s\n' "$@"; }; `+findings[0].Curl)
			c.Env = append(os.Environ(), "CRYPTOMATE_API_KEY=from-the-environment")
			out, err := c.CombinedOutput()
			require.NoError(t, err, string(out))
			require.Equal(t, "-sS\n-i\n"+test.want, string(out))
		})
	}
}

func setBody(r *http.Request, body string) {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
}

// TestFinding_curlInProcess: what nobody listens for has no line.
func TestFinding_curlInProcess(t *testing.T) {
	t.Parallel()
	broken := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "broken") })
	found := func(findings []contract.Finding) contract.Finding {
		t.Helper()
		require.NotEmpty(t, findings)
		return findings[0]
	}
	call := func(handler http.Handler) {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, nil))
	}

	c := newContract(t)
	call(c.Handler(broken))
	require.Empty(t, found(c.Findings()).Curl)
	require.NotContains(t, found(c.Findings()).String(), "repeat")

	var log bytes.Buffer
	contract.Log(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), c.Findings())
	require.NotContains(t, log.String(), "curl")

	nowhere, err := http.NewRequestWithContext(t.Context(), http.MethodPost, path, nil)
	require.NoError(t, err)
	require.Empty(t, found(newContract(t).CheckRequest(nowhere)).Curl)

	c = newContract(t)
	server := httptest.NewServer(c.Handler(broken))
	t.Cleanup(server.Close)
	resp, err := server.Client().Post(server.URL+path, "", nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Contains(t, found(c.Findings()).Curl, "-X POST '"+server.URL+path+"'")
}

// recorder is a test that notes what it is told.
type recorder struct{ lines []string }

func (*recorder) Helper()             {}
func (*recorder) Logf(string, ...any) {}
func (r *recorder) Errorf(format string, a ...any) {
	r.lines = append(r.lines, fmt.Sprintf(format, a...))
}

func TestReports(t *testing.T) {
	t.Parallel()
	findings := newContract(t).Check(request(), response(200, strings.Replace(good, `"in_kyc"`, `"<done>"`, 1)+"{}"))
	require.Len(t, findings, 2)

	var test recorder
	contract.Report(&test, findings)
	require.Len(t, test.lines, 2)
	require.Contains(t, test.lines[0], "contract: json.trailing at the body (openapi.yaml:")

	var text bytes.Buffer
	require.NoError(t, contract.WriteJSON(&text, findings))
	var read []contract.Finding
	require.NoError(t, json.Unmarshal(text.Bytes(), &read))
	require.Equal(t, findings, read)
	text.Reset()
	require.NoError(t, contract.WriteJSON(&text, nil))
	require.Equal(t, "[]\n", text.String())

	text.Reset()
	require.NoError(t, contract.WriteJUnit(&text, findings))
	var suite struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Cases    []struct {
			Name     string `xml:"name,attr"`
			Failures []struct {
				Text string `xml:",chardata"`
			} `xml:"failure"`
		} `xml:"testcase"`
	}
	require.NoError(t, xml.Unmarshal(text.Bytes(), &suite))
	require.Equal(t, len(contract.Rules()), suite.Tests)
	require.Equal(t, 2, suite.Failures)
	require.Len(t, suite.Cases, suite.Tests)

	text.Reset()
	contract.Log(t.Context(), slog.New(slog.NewJSONHandler(&text, nil)), findings)
	require.Equal(t, 2, strings.Count(text.String(), "\n"))
	require.Contains(t, text.String(), `"rule":"schema.enum","pointer":"/product/status"`)
}

// TestAround has calls pass as they are, over a network.
func TestAround(t *testing.T) {
	t.Parallel()
	handler, fixtures := minimal.New()
	inside, outside := newContract(t), newContract(t)
	server := httptest.NewServer(inside.Handler(handler))
	t.Cleanup(server.Close)
	client := http.Client{Transport: outside.Transport(server.Client().Transport)}
	for i, want := range []int{200, 409} {
		s := fixtures.Requested
		if want == 409 {
			require.NoError(t, fixtures.Decide(t.Context(), s.RequestID, api.Enabled))
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/management/clients/individuals/"+s.ClientID+"/products/"+s.RequestID+"/submit", nil)
		require.NoError(t, err)
		r.Header.Set("x-api-key", fixtures.Key)
		answer, err := client.Do(r)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, want, answer.StatusCode, i)
		require.Equal(t, strconv.Itoa(len(body)), answer.Header.Get("Content-Length"))
		require.True(t, json.Valid(body))
	}
	require.Empty(t, inside.Findings())
	require.Empty(t, outside.Findings())
}

// TestHandler_bodyReachesServer sends a body of unknown length, of which the check reads a byte.
func TestHandler_bodyReachesServer(t *testing.T) {
	t.Parallel()
	c := newContract(t)
	var read string
	h := c.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		read = string(body)
		if err != nil {
			read += err.Error()
		}
	}))
	r := httptest.NewRequest(http.MethodPost, path, io.MultiReader(strings.NewReader("hello")))
	require.Negative(t, r.ContentLength)
	h.ServeHTTP(httptest.NewRecorder(), r)
	require.Equal(t, "hello", read)
	require.Contains(t, rulesOf(c.Findings()), "request.body")
}

func rulesOf(findings []contract.Finding) []string {
	rules := make([]string, len(findings))
	for i, f := range findings {
		rules[i] = f.Rule
	}
	return rules
}

func TestCheckResponse_keepsBody(t *testing.T) {
	t.Parallel()
	answer := response(200, good)
	require.Empty(t, newContract(t).CheckResponse(request(), answer))
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, good, string(body))
}

// TestCheck_usualHeaders has what frameworks and proxies put into every response, and what HTTP asks for.
func TestCheck_usualHeaders(t *testing.T) {
	t.Parallel()
	for name, undeclared := range map[string]bool{
		"WWW-Authenticate": false, "Location": false, "X-XSS-Protection": false, "X-DNS-Prefetch-Control": false,
		"Origin-Agent-Cluster": false, "X-Cache": false, "CF-Ray": false,
		"Set-Cookie": true, "X-Powered-By": true, "Access-Control-Allow-Origin": true,
	} {
		answer := response(401, `{"code":"AUTH","message":"no","trace_id":"`+trace+`"}`)
		answer.Header.Set(name, "a")
		require.Equal(t, undeclared, len(newContract(t).Check(request(), answer)) > 0, name)
	}
}

func TestCheck_wholeHeaders(t *testing.T) {
	t.Parallel()
	for written, wrong := range map[string]bool{"5": false, "007": false, "+5": true, "5.0": true, "5e0": true, "": true, "five": true, "0": true} {
		answer := response(429, `{"code":"TOO_MANY_REQUESTS","message":"no","trace_id":"`+trace+`"}`)
		answer.Header.Set("Retry-After", written)
		require.Equal(t, wrong, slices.Contains(rulesOf(newContract(t).Check(request(), answer)), "header.value"), written)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	answer := response(200, good)
	answer.Header.Set("X-Undescribed", "a")
	require.Len(t, newContract(t).Check(request(), answer), 1)
	answer = response(200, good)
	answer.Header.Set("X-Undescribed", "a")
	require.Empty(t, newContract(t, contract.WithHeaders("x-undescribed")).Check(request(), answer))

	below := request()
	below.URL.Path = "/api" + path
	require.Empty(t, newContract(t, contract.WithBasePath("/api/")).Check(below, response(200, good)))
	require.NotEmpty(t, newContract(t).CheckRequest(below))

	wrong := request()
	wrong.URL.RawQuery = "a=b"
	require.Empty(t, newContract(t, contract.ResponsesOnly()).CheckRequest(wrong))

	var seen []contract.Finding
	c := newContract(t, contract.OnFinding(func(f contract.Finding) { seen = append(seen, f) }))
	require.Equal(t, c.CheckRequest(wrong), seen)
	for range 1001 {
		c.CheckRequest(wrong)
	}
	require.Len(t, c.Findings(), 1000)
	require.Equal(t, 2, c.Dropped())
}

// TestHistory_overlap has a success arrive after the conflict of a call that was made beside it.
func TestHistory_overlap(t *testing.T) {
	t.Parallel()
	c := newContract(t)
	begun, release := make(chan struct{}), make(chan struct{})
	slow := c.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-release
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Trace-Id", trace)
		_, _ = io.WriteString(w, good)
	}))
	var group sync.WaitGroup
	group.Go(func() { slow.ServeHTTP(httptest.NewRecorder(), request()) })
	<-begun
	require.Empty(t, c.Check(request(), response(409, `{"code":"VAL","message":"no","trace_id":"`+trace+`"}`)))
	close(release)
	group.Wait()
	require.Empty(t, c.Findings())
	require.Equal(t, []string{"history.settled"}, rulesOf(c.Check(request(), response(200, good))))
}

func TestHistory_bounded(t *testing.T) {
	t.Parallel()
	c := newContract(t, contract.WithMemory(2))
	ask := func(id string) []contract.Finding {
		r := request()
		r.URL.Path = strings.Replace(path, "rq_1", id, 1)
		return c.Check(r, response(200, strings.Replace(good, "rq_1", id, 1)))
	}
	require.Empty(t, ask("a"))
	require.Empty(t, ask("b"))
	require.NotEmpty(t, ask("a"))
	require.Empty(t, ask("c"))
	require.Empty(t, ask("a"), "the oldest is forgotten")
	require.NotEmpty(t, ask("c"))
}

func TestIdempotency_ends(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 4, 15, 10, 30, 0, 0, time.UTC)
	c := newContract(t, contract.AtTime(func() time.Time { return now }))
	r := request()
	r.Header.Set("Idempotency-Key", "k")
	conflict := `{"code":"VAL","message":"no","trace_id":"` + trace + `"}`
	require.Empty(t, c.Check(r, response(200, good)))
	require.Equal(t, []string{"idempotency.replay"}, rulesOf(c.Check(r, response(409, conflict))))
	now = now.Add(24 * time.Hour)
	require.Empty(t, c.Check(r, response(409, conflict)))
}

// TestCheck_closed: the specification is open to statuses and values that are newer, for callers; a server that
// is held to it has none of them.
func TestCheck_closed(t *testing.T) {
	t.Parallel()
	failed := `{"code":"VAL","message":"no","trace_id":"` + trace + `"}`
	for _, status := range []int{201, 202, 299} {
		require.Contains(t, rulesOf(newContract(t).Check(request(), response(status, good))), "response.status", status)
	}
	for _, status := range []int{302, 402, 405, 418, 502, 504} {
		require.Contains(t, rulesOf(newContract(t).Check(request(), response(status, failed))), "response.status", status)
	}
	for _, value := range []string{"in_kyc", "cards_individuals"} {
		require.Contains(t, rulesOf(newContract(t).Check(request(), response(200, strings.ReplaceAll(good, value, "newer")))), "schema.enum", value)
	}
	require.Contains(t, rulesOf(newContract(t).Check(request(), response(409, strings.Replace(failed, "VAL", "NEWER", 1)))), "schema.enum")
	require.Contains(t, rulesOf(newContract(t).Check(request(), response(200, strings.Replace(good, "{", `{"newer":1,`, 1)))), "schema.undeclared_field")
}

func TestCases_coverDescription(t *testing.T) {
	t.Parallel()
	points, err := contract.Points()
	require.NoError(t, err)
	require.Greater(t, len(points), 90)
	for _, point := range []string{"ProductStatus in_kyc", "createClient 201", "deleteClient 204", "requestProduct 409 VAL", "requestProduct 409 IDEMPOTENCY_IN_PROGRESS"} {
		require.Contains(t, points, point)
	}
	missing, err := contract.UncoveredBy(func(*openapi3.T) {})
	require.NoError(t, err)
	require.Empty(t, missing, "openapi.yaml gained these; give each a case in server/contract")
	names := map[string]bool{}
	for _, one := range contract.Cases() {
		require.NotEmpty(t, one.SetUp)
		require.NotEmpty(t, one.Steps)
		require.False(t, names[one.Name], one.Name)
		names[one.Name] = true
		for _, step := range one.Steps {
			require.NotEmpty(t, step.Call)
			require.NotEmpty(t, step.Expect)
			require.Subset(t, points, step.Covers, one.Name)
		}
	}
	for point, reason := range contract.Unreachable() {
		require.Contains(t, points, point)
		require.NotEmpty(t, reason)
		for _, one := range contract.Cases() {
			for _, step := range one.Steps {
				require.NotContains(t, step.Covers, point, "it can be reached")
			}
		}
	}
}

func TestCases_noticeNewPoints(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ProductStatus", "ProductType", "ClientStatus", "ClientType", "RejectedItemType", "DataType"} {
		missing, err := contract.UncoveredBy(func(doc *openapi3.T) {
			schema := doc.Components.Schemas[name].Value
			schema.Enum = append(schema.Enum, "brand_new")
		})
		require.NoError(t, err)
		require.Equal(t, []string{name + " brand_new"}, missing)
	}
	missing, err := contract.UncoveredBy(func(doc *openapi3.T) {
		responses := doc.Paths.Value("/management/clients/individuals").Get.Responses
		responses.Set("418", responses.Value("401"))
		responses.Set("202", responses.Value("200"))
	})
	require.NoError(t, err)
	require.Equal(t, []string{"listClients 202", "listClients 418 API_ERROR", "listClients 418 AUTH"}, missing)
}

func TestStrict(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`{}`: nil, ` [1, "a", null, true] `: nil, `"x"`: nil,
		`{"a":1,"a":2}`:                          {"json.duplicate_key"},
		`[{"a":{"b":1,"b":2}}]`:                  {"json.duplicate_key"},
		`{"a":1,"\u0061":2}`:                     {"json.duplicate_key"},
		`{}{}`:                                   {"json.trailing"},
		`{} x`:                                   {"json.trailing"},
		`{"a":1`:                                 {"json.syntax"},
		`]`:                                      {"json.syntax"},
		``:                                       {"json.syntax"},
		`{a:1}`:                                  {"json.syntax"},
		`{"a":1,}`:                               {"json.syntax"},
		"\"\xff\"":                               {"json.utf8"},
		`"\ud800"`:                               {"json.utf8"},
		`{"\udc00\ud800":1}`:                     {"json.utf8"},
		`"\ud83d\ude00"`:                         nil,
		`{"a":1,"A":2}`:                          nil, // another key, which the schema does not have
		`{"a":{"b":1},"c":{"b":1}}`:              nil,
		`[{"b":1},{"b":1}]`:                      nil,
		`{"a":{"b":1},"a":{"b":2}}`:              {"json.duplicate_key"},
		`{"a":1,"a":2,"a":3}`:                    {"json.duplicate_key", "json.duplicate_key"},
		`{"a":1,"a":2,}`:                         {"json.duplicate_key", "json.syntax"},
		`{"a/b":1,"a":{"b":2},"a~1b":3,"a/b":4}`: {"json.duplicate_key"},
		"{\"a\":\"\xe9\",\"a\":1} x":             {"json.utf8", "json.duplicate_key", "json.trailing"},
		"\xff\xfe{\x00}\x00":                     {"json.utf8", "json.syntax"},
		"\ufeff{}":                               {"json.syntax"},
		strings.Repeat("[", 200):                 {"json.syntax"},
	} {
		_, _, broken := contract.Strict([]byte(text))
		require.Equal(t, want, broken, text)
	}
}

// FuzzStrict holds the reader against encoding/json: what it takes whole, encoding/json takes too, and
// reads the same.
func FuzzStrict(f *testing.F) {
	for _, seed := range []string{good, `{"a":1,"a":2}`, `{}{}`, `[1,2`, "\"\xff\"", `{"a":[{"b":null}],"c":-1.5e3}`, "\ufeff{}", `]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		value, ok, broken := contract.Strict(text)
		require.True(t, ok || len(broken) > 0)
		if len(broken) > 0 {
			return
		}
		var want any
		require.NoError(t, json.Unmarshal(text, &want))
		require.Equal(t, want, value)
	})
}

// FuzzCheckResponse has any response checked without a panic, and what is put back is what came.
func FuzzCheckResponse(f *testing.F) {
	f.Add(200, []byte(good))
	f.Add(409, []byte(`{"code":"VAL"}`))
	f.Add(200, []byte(`{"product":[],"rejected_items":{"a":null}}`))
	f.Add(429, []byte(`{"code":7,"error_code":null}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		answer := response(status, string(body))
		newContract(t, contract.WithValues()).Check(request(), answer)
		after, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.True(t, bytes.Equal(body, after))
	})
}

// TestImports keeps the kit light: it is linked into other people's tests.
func TestImports(t *testing.T) {
	t.Parallel()
	list, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	packages := strings.Fields(string(list))
	require.Contains(t, packages, "github.com/getkin/kin-openapi/openapi3")
	for _, name := range packages {
		for _, unwanted := range []string{
			"net/http/httptest", "github.com/stretchr/", "github.com/riverqueue/", "modernc.org/",
			"github.com/jackc/", "go.opentelemetry.io/", "github.com/cryptomate-go/enablement/client",
			"github.com/cryptomate-go/enablement/server/internal",
		} {
			require.False(t, strings.HasPrefix(name, unwanted), name)
		}
		require.NotContains(t, []string{"testing", "database/sql", "github.com/cryptomate-go/enablement/server"}, name)
	}
}

// TestAPI keeps kin-openapi out of what users see.
func TestAPI(t *testing.T) {
	t.Parallel()
	text, err := exec.CommandContext(t.Context(), "go", "doc", "-all", ".").Output()
	require.NoError(t, err)
	require.Contains(t, string(text), "func New(")
	require.NotContains(t, string(text), "openapi3")
}
