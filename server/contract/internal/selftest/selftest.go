// Package selftest proves that package contract finds faults. It runs servers and clients that are wrong on purpose,
// each with one fault, and counts how many of them the kit finds. Some are written by hand: [Faults]. Many more are
// made from a right server by changing its responses in one place: [Mutants].
package selftest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/cryptomate-go/enablement/server/contract"
	"github.com/cryptomate-go/enablement/server/contract/internal/minimal"
)

// Fault is a server or a client with one thing wrong.
type Fault struct {
	Name string
	// Rule is the one that must catch it.
	Rule string
	// Case is the case of the suite that must, if it is the suite's to catch.
	Case string
	run  func(opts []contract.Option, suite []contract.SuiteOption) ([]contract.Finding, error)
}

// Find returns what is found when the fault is run.
func (f Fault) Find(opts []contract.Option, suite ...contract.SuiteOption) ([]contract.Finding, error) {
	return f.run(opts, suite)
}

// Caught reports whether the findings name what is wrong.
func (f Fault) Caught(findings []contract.Finding) bool {
	return slices.ContainsFunc(findings, func(found contract.Finding) bool { return found.Rule == f.Rule && found.Case == f.Case })
}

// Run runs faults, writes one line for every one that was missed, and "caught N of N". It returns an error if one
// was missed, or if something was found in a server and a client that are right.
func Run(w io.Writer, faults []Fault, opts ...contract.Option) error {
	caught := 0
	for _, fault := range faults {
		findings, err := fault.Find(opts)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", fault.Name, err)
		case fault.Caught(findings):
			caught++
		default:
			_, _ = fmt.Fprintf(w, "missed: %s (%s)\n", fault.Name, fault.Rule)
		}
	}
	_, _ = fmt.Fprintf(w, "caught %d of %d\n", caught, len(faults))
	if caught < len(faults) {
		return errors.New("the contract kit misses faults")
	}
	for name, right := range Right() {
		findings, err := right.Find(opts)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if len(findings) > 0 {
			return fmt.Errorf("%s is right, but: %s", name, findings[0])
		}
	}
	return nil
}

// Faults returns all wrong servers and clients.
func Faults() []Fault {
	return slices.Concat(responses(), sequences(), lives(), clients(), services(), notifications())
}

// response is what a server answers.
type response struct {
	status int
	header http.Header
	body   string
}

const (
	client  = "4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG"
	request = "2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh"
	path    = "/management/clients/individuals/" + client + "/products/" + request + "/submit"
	trace   = "4bf92f3577b34da6a3ce929d0e0e4736"
)

// call is a request as described, changed by edits.
func call(edits ...func(*http.Request)) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, path, nil)
	r.Header.Set("x-api-key", minimal.Key)
	for _, edit := range edits {
		edit(r)
	}
	return r
}

// to has the call go to another operation than submit, with a body where that has one.
func to(method, path, body string) func(*http.Request) {
	return func(r *http.Request) {
		r.Method, r.URL.Path = method, path
		if body != "" {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Type", "application/json")
		}
	}
}

// keyed sends always the same Idempotency-Key.
func keyed(r *http.Request) { r.Header.Set("Idempotency-Key", "k") }

// turn is one call and its response.
type turn struct {
	request  *http.Request
	response response
}

// served is a server that answers one after the other, behind [contract.Contract.Handler]. Each answer has a trace id of its
// own where it has the usual one.
func served(name, rule string, turns ...func() turn) Fault {
	return Fault{Name: name, Rule: rule, run: func(opts []contract.Option, _ []contract.SuiteOption) ([]contract.Finding, error) {
		c, err := contract.New(append([]contract.Option{contract.ResponsesOnly()}, opts...)...)
		if err != nil {
			return nil, err
		}
		for i, next := range turns {
			turn := next()
			own := strings.NewReplacer(trace, fmt.Sprintf("%032x", i+1))
			c.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for name, values := range turn.response.header {
					for _, value := range values {
						w.Header().Add(name, own.Replace(value))
					}
				}
				w.WriteHeader(turn.response.status)
				_, _ = io.WriteString(w, own.Replace(turn.response.body))
			})).ServeHTTP(httptest.NewRecorder(), turn.request)
		}
		return c.Findings(), nil
	}}
}

// handled makes calls with a handler.
type handled struct{ http.Handler }

func (h handled) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	incoming := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.RequestURI(), r.Body)
	incoming.Header, incoming.ContentLength = r.Header, r.ContentLength
	h.ServeHTTP(w, incoming)
	return w.Result(), nil
}

// sent is a client that makes a wrong call to a right server, through [contract.Contract.Transport].
func sent(name, rule string, edit func(*http.Request)) Fault {
	return Fault{Name: name, Rule: rule, run: func(opts []contract.Option, _ []contract.SuiteOption) ([]contract.Finding, error) {
		c, err := contract.New(opts...)
		if err != nil {
			return nil, err
		}
		handler, _ := minimal.New()
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://api.test"+path, nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("x-api-key", minimal.Key)
		edit(r)
		answer, err := c.Transport(handled{handler}).RoundTrip(r)
		if err != nil {
			return nil, err
		}
		return c.Findings(), answer.Body.Close()
	}}
}

