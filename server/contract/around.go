package contract

import (
	"bytes"
	"io"
	"maps"
	"net/http"
)

// Transport returns a RoundTripper for any HTTP client. It passes every call on to next, and checks it.
// Nil is [http.DefaultTransport]. Request and response are passed on unchanged. Before the response is
// returned, up to 8 MiB of its body are read, and all findings are made.
func (c *Contract) Transport(next http.RoundTripper) http.RoundTripper {
	return around(c.begin, next)
}

// around has what begin starts to look at checked on its way through next.
func around(begin func(*http.Request) *exchange, next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context()) // its body may be wrapped
		x := begin(r)
		x.request()
		response, err := next.RoundTrip(r)
		if err == nil {
			x.read(response)
		}
		x.c.settle(x)
		return response, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Handler returns a handler that goes around any server. It checks every call that next serves. The response
// is checked before it is sent, unchanged. So all findings are made before the caller gets the response.
// Streaming and hijacking don't work behind it.
func (c *Contract) Handler(next http.Handler) http.Handler {
	return inFront(c.begin, next)
}

// inFront has what begin starts to look at checked before and after next serves it.
func inFront(begin func(*http.Request) *exchange, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := begin(r)
		x.request()
		held := &held{header: w.Header().Clone()}
		next.ServeHTTP(held, r)
		response := held.response(r) //nolint:bodyclose // it is in memory
		x.read(response)
		x.c.settle(x)
		held.send(w)
	})
}

// held is a response that was not sent yet.
type held struct {
	header http.Header
	sent   http.Header // the header as it was when the status was written
	status int
	body   bytes.Buffer
}

func (h *held) Header() http.Header { return h.header }

func (h *held) WriteHeader(status int) {
	if h.status == 0 && status >= 200 {
		h.status, h.sent = status, h.header.Clone()
	}
}

func (h *held) Write(b []byte) (int, error) {
	if h.status == 0 {
		h.WriteHeader(http.StatusOK)
	}
	return h.body.Write(b)
}

// send lets the response go as it is. What was set after its status can be trailers, of which net/http
// knows the announced ones.
func (h *held) send(w http.ResponseWriter) {
	header := w.Header()
	clear(header)
	maps.Copy(header, h.sent)
	w.WriteHeader(h.status)
	_, _ = w.Write(h.body.Bytes()) // where it can't be delivered, nobody is left to be told
	maps.Copy(header, h.header)
}

// response is what net/http would make of it: it guesses a media type where none was set, but not of a
// body in a content coding.
func (h *held) response(r *http.Request) *http.Response {
	h.WriteHeader(http.StatusOK)
	header := h.sent
	if _, set := header["Content-Type"]; !set && h.body.Len() > 0 && header.Get("Content-Encoding") == "" {
		header.Set("Content-Type", http.DetectContentType(h.body.Bytes()))
	}
	body := h.body.Bytes()
	if r.Method == http.MethodHead {
		body = nil
	}
	return &http.Response{
		StatusCode: h.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Request: r,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}
