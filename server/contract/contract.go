package contract

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Contract checks requests and responses against openapi.yaml. It remembers what it saw of each client and product
// request, so it finds a response that contradicts an earlier one. It is safe for concurrent use.
type Contract struct {
	settings
	description
	now func() time.Time

	mutex    sync.Mutex
	tick     uint64
	findings []Finding
	dropped  int
	clients  *memory[string, *seen]
	requests *memory[string, *seen]
	replays  *memory[[32]byte, *answered]
	traces   *memory[string, bool]      // trace ids, with their server in front
	clocks   *memory[string, time.Time] // the latest moment that a server told of
	notices  *memory[string, *notice]   // by webhook-id
	notified *memory[string, string]    // the webhook-id about a product request
}

// New returns a Contract for the embedded specification.
func New(opts ...Option) (*Contract, error) {
	c := &Contract{settings: settings{remember: 10_000, keep: 1000}, now: time.Now}
	for _, opt := range opts {
		if opt == nil {
			return nil, errors.New("contract: an option is nil")
		}
		if err := opt(c); err != nil {
			return nil, fmt.Errorf("contract: %w", err)
		}
	}
	if c.doc == nil {
		read, err := loaded()
		if err != nil {
			return nil, fmt.Errorf("contract: %w", err)
		}
		c.description = read
	}
	c.clients = newMemory[string, *seen](c.remember)
	c.requests = newMemory[string, *seen](c.remember)
	c.replays = newMemory[[32]byte, *answered](c.remember)
	c.traces = newMemory[string, bool](c.remember)
	c.clocks = newMemory[string, time.Time](c.remember)
	c.notices = newMemory[string, *notice](c.remember)
	c.notified = newMemory[string, string](c.remember)
	return c, nil
}

type settings struct {
	values        bool
	responsesOnly bool
	headers       []string
	basePath      string
	remember      int
	keep          int
	sinks         []func(Finding)
	secrets       [][]byte
	off           map[string]bool // rules that are left out
}

// Option adjusts a [Contract].
type Option func(*Contract) error

// WithValues shows values of the call in findings. They can be personal data: do not use it if findings
// go to a shared log. The API key is never shown.
func WithValues() Option {
	return func(c *Contract) error { c.values = true; return nil }
}

// Without leaves out rules, by their ids in [Rules]. It is for a server that differs on purpose. An unknown
// id is an error that names the nearest ones.
func Without(ids ...string) Option {
	return func(c *Contract) error {
		for _, id := range ids {
			if !slices.ContainsFunc(rules, func(r Rule) bool { return r.ID == id }) {
				return fmt.Errorf("Without: there is no rule %q; close to it are %s", id, strings.Join(nearest(id), ", "))
			}
			if c.off == nil {
				c.off = map[string]bool{}
			}
			c.off[id] = true
		}
		return nil
	}
}

// ResponsesOnly checks no requests and notifications, only the responses to them. It is for tests that send
// wrong requests on purpose.
func ResponsesOnly() Option {
	return func(c *Contract) error { c.responsesOnly = true; return nil }
}

// WithHeaders allows more headers in responses than the declared and the usual ones. The usual ones are those
// of HTTP itself, of caches and proxies, and the security headers for browsers.
func WithHeaders(names ...string) Option {
	return func(c *Contract) error {
		for _, name := range names {
			if name == "" {
				return errors.New("WithHeaders: a name is empty")
			}
			c.headers = append(c.headers, http.CanonicalHeaderKey(name))
		}
		return nil
	}
}

// WithWebhookSecrets sets the secrets that notifications are signed with: whsec_ and base64. With it, the
// signatures are verified; without it, only their form is checked. Give all secrets that are in use.
func WithWebhookSecrets(secrets ...string) Option {
	return func(c *Contract) error {
		for _, secret := range secrets {
			encoded, ok := strings.CutPrefix(secret, "whsec_")
			key, err := base64.StdEncoding.DecodeString(encoded)
			if !ok || err != nil || len(key) == 0 {
				return errors.New("WithWebhookSecrets: a secret must be whsec_ and base64")
			}
			c.secrets = append(c.secrets, key)
		}
		return nil
	}
}

// WithBasePath sets the path below which the API is mounted, such as "/api". The default is the root.
func WithBasePath(path string) Option {
	return func(c *Contract) error {
		if !strings.HasPrefix(path, "/") {
			return errors.New("WithBasePath: the path must begin with /")
		}
		c.basePath = strings.TrimRight(path, "/")
		return nil
	}
}