// service is the minimal one with something in front of it that answers wrongly, under the suite.
func service(name, rule, inCase string, wrong func(next http.Handler) http.Handler) Fault {
	return Fault{Name: name, Rule: rule, Case: inCase, run: func(opts []contract.Option, suite []contract.SuiteOption) ([]contract.Finding, error) {
		handler, fixtures := minimal.New()
		coverage, err := contract.Inspect(context.Background(), contract.InProcess(inTurn(wrong(handler))), fixtures,
			append([]contract.SuiteOption{contract.WithOptions(opts...), contract.WithoutCases(spared(inCase)...)}, suite...)...)
		return coverage.Findings, err
	}}
}

// large are the cases with bodies of many megabytes.
var large = []string{"large photo", "completeDocumentation: large body"}

// spared are the large and the derived cases that a fault doesn't need: they take long. One that a derived case must
// catch is shown to all of the derived ones.
func spared(inCase string) []string {
	names, needsDerived := slices.Clone(large), inCase == ""
	var derived []string
	for _, one := range contract.Cases() {
		if one.Derived {
			derived = append(derived, one.Name)
			needsDerived = needsDerived || one.Name == inCase
		}
	}
	if !needsDerived {
		names = append(names, derived...)
	}
	return slices.DeleteFunc(names, func(name string) bool { return inCase == "" || name == inCase })
}

// inTurn serves one call at a time: what answers wrongly counts calls.
func inTurn(handler http.Handler) http.Handler {
	var turn sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		turn.Lock()
		defer turn.Unlock()
		handler.ServeHTTP(w, r)
	})
}

// Right returns servers and clients with no fault.
func Right() map[string]Fault {
	right := map[string]Fault{
		"a right client":  sent("", "", func(*http.Request) {}),
		"a right service": service("", "", "", func(next http.Handler) http.Handler { return next }),
		"right responses": served("", "",
			func() turn { return turn{call(), success(pending)} },
			func() turn { return turn{call(keyed), success(inKYC)} },
			func() turn { return turn{call(), failure(409, "VAL")} },
			func() turn { return turn{call(keyed), success(inKYC)} },
			func() turn { return turn{call(), limited()} },
		),
		"right lives": served("", "", right()...),
		"a right sender": notified("", "", []contract.Option{knowing()},
			func() attempt { return attempt{notice(entered), 500} },
			func() attempt { return attempt{notice(entered), 204} },
		),
		"a right provider": provided("", "",
			func() attempt { return attempt{notice(entered), 429} },
			func() attempt { return attempt{notice(entered), 204} },
			func() attempt { return attempt{notice(entered), 200} },
			func() attempt { return attempt{notice(entered, header("Webhook-Signature")), 400} },
		),
	}
	for name, written := range variants {
		right["a right service, "+name] = service("", "", "", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				answer := recorded(next, r)
				delete(answer.header, "Content-Length")
				if t := parsed(answer.body); t != nil {
					answer.body = written(t)
				}
				send(w, answer)
			})
		})
	}
	return right
}

// variants are other ways to write the same JSON, and the same moments.
var variants = map[string]func(*tree) string{
	"with fields in another order": func(t *tree) string {
		t.each(func(t *tree) {
			if t.kind == '{' {
				slices.Reverse(t.names)
				slices.Reverse(t.below)
			}
		})
		return t.String()
	},
	"with white space": func(t *tree) string { return "\n " + strings.ReplaceAll(t.String(), `,"`, ",\r\n\t\"") + " \n" },
	"with letters escaped": func(t *tree) string {
		t.each(func(t *tree) {
			if t.kind == '"' {
				t.text = strings.ReplaceAll(t.text, "a", `\u0061`)
			}
		})
		return t.String()
	},
	"with moments of a zone":   func(t *tree) string { return moments.ReplaceAllString(t.String(), `"${1}Z"`) },
	"with parts of a second":   func(t *tree) string { return moments.ReplaceAllString(t.String(), `"$1.000"`) },
	"with moments from abroad": func(t *tree) string { return moments.ReplaceAllString(t.String(), `"$1+00:00"`) },
}

var moments = regexp.MustCompile(`"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)"`)

func success(body string) response {
	return response{200, http.Header{"Content-Type": {"application/json"}, "X-Trace-Id": {trace}}, body}
}

func failure(status int, code string) response {
	r := success(fmt.Sprintf(`{"code":%q,"message":"no","trace_id":%q}`, code, trace))
	r.status = status
	return r
}

func limited() response {
	r := success(fmt.Sprintf(`{"error_code":"TOO_MANY_REQUESTS","code":"TOO_MANY_REQUESTS","message":"no","trace_id":%q}`, trace))
	r.status = 429
	r.header.Set("Retry-After", "4")
	return r
}

// body reads and returns a request's body, so that it can be read again.
func body(r *http.Request) []byte {
	text, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(text))
	return text
}
