package contract

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
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

	at      Subject         // the client and the request that the steps are about
	sent    api.ClientInput // the client as it was last sent
	before  []*answer       // the responses to the steps before
	made    []Subject       // the clients that are there because of this case, each with its company's key
	mails   []string        // the addresses of those that it may have made
	unnamed bool            // a client was created, and its id is not known
	stored  []any           // what was read of the client
	key     string          // an Idempotency-Key
}

// steps runs them until one fails, and returns those that were answered as they say, and those that were not run.
func (r *runner) steps(steps []Step) (right, left []Step) {
	for i, step := range steps {
		before := len(r.calls)
		step.run(r)
		failed := false
		for _, a := range r.calls[before:] {
			a.step = step.Call
			failed = failed || a.failed
		}
		switch {
		case !failed:
			right = append(right, step)
		case !step.derived:
			return right, steps[i+1:]
		}
	}
	return right, nil
}

// longestCleanUp is how long a case may take to clean up, whatever became of its context.
const longestCleanUp = 10 * time.Second

// cleanUp leaves no client behind, and returns the ids of those that it can't delete.
func (r *runner) cleanUp(failed bool) (left []string) {
	if len(r.mails) == 0 || !r.serves("deleteClient") {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), longestCleanUp)
	defer cancel()
	failed = failed || r.unnamed || r.ctx.Err() != nil
	r.ctx = ctx
	if failed && r.serves("listClients") {
		r.findMade()
	}
	for _, client := range r.made {
		if status, _ := r.quietly("deleteClient", client); status/100 != 2 && status != http.StatusNotFound {
			left = append(left, client.ClientID)
		}
	}
	return left
}

// findMade looks for clients of whose creation no id came back.
func (r *runner) findMade() {
	for _, key := range []string{r.f.Key, r.f.OtherCompanyKey} {
		if key == "" {
			continue
		}
		var list []struct{ ID, Email string }
		_, body := r.quietly("listClients", Subject{Key: key})
		_ = json.Unmarshal(body, &list) // what can't be read names nobody
		for _, one := range list {
			if slices.ContainsFunc(r.mails, func(mail string) bool { return strings.EqualFold(mail, one.Email) }) {
				r.note(one.ID, key)
			}
		}
	}
}

// note remembers a client that is there because of the case. It is deleted with a key that may do so.
func (r *runner) note(id, key string) {
	if key == r.f.LowLevelKey {
		key = r.f.Key
	}
	if !slices.ContainsFunc(r.made, func(made Subject) bool { return made.ClientID == id }) {
		r.made = append(r.made, Subject{ClientID: id, Key: key})
	}
}

// quietly makes a call that is not looked at. The status is 0 where there is no response.
func (r *runner) quietly(operation string, about Subject) (status int, body []byte) {
	request, err := r.request(r.c.operation(operation), call{Subject: about})
	if err != nil {
		return 0, nil
	}
	r.wait()
	response, err := r.target.transport.RoundTrip(request)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = response.Body.Close() }() // what was read will do
	body, _ = io.ReadAll(io.LimitReader(response.Body, largest))
	return response.StatusCode, body
}

func (r *runner) findings() []Finding {
	var all []Finding
	for _, a := range r.calls {
		for _, f := range a.x.findings {
			f.Case, f.Step = r.name, a.step
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
	step   string // that the call is of, in words
}

// ask makes a call and keeps the response.
func (r *runner) ask(operation string, c call) *answer {
	a := r.send(operation, c)
	r.keep(operation, a)
	return a
}

// keep notes responses, and the clients that are there because of them.
func (r *runner) keep(operation string, answers ...*answer) {
	r.calls = append(r.calls, answers...)
	for _, a := range answers {
		if operation != "createClient" || a.status/100 != 2 {
			continue
		}
		if id := text(a.object(), "id"); id != "" {
			r.note(id, a.x.key)
		} else {
			r.unnamed = true
		}
	}
}

// together makes several calls at once.
func (r *runner) together(operation string, calls ...call) []*answer {
	answers := make([]*answer, len(calls))
	var group sync.WaitGroup
	for i, c := range calls {
		group.Go(func() { answers[i] = r.send(operation, c) })
	}
	group.Wait()
	r.keep(operation, answers...)
	return answers
}

func (r *runner) send(operation string, c call) *answer {
	op := r.c.operation(operation)
	request, err := r.request(op, c)
	if err != nil {
		return r.unsent(&http.Request{Method: op.method, URL: &url.URL{}, Header: http.Header{}}, "an answer", err)
	}
	r.wait()
	looked := request.Clone(r.ctx)
	looked.Header = asRead(request.Header)
	x := r.c.begin(looked)
	if x.curl != "" {
		x.curl = ownCurl(request, c.Key)
	}
	x.request()
	x.findings, request.Body = nil, looked.Body
	response, err := r.target.transport.RoundTrip(request)
	if err != nil {
		x.find(ruleCase, "status", 0, "an answer"+unreached(err), err)
		return &answer{x: x, r: r, failed: true}
	}
	x.read(response)
	_ = response.Body.Close() // read to its end
	r.c.settle(x)
	return &answer{x: x, r: r, status: response.StatusCode, body: x.received.body}
}

// unreached says why a server was not reached. It has nothing of the call but the server's address.
func unreached(err error) string {
	network, isNetwork := errors.AsType[*net.OpError](err)
	certificate, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case isNetwork:
		return ": " + network.Error()
	case isCertificate:
		return ": " + certificate.Error()
	default:
		return ""
	}
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
		setBody(request, body)
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
	if request.ContentLength > 1<<20 {
		request.Header.Set("Expect", "100-continue") // a server that refuses it may do so before it is sent
	}
	return request, nil
}

func setBody(r *http.Request, body []byte) {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Header.Set("Content-Type", "application/json")
}

// unsent is a call that got no response.
func (r *runner) unsent(request *http.Request, expected string, err error) *answer {
	a := &answer{x: r.c.begin(request), r: r, failed: true}
	a.x.find(ruleCase, "status", 0, expected, err)
	return a
}

// decided has the provider decide on the request that the case is about.
func decided(as api.ProductStatus) Step {
	return Step{Call: "have it decided: " + string(as), Expect: "no error", run: func(r *runner) {
		if err := r.f.Decide(r.ctx, r.at.RequestID, as); err != nil {
			r.calls = append(r.calls, r.unsent(&http.Request{URL: &url.URL{}, Header: http.Header{}}, "no error of Fixtures.Decide", err))
		}
	}}
}

func (r *runner) unique() string { return "contract-" + rand.Text() }

// person is a client that is not there yet. Its address tells which case it is of, in as many characters as may stand
// before the @.
func (r *runner) person() api.ClientInput {
	name := slug(r.name)
	mail := name[:min(len(name), 50)] + "." + strings.ToLower(rand.Text()[:12]) + "@example.com"
	r.mails = append(r.mails, mail)
	return api.ClientInput{
		FirstName: "Contract", SecondName: "Kit", LastName: "Example", Email: mail,
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
		object, _ := a.x.received.value.([]any)[i].(map[string]any)
		return object
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
