package server

import (
	"context"
	"crypto/sha256"
	"net/http"
	"net/netip"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/wire"
)

// call is one request on its way through the chain, with its response. It is the ResponseWriter and the
// request's context that the mux and the generated code see.
type call struct {
	context.Context // of the request as it came
	response
	started       time.Time
	traceID       string
	operation     *operation // nil until the mux found it
	principal     Principal
	authenticated bool
	key           *Idempotency // nil where the call has none
	photos        map[[sha256.Size]byte]api.Image
	failed        bool // the response was written by fail
	client        netip.Addr
	overTLS       bool
	code          api.ErrorCode
	stamps        [4]string // the values of the headers that stamp sets
}

func newCall(w http.ResponseWriter, r *http.Request) *call {
	return &call{
		Context:  r.Context(),
		response: newResponse(w),
		started:  time.Now(),
		traceID:  wire.TraceID(r),
	}
}

// stamp sets the headers that are the chain's to set, over whatever the implementation wrote.
func (c *call) stamp() {
	if c.stamps[0] != "" {
		return // done for the check, and nobody wrote since
	}
	c.stamps = [...]string{
		c.traceID,
		"nosniff",
		// A response that a browser shows loads nothing, runs nothing and is in nobody's frame. A
		// Referrer-Policy would add nothing: there is nothing that could refer.
		"default-src 'none'; frame-ancestors 'none'",
		"no-store",
	}
	c.header["X-Trace-Id"] = c.stamps[0:1:1]
	c.header["X-Content-Type-Options"] = c.stamps[1:2:2]
	c.header["Content-Security-Policy"] = c.stamps[2:3:3]
	if set := c.header["Cache-Control"]; len(set) == 0 || set[0] == "" {
		c.header["Cache-Control"] = c.stamps[3:4:4]
	}
	if c.overTLS {
		c.header.Set("Strict-Transport-Security", "max-age=31536000") // a year; subdomains aren't ours to speak for
	}
}

// reset forgets the response.
func (c *call) reset() {
	c.response.reset()
	clear(c.stamps[:])
}

// operationID is empty while no operation was found.
func (c *call) operationID() string {
	if c.operation == nil {
		return ""
	}
	return c.operation.id
}

// Value implements [context.Context]: a call is found in what is derived from it.
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

type callKey struct{}

func callFrom(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}
