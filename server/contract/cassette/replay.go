package cassette

import (
	"bytes"
	"io"
	"net/http"
	"net/url"

	"github.com/cryptomate-go/enablement/server/contract"
)

// Finding is a finding in an exchange.
type Finding struct {
	contract.Finding
	Exchange  int    // counted from 1
	Call      string // its method and path
	Status    int    // of the response
	Operation string // empty if the call was of no operation
}

// Check checks the exchanges against the specification and against each other, in the order in which they began and
// ended. The options are those of [contract.New].
func (c *Cassette) Check(options ...contract.Option) ([]Finding, error) {
	d, err := loaded()
	if err != nil {
		return nil, err
	}
	var (
		found []Finding
		now   int
	)
	options = append(options, contract.OnFinding(func(f contract.Finding) {
		x := c.exchanges[now]
		finding := Finding{Finding: f, Exchange: now + 1, Call: x.String(), Status: x.Response.Status}
		if op := d.find(x.Request.Method, pathOf(x.Request.Path)); op != nil {
			finding.Operation = op.OperationID
		}
		found = append(found, finding)
	}))
	kit, err := contract.New(options...)
	if err != nil {
		return nil, err
	}
	// Only one of all calls runs at a time: each waits for its end where it would be sent.
	type call struct{ sent, answer, over chan struct{} }
	calls := make([]*call, len(c.exchanges))
	for _, event := range c.events() {
		x := c.exchanges[event.number]
		if !event.begins {
			now = event.number
			close(calls[event.number].answer)
			<-calls[event.number].over
			continue
		}
		one := &call{make(chan struct{}), make(chan struct{}), make(chan struct{})}
		calls[event.number] = one
		transport := kit.Transport(roundTripper(func(r *http.Request) (*http.Response, error) {
			close(one.sent)
			<-one.answer
			return x.response(r), nil
		}))
		go func() {
			defer close(one.over)
			response, _ := transport.RoundTrip(x.request()) // ours gives no error
			_ = response.Body.Close()
		}()
		<-one.sent
	}
	return found, nil
}

// request is the call as it was made. It goes nowhere.
func (x *exchange) request() *http.Request {
	target, _ := url.ParseRequestURI(x.Request.Path) // it was checked
	r := &http.Request{Method: x.Request.Method, URL: target, Host: "cassette", Header: x.Request.Header.Clone()}
	if text := x.Request.content(); len(text) > 0 {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), max(int64(len(text)), x.Request.Removed)
	}
	return r
}

// response is what was answered.
func (x *exchange) response(r *http.Request) *http.Response {
	text := x.Response.content()
	return &http.Response{
		StatusCode: x.Response.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: x.Response.Header.Clone(),
		Body: io.NopCloser(bytes.NewReader(text)), ContentLength: int64(len(text)), Request: r,
	}
}
