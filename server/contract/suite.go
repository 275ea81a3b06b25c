package contract

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
)

// Target is the server under test.
type Target struct {
	base      string
	transport http.RoundTripper
	remote    bool
}

// InProcess is a handler as the server under test, without a network.
func InProcess(handler http.Handler) Target {
	return Target{base: "http://" + inProcess, transport: direct{handler}}
}

// At is a server somewhere, by its base URL, such as https://api.sandbox.cryptomate.me. Only read-safe
// cases run against it, and one call every 100 ms, unless [AllCases] and [Pace] say otherwise.
func At(baseURL string) Target {
	return Target{base: strings.TrimRight(baseURL, "/"), transport: http.DefaultTransport, remote: true}
}

// direct calls a handler as if it were a server.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	incoming := r.Clone(r.Context())
	incoming.Host, incoming.RequestURI, incoming.RemoteAddr = r.URL.Host, r.URL.RequestURI(), "192.0.2.1:1234"
	incoming.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	if incoming.Body == nil {
		incoming.Body = http.NoBody
	}
	h := &held{header: http.Header{}}
	d.handler.ServeHTTP(h, incoming)
	return h.response(r), nil
}

// SuiteOption adjusts a [Suite].
type SuiteOption func(*suite)

// ReadSafe runs read-safe cases only: those that change nothing on a server that keeps to the
// description. It is the default with [At].
func ReadSafe() SuiteOption { return func(s *suite) { s.readSafe = true } }

// AllCases runs all cases, also with [At].
func AllCases() SuiteOption { return func(s *suite) { s.readSafe = false } }

// Pace waits between calls, to stay below a rate limit.
func Pace(between time.Duration) SuiteOption { return func(s *suite) { s.pace = between } }

// WithOptions adjusts the [Contract] that the suite holds responses to.
func WithOptions(opts ...Option) SuiteOption {
	return func(s *suite) { s.options = append(s.options, opts...) }
}

// WithTransport has the calls of an [At] made by transport.
func WithTransport(transport http.RoundTripper) SuiteOption {
	return func(s *suite) { s.target.transport = transport }
}

type suite struct {
	target   Target
	f        Fixtures
	readSafe bool
	pace     time.Duration
	options  []Option
	skip     map[string]bool // cases that a test switched off
	c        *Contract
}

// Coverage says what a suite did and what it couldn't.
type Coverage struct {
	// Ran are the names of the cases that ran.
	Ran []string
	// NotRun are the cases that did not, with the reason.
	NotRun []NotRun
	// Uncovered is what of the specification no case showed, as in [Case].
	Uncovered []string
	// Findings are all that were made.
	Findings []Finding
}

// NotRun is a case that did not run.
type NotRun struct{ Case, Reason string }

// String is the summary in a few lines.
func (c Coverage) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "contract: %d cases ran, %d did not, %d findings", len(c.Ran), len(c.NotRun), len(c.Findings))
	for _, n := range c.NotRun {
		fmt.Fprintf(&b, "\nnot run: %s: %s", n.Case, n.Reason)
	}
	if len(c.Uncovered) > 0 {
		fmt.Fprintf(&b, "\nnot shown: %s", strings.Join(c.Uncovered, ", "))
	}
	return b.String()
}

// Test is what a suite runs in: *testing.T.
type Test[T any] interface {
	TB
	Run(name string, f func(T)) bool
}

// Suite runs the case table against a server, every case as a subtest that fails with its findings.
// What can't run, as its fixture is absent, is logged and part of the returned summary, but no failure:
// compare [Coverage].NotRun if all must run.
func Suite[T Test[T]](t T, target Target, fixtures Fixtures, opts ...SuiteOption) Coverage {
	t.Helper()
	s, err := newSuite(target, fixtures, opts)
	if err != nil {
		t.Errorf("%v", err)
		return Coverage{}
	}
	coverage := s.run(context.Background(), func(name string, run func() []Finding) {
		t.Run(name, func(t T) {
			t.Helper()
			Report(t, run())
		})
	})
	t.Logf("%s", coverage)
	return coverage
}

