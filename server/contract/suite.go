package contract

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Target is the server under test.
type Target struct {
	base      string
	transport http.RoundTripper
	remote    bool
}

// InProcess makes a handler the server under test, without a network.
func InProcess(handler http.Handler) Target {
	return Target{base: "http://" + inProcess, transport: direct{handler}}
}

// At makes the server at a base URL, such as https://api.sandbox.cryptomate.me, the server under test. Only
// read-safe cases run, which change nothing, unless [AllCases] allows the suite to create clients. The
// suite makes one call every 100 ms, unless [Pace] sets another time.
func At(baseURL string) Target {
	return Target{base: strings.TrimRight(baseURL, "/"), transport: http.DefaultTransport, remote: true}
}

// direct calls a handler as if it were a server.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	incoming := r.Clone(r.Context())
	incoming.Host, incoming.RequestURI, incoming.RemoteAddr = r.URL.Host, r.URL.RequestURI(), "192.0.2.1:1234"
	incoming.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	incoming.GetBody = nil // a server's request has none
	incoming.Header = asRead(r.Header)
	if incoming.Body == nil {
		incoming.Body = http.NoBody
	}
	h := &held{header: http.Header{}}
	d.handler.ServeHTTP(h, incoming)
	return h.response(r), nil
}

// asRead is a header as a server reads it, in whatever spelling its names were sent.
func asRead(sent http.Header) http.Header {
	header := http.Header{}
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		for _, value := range sent[name] {
			header.Add(name, value)
		}
	}
	return header
}

// SuiteOption adjusts a [Suite].
type SuiteOption func(*suite)

// ReadSafe runs only the cases that change nothing on a server that keeps to the specification. It is the
// default with [At].
func ReadSafe() SuiteOption { return func(s *suite) { s.readSafe = true } }

// AllCases runs all cases, also with [At], where it is for a sandbox. The cases create clients, and change nothing
// else but [Fixtures].Requested. The clients of a case are deleted at its end: also if the case failed, if a client's
// response was lost, and, within 10 s, if the context ended. [Coverage].Left lists those that could not be deleted.
// The provider may be notified of their requests.
func AllCases() SuiteOption { return func(s *suite) { s.readSafe = false } }

// Pace sets the time between two calls, to stay below a rate limit.
func Pace(between time.Duration) SuiteOption { return func(s *suite) { s.pace = between } }

// WithOptions adjusts the [Contract] that the suite checks responses with.
func WithOptions(opts ...Option) SuiteOption {
	return func(s *suite) { s.options = append(s.options, opts...) }
}

// WithTransport makes the calls to an [At] through transport. If it is an [http.Transport] without an
// ExpectContinueTimeout, the suite uses a copy of it with one, for large bodies.
func WithTransport(transport http.RoundTripper) SuiteOption {
	if own, ok := transport.(*http.Transport); ok && own.ExpectContinueTimeout == 0 {
		own = own.Clone()
		own.ExpectContinueTimeout = time.Second // as the default one's: a refusal would cut off what is being sent
		transport = own
	}
	return func(s *suite) { s.target.transport = transport }
}

// WithoutCases leaves out cases, by their names in [Cases]. It is for a server that differs on purpose. It can also
// leave out the two cases with large bodies: "large photo" and "completeDocumentation: large body".
func WithoutCases(names ...string) SuiteOption {
	return func(s *suite) { s.without = append(s.without, names...) }
}

// Operations runs only cases that need no operations but these, which are given by operationId. It is for a server
// that has only some of the operations.
func Operations(ids ...string) SuiteOption {
	return func(s *suite) { s.served = ids }
}

// Seed chooses the values of the steps that are derived from the specification: for example which letters, and which
// field to send twice. The same seed chooses the same values. The default is 1.
func Seed(seed uint64) SuiteOption { return func(s *suite) { s.seed = seed } }

type suite struct {
	target   Target
	f        Fixtures
	readSafe bool
	pace     time.Duration
	options  []Option
	served   []string // operations; all if empty
	without  []string // cases
	seed     uint64
	c        *Contract
}

func (s *suite) serves(operation string) bool {
	return operation == "" || len(s.served) == 0 || slices.Contains(s.served, operation)
}

// Coverage says what a suite has checked, and what it could not check.
type Coverage struct {
	// Ran are the names of the cases that ran.
	Ran []string
	// NotRun are the cases that did not run, and the steps after one that failed, with the reasons.
	NotRun []NotRun
	// Uncovered lists the parts of the specification that no step covered, written as in [Step].Covers. It leaves out
	// operations that are not in [Operations].
	Uncovered []string
	// Findings are all findings.
	Findings []Finding
	// Derived is how many steps ran that are derived from the specification, and Seed is the seed of their values.
	Derived int
	Seed    uint64
	// Left are the ids of clients that were created and could not be deleted.
	Left []string
}

