package client

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// The API's base URLs, for [WithBaseURL]. Production is the default.
const (
	Production = "https://api.cryptomate.me"
	Sandbox    = "https://api.sandbox.cryptomate.me"
)

// The environment that [FromEnv] reads.
const (
	envKey     = "CRYPTOMATE_API_KEY"
	envBaseURL = "CRYPTOMATE_BASE_URL"
)

// version is what the User-Agent header says.
const version = "0.1.0"

// Client calls the API with one key. It is safe for concurrent use; make one and share it, so that
// connections are reused where that is safe.
type Client struct {
	key            secret
	base           *url.URL // with the path up to the client's id
	http           *http.Client
	userAgent      string
	newKey         func() string
	retry          RetryPolicy
	attemptTimeout time.Duration
	strict         bool
	budget         *budget
	gate           *gate // nil without one
	gateLimit      int
	clock          Clock
	telemetry      telemetry
}

// New returns a client of the API at [Production], unless an option says otherwise.
//
// The key is sent in the x-api-key header. It must be visible ASCII, as any key of the API is: a
// line break from the end of a file is refused here rather than by the server.
func New(apiKey string, opts ...Option) (*Client, error) {
	if apiKey == "" {
		return nil, errors.New("client: the API key is empty; pass the key as the portal showed it")
	}
	if !visibleASCII(apiKey) {
		return nil, errors.New("client: the API key holds a space, a line break or another character that no key has; " +
			"pass it without anything around it")
	}
	conf := defaultConfig()
	for _, opt := range opts {
		if err := opt(&conf); err != nil {
			return nil, fmt.Errorf("client: %w", err)
		}
	}
	base, err := url.Parse(conf.baseURL)
	if err != nil {
		return nil, errors.New("client: WithBaseURL: not an absolute URL")
	}
	if base.Path == "" {
		base.Path = "/" // or what is joined to it has no slash before it
	}
	c := &Client{
		key:            newSecret(apiKey),
		base:           base.JoinPath("management/clients/individuals/"),
		http:           ownClient(conf.httpClient, base),
		userAgent:      "enablement-go/" + version + conf.userAgent,
		newKey:         conf.newKey,
		retry:          conf.retry.withDefaults(),
		attemptTimeout: conf.attemptTimeout,
		strict:         conf.strict,
		budget:         newBudget(),
		gateLimit:      conf.gateLimit,
		clock:          conf.clock,
	}
	if c.gateLimit > 0 {
		c.gate = sharedGate(apiKey, strings.ToLower(c.base.Scheme+"://"+c.base.Host)+c.base.Path, conf.clock)
	}
	if c.telemetry, err = newTelemetry(conf); err != nil {
		return nil, fmt.Errorf("client: WithMeterProvider: %w", err)
	}
	return c, nil
}

// FromEnv returns a client with the key of the environment's CRYPTOMATE_API_KEY. CRYPTOMATE_BASE_URL
// sets the base URL where it is not empty, as [WithBaseURL] does; an option overrides it. Nothing
// else in this package reads the environment, but for the proxy settings that net/http reads.
func FromEnv(opts ...Option) (*Client, error) {
	apiKey := os.Getenv(envKey)
	if apiKey == "" {
		return nil, errors.New("client: " + envKey + " is not set; set it to the key as the portal showed it")
	}
	if baseURL := os.Getenv(envBaseURL); baseURL != "" {
		fromEnv := func(conf *config) error {
			if err := WithBaseURL(baseURL)(conf); err != nil {
				return fmt.Errorf("%s: %w", envBaseURL, err)
			}
			return nil
		}
		opts = append([]Option{fromEnv}, opts...)
	}
	return New(apiKey, opts...)
}

// CloseIdleConnections closes the connections that are kept for the next call. Nothing else has to be
// closed.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// ownClient returns a copy of given, or of the default where that is nil, that answers a redirect
// instead of following it.
func ownClient(given *http.Client, base *url.URL) *http.Client {
	var own http.Client
	if given != nil {
		own = *given
	} else if shared, ok := http.DefaultTransport.(*http.Transport); ok {
		transport := shared.Clone()
		if base.Scheme == "http" {
			transport.DialContext = paceTo(net.JoinHostPort(base.Hostname(), cmp.Or(base.Port(), "80")), transport.DialContext)
		}
		own.Transport = transport
	}
	if own.Transport == nil {
		own.Transport = http.DefaultTransport
	}
	own.Transport = guard{next: own.Transport, keeps: new(atomic.Bool)}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// guard takes from every redirect where it leads to: nothing above it can follow it, or fail over an
// address that can't be read. What it leaves is the host, for the error. It also sees to it that only such
// connections are kept that net/http logs nothing of: see [paced].
type guard struct {
	next http.RoundTripper
	// keeps: the last connection was one to keep.
	keeps *atomic.Bool
}

// redirectHost is the header of that host. No server can send it: net/http writes the names of headers
// that it reads in another way.
const redirectHost = "redirect-host"

// RoundTrip implements [http.RoundTripper].
func (g guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if wire, ok := req.Context().Value(wireKey{}).(*wire); ok {
		wire.carry(req, g.keeps)
	}
	resp, err := g.next.RoundTrip(req)
	if err == nil && resp != nil && resp.StatusCode >= 300 && resp.StatusCode <= 399 {
		if location := resp.Header.Get("Location"); location != "" {
			resp.Header[redirectHost] = []string{hostOf(req.URL, location)}
		}
		resp.Header.Del("Location")
	}
	return resp, err
}

// maxHost is the longest host that is shown, a name and a port.
const maxHost = 253 + len(":65535")

// hostOf returns the host that a Location leads to, and nothing else of it: the rest may hold a secret.
func hostOf(base *url.URL, location string) string {
	to, err := base.Parse(location)
	if err != nil || to.Host == "" || len(to.Host) > maxHost {
		return "an address that can't be read"
	}
	return to.Host
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] looks for.
func (g guard) CloseIdleConnections() {
	if closer, ok := g.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// visibleASCII tells whether text has no space, no control character and nothing beyond ASCII.
func visibleASCII(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}