// OnFinding calls report with every finding at once, before the caller of a [Contract.Transport] or a
// [Contract.Handler] gets the response. report must be safe for concurrent use. [ToTB] returns one.
func OnFinding(report func(Finding)) Option {
	return func(c *Contract) error {
		if report == nil {
			return errors.New("OnFinding: the function is nil")
		}
		c.sinks = append(c.sinks, report)
		return nil
	}
}

// WithMemory sets how many clients and product requests, Idempotency-Keys and notifications are remembered at most;
// 10,000 by default. If there are more, the oldest are forgotten, and later responses are not compared with them.
func WithMemory(entries int) Option {
	return func(c *Contract) error {
		if entries < 1 {
			return errors.New("WithMemory: must be above zero")
		}
		c.remember = entries
		return nil
	}
}

// usualHeaders may a response have without being declared: those of HTTP itself, of caches and proxies, and
// those that tell a browser to be careful. Set-Cookie is none of them.
var usualHeaders = []string{
	"Accept-Ranges", "Age", "Allow", "Alt-Svc", "Cache-Control", "Connection", "Content-Encoding", "Content-Language",
	"Content-Length", "Content-Location", "Content-Type", "Date", "Etag", "Expires", "Keep-Alive", "Last-Modified",
	"Location", "Pragma", "Server", "Server-Timing", "Trailer", "Transfer-Encoding", "Upgrade", "Vary", "Via",
	"Www-Authenticate", // which HTTP asks for in a 401

	"Cache-Status", "Cdn-Cache-Control", "Cf-Cache-Status", "Cf-Ray", "Nel", "Proxy-Status", "Report-To", "Reporting-Endpoints",
	"X-Amz-Cf-Id", "X-Amz-Cf-Pop", "X-Cache", "X-Cache-Hits", "X-Envoy-Upstream-Service-Time", "X-Served-By", "X-Timer",

	"Content-Security-Policy", "Cross-Origin-Embedder-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy",
	"Origin-Agent-Cluster", "Permissions-Policy", "Referrer-Policy", "Strict-Transport-Security", "X-Content-Type-Options",
	"X-Dns-Prefetch-Control", "X-Download-Options", "X-Frame-Options", "X-Permitted-Cross-Domain-Policies", "X-Xss-Protection",
}

// Findings returns the findings so far, at most the first thousand.
func (c *Contract) Findings() []Finding {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return slices.Clone(c.findings)
}

// Dropped returns how many findings came after the first thousand. [Contract.Findings] does not have them.
func (c *Contract) Dropped() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.dropped
}

// CheckRequest returns what is wrong with a request. It reads the body, and puts it back.
func (c *Contract) CheckRequest(r *http.Request) []Finding {
	x := c.begin(r)
	x.request()
	return c.settle(x)
}

// CheckResponse returns what is wrong with the response to r, but not what is wrong with r. It reads the
// response's body and puts it back. It assumes that each response came before the next request was sent:
// if calls overlap, use [Contract.Transport] or [Contract.Handler].
func (c *Contract) CheckResponse(r *http.Request, response *http.Response) []Finding {
	x := c.begin(r)
	x.request()
	x.findings = nil
	x.read(response)
	return c.settle(x)
}

// Check returns what is wrong with a request and the response to it.
func (c *Contract) Check(r *http.Request, response *http.Response) []Finding {
	x := c.begin(r)
	x.request()
	x.read(response)
	return c.settle(x)
}

// begin starts to look at a call, before it is made.
func (c *Contract) begin(r *http.Request) *exchange {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.tick++
	x := &exchange{c: c, r: r, began: c.tick, route: c.route(r)}
	x.keyHeader = c.usual.keyHeader
	if x.path != nil && x.path.keyHeader != "" {
		x.keyHeader = x.path.keyHeader
	}
	x.key = r.Header.Get(x.keyHeader)
	x.writing()
	if reachable(r) {
		x.curl = curlOf(r, quoted(addressOf(r), x.key), x.keyHeader)
	}
	return x
}

// settle keeps and reports the findings of a call.
func (c *Contract) settle(x *exchange) []Finding {
	c.mutex.Lock()
	for _, f := range x.findings {
		if len(c.findings) < c.keep {
			c.findings = append(c.findings, f)
		} else {
			c.dropped++
		}
	}
	c.mutex.Unlock()
	for _, f := range x.findings {
		for _, sink := range c.sinks {
			sink(f)
		}
	}
	return x.findings
}
