package server

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
)

// call is one request on its way through the chain, with its reply. It is the ResponseWriter that
// the mux and the generated code see, and it is reachable from the request's context.
type call struct {
	reply
	started       time.Time
	traceID       string
	operation     *operation // nil until the mux found it
	principal     Principal
	authenticated bool
	failed        bool // the reply was written by fail
	client        netip.Addr
	overTLS       bool
	code          api.ErrorCode
}

func newCall(r *http.Request) *call {
	return &call{
		reply:   reply{header: make(http.Header, 8)},
		started: time.Now(),
		traceID: traceIDOf(r),
	}
}

// stamp sets the headers that are the chain's to set, over whatever the implementation wrote.
func (c *call) stamp() {
	c.header.Set("X-Trace-Id", c.traceID)
	c.header.Set("X-Content-Type-Options", "nosniff")
	// A reply that a browser shows loads nothing, runs nothing and is in nobody's frame. A
	// Referrer-Policy would add nothing: there is nothing that could refer.
	c.header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if c.overTLS {
		c.header.Set("Strict-Transport-Security", "max-age=31536000") // a year; subdomains aren't ours to speak for
	}
	if c.header.Get("Cache-Control") == "" {
		c.header.Set("Cache-Control", "no-store")
	}
}

// operationID is empty while no operation was found.
func (c *call) operationID() string {
	if c.operation == nil {
		return ""
	}
	return c.operation.id
}

type callKey struct{}

func callFrom(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}