// Inspect is [Suite] outside of a test.
func Inspect(ctx context.Context, target Target, fixtures Fixtures, opts ...SuiteOption) (Coverage, error) {
	s, err := newSuite(target, fixtures, opts)
	if err != nil {
		return Coverage{}, err
	}
	return s.run(ctx, func(_ string, run func() []Finding) { run() }), ctx.Err()
}

func newSuite(target Target, fixtures Fixtures, opts []SuiteOption) (*suite, error) {
	if target.transport == nil {
		return nil, errors.New("contract: the target is none of InProcess and At")
	}
	s := &suite{target: target, f: fixtures, readSafe: target.remote}
	if target.remote {
		s.pace = 100 * time.Millisecond
	}
	for _, opt := range opts {
		opt(s)
	}
	base, err := url.Parse(target.base)
	if err != nil {
		return nil, fmt.Errorf("contract: the base URL: %w", err)
	}
	if base.Path != "" {
		s.options = append([]Option{WithBasePath(base.Path)}, s.options...)
	}
	s.c, err = New(s.options...)
	return s, err
}

func (s *suite) run(ctx context.Context, each func(name string, run func() []Finding)) Coverage {
	var (
		coverage Coverage
		ran      []Case
	)
	for _, one := range cases {
		reason := s.reason(one)
		if reason != "" {
			coverage.NotRun = append(coverage.NotRun, NotRun{one.Name, reason})
			continue
		}
		each(one.Name, func() []Finding {
			r := &runner{suite: s, ctx: ctx, name: one.Name}
			one.run(r)
			ran = append(ran, one)
			coverage.Ran = append(coverage.Ran, one.Name)
			coverage.Findings = append(coverage.Findings, r.findings()...)
			return r.findings()
		})
	}
	coverage.Uncovered = uncovered(points(s.c.operations), ran)
	return coverage
}

// reason is why a case doesn't run; empty if it does.
func (s *suite) reason(c Case) string {
	if s.skip[c.Name] {
		return "it is switched off"
	}
	if s.readSafe && !c.ReadSafe {
		return "it may change something, and only read-safe cases were asked for"
	}
	var absent []string
	for _, name := range c.Needs {
		if !s.f.has(name) {
			absent = append(absent, name)
		}
	}
	if c.Name == "another company's" && !slices.ContainsFunc(existing, s.f.has) {
		absent = append(absent, strings.Join(existing, " or "))
	}
	if len(absent) > 0 {
		return "no fixture " + strings.Join(absent, ", ")
	}
	return ""
}

// runner runs one case.
type runner struct {
	*suite
	ctx   context.Context
	name  string
	calls []*answer
}

// answer is a response within a case.
type answer struct {
	x      *exchange
	r      *runner
	status int
	body   []byte
	failed bool
}

func (r *runner) findings() []Finding {
	var all []Finding
	for _, a := range r.calls {
		for _, f := range a.x.findings {
			f.Case = r.name
			all = append(all, f)
		}
	}
	return all
}

func (r *runner) unique() string { return "contract-" + rand.Text() }

func (r *runner) unknown(key string) Subject {
	return Subject{ClientID: unknownClient, RequestID: unknownRequest, Key: key}
}

func (r *runner) submit(fixture string) *answer { return r.call(r.f.subject(fixture)) }

func (r *runner) call(s Subject) *answer { return r.send(s, nil) }

// edited is a call about nothing that is there, changed by edit.
func (r *runner) edited(edit func(*http.Request)) *answer { return r.send(r.unknown(r.f.Key), edit) }

