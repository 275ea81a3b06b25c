package client

import (
	"errors"
	"net/http"
)

// RoundTripperFunc sends one request and returns its response. It is an [http.RoundTripper].
type RoundTripperFunc func(req *http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f RoundTripperFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// Middleware is an [Option] and a [CallOption]: see [WithMiddleware].
type Middleware func(next RoundTripperFunc) RoundTripperFunc

// WithMiddleware sees every attempt of every call, or of one call: the request before it is sent, the response
// before it is read. The first option is the outermost, and those of a call are around those of the client.
//
// The request has no API key, and neither has the response's: it is set below all middleware. One that needs
// it, to sign with for instance, asks [APIKey]. Pass each request on at most once, with its context: a second
// sending is stopped, because it is not counted. What is changed in the header is sent; the body must be left
// unread.
//
// What is made for net/http fits in: WithMiddleware(func(next client.RoundTripperFunc) client.RoundTripperFunc
// { return otelhttp.NewTransport(next).RoundTrip }).
func WithMiddleware(middleware func(next RoundTripperFunc) RoundTripperFunc) Middleware {
	return middleware
}

var errNoMiddleware = errors.New("WithMiddleware: the function is nil; leave the option out for none")

func (m Middleware) setClient(conf *config) error {
	if m == nil {
		return errNoMiddleware
	}
	conf.middleware = append(conf.middleware, m)
	return nil
}

func (m Middleware) setCall(call *call) error {
	if m == nil {
		return errNoMiddleware
	}
	call.middleware = append(call.middleware, m)
	return nil
}

// chain puts middleware around what sends, the first one outermost.
func chain(send RoundTripperFunc, middleware []Middleware) RoundTripperFunc {
	for i := range middleware {
		send = middleware[len(middleware)-1-i](send)
	}
	return send
}

// APIKey returns the key that a request in a [Middleware] will be sent with, "" for any other request.
func APIKey(req *http.Request) string {
	if wire, ok := req.Context().Value(wireKey{}).(*wire); ok {
		return wire.key.Reveal()
	}
	return ""
}
