package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/cryptomate-go/enablement/gen/api"
)

// The API's base URLs, for [WithBaseURL]. Production is the default.
const (
	Production = "https://api.cryptomate.me"
	Sandbox    = "https://api.sandbox.cryptomate.me"
)

// version is what the User-Agent header says.
const version = "0.1.0"

// Client calls the API with one key. It is safe for concurrent use; make one and share it, so that
// connections are reused.
type Client struct {
	api *api.Client
	key secret
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
	conf := config{baseURL: Production}
	for _, opt := range opts {
		if err := opt(&conf); err != nil {
			return nil, fmt.Errorf("client: %w", err)
		}
	}
	key := newSecret(apiKey)
	generated, err := api.NewClient(conf.baseURL,
		api.WithHTTPClient(withoutRedirects(conf.httpClient)),
		api.WithRequestEditorFn(func(_ context.Context, req *http.Request) error {
			req.Header.Set("X-Api-Key", key.reveal())
			req.Header.Set("User-Agent", "enablement-go/"+version)
			req.Header.Set("Accept", mediaType)
			return nil
		}))
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return &Client{api: generated, key: key}, nil
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
