package client

import (
	"net/http"
	"slices"
)

// RoundTripperFunc sends one request and returns its response. It is an [http.RoundTripper].
type RoundTripperFunc func(req *http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f RoundTripperFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// WithMiddleware sees every attempt: the request before it is sent, and the response before it is read. The first option
// is the outermost. Options of a call are outside of those of the client.
//
// The request in a middleware has no API key, as the key is set after all middleware; nor has the request of the
// response. [APIKey] returns it, for example to sign with. Pass each request on at most once, and with its context: a
// second sending is stopped, as it would not be counted. Changes of the header are sent.
//
// A RoundTripper of net/http can be used: WithMiddleware(func(next client.RoundTripperFunc) client.RoundTripperFunc {
// return otelhttp.NewTransport(next).RoundTrip }).
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

// APIKey returns the API key that a request in a middleware will be sent with. It is "" for a request with another
// context.
func APIKey(req *http.Request) string {
	if wire, ok := req.Context().Value(wireKey{}).(*wire); ok {
		return wire.sender.key.Reveal()
	}
	return ""
}
