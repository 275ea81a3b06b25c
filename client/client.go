package client

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/cryptomate-go/enablement/client/internal/gate"
	"github.com/cryptomate-go/enablement/client/internal/secret"
)

// The base URLs of the API, for [WithBaseURL]. Production is the default.
const (
	Production = "https://api.cryptomate.me"
	Sandbox    = "https://api.sandbox.cryptomate.me"
)

const (
	envKey     = "CRYPTOMATE_API_KEY"
	envBaseURL = "CRYPTOMATE_BASE_URL"
)

// version is what the User-Agent header says.
const version = "0.1.0"

// Client calls the API with one key. It is safe for concurrent use: make one and share it.
type Client struct {
	config
	key    secret.Secret
	server string // the base URL, with a slash at its end
	http   http.Client
	sender *sender // below the middleware
	budget *budget
	gate   *gate.Gate // nil without one
}

const wrongKey = "the API key is empty, or holds a space, a line break or another character that no key has; " +
	"pass it as the portal showed it"

// New returns a client for the API at [Production], unless an option sets another base URL.
//
// The key is sent in the header x-api-key. It must be visible ASCII, as all keys of the API are. So a line break from the
// end of a file is an error here.
func New(apiKey string, opts ...Option) (*Client, error) {
	if apiKey == "" || !visibleASCII(apiKey) {
		return nil, errors.New("client: " + wrongKey)
	}
	conf := defaultConfig()
	for _, opt := range opts {
		if err := opt.setClient(&conf); err != nil {
			return nil, fmt.Errorf("client: %w", err)
		}
	}
	conf.retry = conf.retry.withDefaults()
	own := false
	if conf.httpClient == nil {
		conf.httpClient = new(http.Client)
		var shared *http.Transport
		if shared, own = http.DefaultTransport.(*http.Transport); own {
			conf.httpClient.Transport = withPings(shared.Clone())
		}
	}
	key := secret.New(apiKey)
	c := &Client{
		config: conf, key: key, server: strings.TrimSuffix(conf.base.String(), "/") + "/",
		http: *conf.httpClient, sender: &sender{next: conf.httpClient.Transport, key: key, own: own}, budget: new(budget),
	}
	if c.sender.next == nil {
		c.sender.next = http.DefaultTransport
	}
	c.http.Transport = chain(c.sender.send, conf.middleware)
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if conf.gateLimit > 0 {
		c.gate = gate.Shared(apiKey, strings.ToLower(conf.base.Scheme+"://"+conf.base.Host)+strings.TrimSuffix(conf.base.Path, "/"))
	}
	return c, nil
}

// withPings has a connection of HTTP/2 that was lost without a word noticed while an attempt waits for it, so that the next one
// takes another connection. Without that, all would wait for the lost one, for a quarter of an hour.
func withPings(own *http.Transport) *http.Transport {
	if own.HTTP2 == nil {
		own.HTTP2 = &http.HTTP2Config{SendPingTimeout: defaultAttemptTimeout / 2, PingTimeout: defaultAttemptTimeout / 6}
	}
	return own
}

// FromEnv returns a client with the key in the environment variable CRYPTOMATE_API_KEY. CRYPTOMATE_BASE_URL sets the base
// URL, unless it is empty or there is a [WithBaseURL]. Beside these, only net/http reads the environment, for its proxy
// settings.
func FromEnv(opts ...Option) (*Client, error) {
	apiKey := os.Getenv(envKey)
	if apiKey == "" {
		return nil, errors.New("client: " + envKey + " is not set; set it to the key as the portal showed it")
	}
	if !visibleASCII(apiKey) {
		return nil, errors.New("client: " + envKey + ": " + wrongKey)
	}
	var set config
	for _, opt := range opts {
		_ = opt.setClient(&set) // New says what is wrong with one
	}
	if baseURL := os.Getenv(envBaseURL); baseURL != "" && set.base == nil {
		opts = append([]Option{withBaseURL(envBaseURL+": WithBaseURL: ", baseURL)}, opts...)
	}
	return New(apiKey, opts...)
}

// CloseIdleConnections closes connections that are kept for the next call. Nothing else needs closing.
func (c *Client) CloseIdleConnections() { c.httpClient.CloseIdleConnections() }