// NotRun is a case that did not run, or a step of one.
type NotRun struct{ Case, Reason string }

// String returns a summary of a few lines.
func (c Coverage) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "contract: %d cases ran, %d did not, %d findings; %d derived steps with seed %d",
		len(c.Ran), len(c.NotRun), len(c.Findings), c.Derived, c.Seed)
	for _, n := range c.NotRun {
		fmt.Fprintf(&b, "\nnot run: %s: %s", n.Case, n.Reason)
	}
	if len(c.Left) > 0 {
		fmt.Fprintf(&b, "\nclients left behind: %s", strings.Join(c.Left, ", "))
	}
	if len(c.Uncovered) > 0 {
		fmt.Fprintf(&b, "\nnot shown: %s", strings.Join(c.Uncovered, ", "))
	}
	return b.String()
}

// Test is a test with subtests: *testing.T.
type Test[T any] interface {
	TB
	Run(name string, f func(T)) bool
}

// Suite runs the case table against a server. Every case is a subtest that fails with its findings. A case
// whose fixture is missing doesn't run and fails nothing; the log and [Coverage].NotRun have it. Check that
// NotRun is empty if all cases must run.
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

// Inspect does what [Suite] does, outside of a test.
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
	s := &suite{target: target, f: fixtures, readSafe: target.remote, seed: 1}
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
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || strings.ContainsAny(s.target.base, "?#") {
		return nil, errors.New("contract: the base URL: must be of the form http://host or https://host")
	}
	if base.Path != "" {
		s.options = append([]Option{WithBasePath(base.Path)}, s.options...)
	}
	s.c, err = New(s.options...)
	if err != nil {
		return nil, err
	}
	for _, id := range s.served {
		if s.c.operation(id) == nil {
			return nil, fmt.Errorf("contract: Operations: there is no operation %q", id)
		}
	}
	for _, name := range s.without {
		if !slices.ContainsFunc(cases(), func(c Case) bool { return c.Name == name }) {
			return nil, fmt.Errorf("contract: WithoutCases: there is no case %q", name)
		}
	}
	return s, nil
}

func (s *suite) run(ctx context.Context, each func(name string, run func() []Finding)) Coverage {
	var shown []string
	coverage := Coverage{Seed: s.seed}
	for _, one := range cases() {
		if reason := s.reason(ctx, one); reason != "" {
			coverage.NotRun = append(coverage.NotRun, NotRun{one.Name, reason})
			continue
		}
		each(one.Name, func() []Finding {
			r := &runner{suite: s, ctx: ctx, name: one.Name, at: Subject{Key: s.f.Key}}
			right, left := r.steps(one.Steps)
			coverage.Left = append(coverage.Left, r.cleanUp(len(right) < len(one.Steps))...)
			for _, step := range right {
				shown = append(shown, step.shown()...)
			}
			for _, step := range left {
				failed := one.Steps[len(one.Steps)-len(left)-1]
				coverage.NotRun = append(coverage.NotRun, NotRun{one.Name + ", " + step.Call, "a step before it failed: " + failed.Call})
			}
			for _, step := range one.Steps[:len(one.Steps)-len(left)] {
				if step.derived {
					coverage.Derived++
				}
			}
			coverage.Ran = append(coverage.Ran, one.Name)
			coverage.Findings = append(coverage.Findings, r.findings()...)
			return r.findings()
		})
	}
	coverage.Uncovered = uncovered(points(s.c.operations, s.serves), shown)
	return coverage
}

// reason is why a case doesn't run; empty if it does.
func (s *suite) reason(ctx context.Context, c Case) string {
	if ctx.Err() != nil {
		return "the context ended before"
	}
	if slices.Contains(s.without, c.Name) {
		return "it is left out"
	}
	if s.readSafe && !c.ReadSafe {
		return "it may change something, and only read-safe cases were asked for"
	}
	for _, step := range c.Steps {
		if !s.serves(step.Operation) {
			return "it needs " + step.Operation + ", which was not asked for"
		}
	}
	var absent []string
	for _, name := range c.Needs {
		if !s.f.has(name) {
			absent = append(absent, name)
		}
	}
	if len(absent) > 0 {
		return "no fixture " + strings.Join(absent, ", ")
	}
	return ""
}