func (r *runner) send(s Subject, edit func(*http.Request)) *answer {
	request, err := http.NewRequestWithContext(r.ctx, http.MethodPost, r.target.base+
		"/management/clients/individuals/"+url.PathEscape(s.ClientID)+"/products/"+url.PathEscape(s.RequestID)+"/submit", nil)
	if err != nil {
		return r.unsent(&http.Request{Method: http.MethodPost, URL: &url.URL{}, Header: http.Header{}}, err)
	}
	for name, values := range s.Header {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	if s.Key != "" {
		request.Header.Set(r.c.usual.keyHeader, s.Key)
	}
	if s.IdempotencyKey != "" {
		request.Header.Set("Idempotency-Key", s.IdempotencyKey)
	}
	if edit != nil {
		edit(request)
	}
	if r.pace > 0 {
		select {
		case <-time.After(r.pace):
		case <-r.ctx.Done():
		}
	}
	x := r.c.begin(request)
	x.request()
	x.findings = nil
	response, err := r.target.transport.RoundTrip(request)
	if err != nil {
		return r.unsent(request, err)
	}
	x.read(response)
	_ = response.Body.Close() // read to its end
	r.c.settle(x)
	a := &answer{x: x, r: r, status: response.StatusCode, body: x.body}
	r.calls = append(r.calls, a)
	return a
}

// unsent is a call that got no answer.
func (r *runner) unsent(request *http.Request, err error) *answer {
	a := &answer{x: r.c.begin(request), r: r, failed: true}
	a.x.find(ruleCase, "status", 0, "an answer", err)
	r.calls = append(r.calls, a)
	return a
}

// unexpected notes that the response isn't what the case is about. One such finding an answer is enough.
func (a *answer) unexpected(pointer, expected string) {
	if a.failed {
		return
	}
	a.failed = true
	a.x.find(ruleCase, pointer, a.r.c.responseLine(a.status), expected, a.status)
}

func (c *Contract) responseLine(status int) int {
	op := c.usual
	if response := op.Responses.Status(status); response != nil {
		return line(response.Value.Origin)
	}
	return line(op.Origin)
}

func (a *answer) is(status int) *answer {
	if a.status != status {
		a.unexpected("status", fmt.Sprint(status))
	}
	return a
}

func (a *answer) refused(status int, code api.ErrorCode) *answer {
	a.is(status)
	object, _ := a.x.value.(map[string]any)
	if text(object, "code") != string(code) {
		a.unexpected("/code", string(code))
	}
	return a
}

// submitted expects success, in a status and of a product if they aren't empty.
func (r *runner) submitted(fixture string, want api.ProductStatus, product api.ProductType) *answer {
	a := r.submit(fixture).is(http.StatusOK)
	body, _ := a.x.value.(map[string]any)
	got, _ := body["product"].(map[string]any)
	if want != "" && text(got, "status") != string(want) {
		a.unexpected("/product/status", string(want))
	}
	if product != "" && text(got, "product") != string(product) {
		a.unexpected("/product/product", string(product))
	}
	return a
}

// has expects a member somewhere in the body.
func (a *answer) has(what, member string) {
	name, value, _ := strings.Cut(strings.ReplaceAll(member, `"`, ""), ":")
	if !hasMember(a.x.value, name, value) {
		a.unexpected("", what)
	}
}

func hasMember(in any, name, value string) bool {
	switch in := in.(type) {
	case map[string]any:
		if in[name] == value {
			return true
		}
		for _, below := range in {
			if hasMember(below, name, value) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(in, func(below any) bool { return hasMember(below, name, value) })
	}
	return false
}

// worded is an error's body without what may differ: ids and the trace id.
func (a *answer) worded(s Subject) string {
	object, _ := a.x.value.(map[string]any)
	return strings.NewReplacer(s.ClientID, "{client}", s.RequestID, "{request}").Replace(text(object, "message"))
}

func setBody(r *http.Request, size int) {
	body := bytes.Repeat([]byte(" "), size-2)
	body = append([]byte("{"), append(body, '}')...)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Header.Set("Content-Type", "application/json")
}
