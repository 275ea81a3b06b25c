package client

import (
	"net/http"
	"slices"
)

// RoundTripperFunc sends one request and returns its response. It is an [http.RoundTripper].
type RoundTripperFunc func(req *http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f RoundTripperFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// WithMiddleware sees every attempt: the request before it is sent, the response before it is read. The first option
// is the outermost, and those of a call are around those of the client.
//
// The request has no API key, and neither has the response's: it is set below all middleware. One that needs
// it, to sign with for instance, asks [APIKey]. Pass each request on at most once, with its context: a second
// sending is stopped, because it would not be counted. What is changed in the header is sent.
//
// What is made for net/http fits in: WithMiddleware(func(next client.RoundTripperFunc) client.RoundTripperFunc
// { return otelhttp.NewTransport(next).RoundTrip }).
func WithMiddleware(middleware func(next RoundTripperFunc) RoundTripperFunc) AnyOption {
	return with(middleware != nil, "WithMiddleware: the function is nil; leave the option out for none",
		func(conf *config) { conf.middleware = append(slices.Clip(conf.middleware), middleware) })
}

// chain puts middleware around what sends, the first one outermost.
func chain(send RoundTripperFunc, middleware []func(next RoundTripperFunc) RoundTripperFunc) RoundTripperFunc {
	for _, wrap := range slices.Backward(middleware) {
		send = wrap(send)
	}
	return send
}

// APIKey returns the key that a request in a middleware will be sent with, "" for one of another context.
func APIKey(req *http.Request) string {
	if wire, ok := req.Context().Value(wireKey{}).(*wire); ok {
		return wire.sender.key.Reveal()
	}
	return ""
}
