package client

import "net/http"

// NewSecret is for the tests of how a secret prints.
var NewSecret = newSecret

// Version is what the User-Agent header says.
const Version = version

// HTTPClient returns what c sends with.
func HTTPClient(c *Client) *http.Client { return c.api.Client.(*http.Client) }
