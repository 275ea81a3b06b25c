package contract

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
)

// runner runs one case. Its steps hand on to each other what it is about.
type runner struct {
	*suite
	ctx   context.Context
	name  string
	calls []*answer

	at     Subject         // the client and the request that the steps are about
	sent   api.ClientInput // the client as it was last sent
	before []*answer       // the responses to the steps before
	made   []string        // the clients that are there because of this case
	key    string          // an Idempotency-Key
}

// steps runs them until one fails, and returns how many were answered as they say.
func (r *runner) steps(steps []Step) int {
	for i, step := range steps {
		step.run(r)
		if slices.ContainsFunc(r.calls, func(a *answer) bool { return a.failed }) {
			return i
		}
	}
	return len(steps)
}

// cleanUp leaves no client behind. Where that fails, nothing was to be learned.
func (r *runner) cleanUp() {
	op := r.c.operation("deleteClient")
	if op == nil || !r.serves(op.OperationID) {
		return
	}
	for _, id := range r.made {
		request, err := r.request(op, call{Subject: Subject{ClientID: id, Key: r.f.Key}})
		if err != nil {
			continue
		}
		r.wait()
		if response, err := r.target.transport.RoundTrip(request); err == nil {
			_ = response.Body.Close()
		}
	}
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

// call is what is sent to an operation.
type call struct {
	Subject
	body any                 // as JSON; nil is none
	edit func(*http.Request) // changes the request at last
}

// answer is a response within a case.
type answer struct {
	x      *exchange
	r      *runner
	status int
	body   []byte
	failed bool
}

// ask makes a call and keeps the response.
func (r *runner) ask(operation string, c call) *answer {
	a := r.send(operation, c)
	r.calls = append(r.calls, a)
	return a
}

// together makes several calls at once.
func (r *runner) together(operation string, calls ...call) []*answer {
	answers := make([]*answer, len(calls))
	var group sync.WaitGroup
	for i, c := range calls {
		group.Go(func() { answers[i] = r.send(operation, c) })
	}
	group.Wait()
	r.calls = append(r.calls, answers...)
	return answers
}

func (r *runner) send(operation string, c call) *answer {
	op := r.c.operation(operation)
	request, err := r.request(op, c)
	if err != nil {
		return r.unsent(&http.Request{Method: op.method, URL: &url.URL{}, Header: http.Header{}}, err)
	}
	r.wait()
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
	return &answer{x: x, r: r, status: response.StatusCode, body: x.received.body}
}

func (r *runner) wait() {
	if r.pace > 0 {
		select {
		case <-time.After(r.pace):
		case <-r.ctx.Done():
		}
	}
}

// request is what a call looks like.
func (r *runner) request(op *operation, c call) (*http.Request, error) {
	path := strings.NewReplacer("{"+clientParameter+"}", url.PathEscape(c.ClientID), "{"+requestParameter+"}", url.PathEscape(c.RequestID)).Replace(op.path)
	request, err := http.NewRequestWithContext(r.ctx, op.method, r.target.base+path, nil)
	if err != nil {
		return nil, err
	}
	if c.body != nil {
		body, err := json.Marshal(c.body)
		if err != nil {
			return nil, err
		}
		setBody(request, string(body))
	}
	for name, values := range c.Header {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	if c.Key != "" {
		request.Header.Set(op.keyHeader, c.Key)
	}
	if c.IdempotencyKey != "" {
		request.Header.Set(idempotencyHeader, c.IdempotencyKey)
	}
	if c.edit != nil {
		c.edit(request)
	}
	return request, nil
}

func setBody(r *http.Request, body string) {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
	r.Header.Set("Content-Type", "application/json")
}

// unsent is a call that got no response.
func (r *runner) unsent(request *http.Request, err error) *answer {
	a := &answer{x: r.c.begin(request), r: r, failed: true}
	a.x.find(ruleCase, "status", 0, "an answer", err)
	return a
}

func (r *runner) unique() string { return "contract-" + rand.Text() }

// person is a client that is not there yet. Its address tells which case it is of.
func (r *runner) person() api.ClientInput {
	return api.ClientInput{
		FirstName: "Contract", SecondName: "Kit", LastName: "Example", Email: slug(r.name) + "." + strings.ToLower(rand.Text()[:12]) + "@example.com",
		BirthDate: "1984-11-21", PhoneCountryCode: 54, PhoneNumber: 91123456789,
		Address: api.AddressInput{StreetLine1: "Calle 1", City: "Del Viso", PostalCode: "1669", State: "ARG-B", Country: "ARG"},
	}
}

// slug is a name as it may stand in an address.
func slug(name string) string {
	return strings.Trim(regexp.MustCompile("[^a-z0-9]+").ReplaceAllString(strings.ToLower(name), "-"), "-")
}

// unexpected notes that the response isn't what the case is about. One such finding a response is enough.
func (a *answer) unexpected(pointer, expected string) {
	if a.failed {
		return
	}
	a.failed = true
	a.x.find(ruleCase, pointer, a.line(), expected, a.status)
}

// line is where the response is described.
func (a *answer) line() int {
	op := a.x.op
	if op == nil {
		op = a.r.c.usual
	}
	if response := op.Responses.Status(a.status); response != nil {
		return line(response.Value.Origin)
	}
	return line(op.Origin)
}

func (a *answer) is(status int, code api.ErrorCode) *answer {
	if a.status != status {
		a.unexpected("status", fmt.Sprint(status))
	}
	if code != "" && a.x.code() != code {
		a.unexpected("/code", string(code))
	}
	return a
}

func (a *answer) object() map[string]any {
	object, _ := a.x.received.value.(map[string]any)
	return object
}

// product is the one that the body is, or has.
func (a *answer) product() map[string]any {
	if product, ok := a.object()["product"].(map[string]any); ok {
		return product
	}
	return a.object()
}

// where returns the place of the item with this id in a list; -1 if it has none.
func (a *answer) where(id string) int {
	list, _ := a.x.received.value.([]any)
	return slices.IndexFunc(list, func(item any) bool {
		object, _ := item.(map[string]any)
		return text(object, "id") == id
	})
}

// item is the one with this id of a list.
func (a *answer) item(id string) map[string]any {
	if i := a.where(id); i >= 0 {
		return a.x.received.value.([]any)[i].(map[string]any)
	}
	return nil
}

// hasMember tells whether a member stands somewhere in a value.
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

// worded is an error's message without what may differ: ids.
func (a *answer) worded(s Subject) string {
	message := text(a.object(), "message")
	for _, id := range []string{s.RequestID, s.ClientID} {
		if id != "" {
			message = strings.ReplaceAll(message, id, "{id}")
		}
	}
	return message
}

func (a *answer) equals(other *answer) bool { return bytes.Equal(a.body, other.body) }
