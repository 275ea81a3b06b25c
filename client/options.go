package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// defaultTimeout bounds a whole call, from the dial to the last byte of the reply.
const defaultTimeout = 30 * time.Second

// Option sets up a [Client]. A wrong one is an error of [New].
type Option func(*config) error

type config struct {
	baseURL    string
	httpClient *http.Client
}

// WithBaseURL sends calls to another server than [Production]: to [Sandbox], or to one of your own.
// A path in front of the API's own is kept. Plain http is taken for this machine only (localhost
// and loopback addresses), because the key would be readable on the way.
func WithBaseURL(baseURL string) Option {
	return func(conf *config) error {
		// No message repeats the URL, or a parser's words on it: it may hold a password.
		u, err := url.Parse(baseURL)
		switch {
		case err != nil || u.Hostname() == "":
			return errors.New("WithBaseURL: not an absolute URL; write it like " + Production)
		case u.User != nil:
			return errors.New("WithBaseURL: user and password in the URL are not sent; leave them out")
		case strings.ContainsAny(baseURL, "?#"):
			return errors.New("WithBaseURL: a query or a fragment is not sent; leave it out")
		case u.Scheme == "http" && !loopback(u.Hostname()):
			return errors.New("WithBaseURL: http would send the API key in the clear; use https")
		case u.Scheme != "https" && u.Scheme != "http":
			return fmt.Errorf("WithBaseURL: the scheme is %q; use https", u.Scheme)
		}
		conf.baseURL = baseURL
		return nil
	}
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// WithHTTPClient sends calls through a copy of c, with its transport, timeout and cookie jar, in
// place of a client with a timeout of 30 seconds. The copy never follows a redirect, whatever
// c.CheckRedirect says.
//
// The transport sees the API key. One that follows redirects by itself would send the key along:
// don't use such a transport.
func WithHTTPClient(c *http.Client) Option {
	return func(conf *config) error {
		if c == nil {
			return errors.New("WithHTTPClient: the client is nil; leave the option out for the default")
		}
		conf.httpClient = c
		return nil
	}
}

// withoutRedirects returns a copy of c, or of the default where c is nil, that answers a redirect
// instead of following it.
func withoutRedirects(c *http.Client) *http.Client {
	own := http.Client{Timeout: defaultTimeout}
	if c != nil {
		own = *c
	} else if shared, ok := http.DefaultTransport.(*http.Transport); ok {
		own.Transport = shared.Clone()
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// CallOption sets up one call. A wrong one is [ErrInvalidInput], and nothing is sent.
type CallOption func(*call) error

type call struct {
	idempotencyKey *string
}

// WithIdempotencyKey names the submission: for 24 hours, the server answers a repeat under the same
// key what it answered first. The key is 1 to 255 visible ASCII characters, and unique per intended
// submission; a UUID does.
func WithIdempotencyKey(key string) CallOption {
	return func(call *call) error {
		if len(key) < 1 || len(key) > 255 || !visibleASCII(key) {
			return errors.New("WithIdempotencyKey: the key must be 1 to 255 visible ASCII characters, without spaces; a UUID does")
		}
		call.idempotencyKey = &key
		return nil
	}
}
