package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
)

// Call is a call whose response is known. Each of its texts is one of a few that the specification and
// this package know; the caller can't choose any, so that all of them will do as a metric's labels.
type Call struct {
	// Operation is the operationId; empty where no operation was found.
	Operation string
	// Route is the operation's path as described, parameters unfilled; empty where there is none.
	Route string
	// Method is one of the constants of net/http, or "other".
	Method string
	// Status is the response's; 0 is a call that was aborted and gets no response.
	Status int
	// Code is the error's; empty where the response is none.
	Code api.ErrorCode
	// Duration is the time from the request's arrival until the response was ready to leave.
	Duration time.Duration
}

// WithObserver has observe called once for each call, when its response is known and before it
// leaves. The context is the call's: [TraceIDFrom] and [PrincipalFrom] know it. The caller waits,
// so observe must be quick, and it must not panic. It is called by many at once. Several observers
// are called one after the other in the order of the options.
func WithObserver(observe func(context.Context, Call)) Option {
	return func(s *settings) error {
		if observe == nil {
			return errors.New("WithObserver: the observer is nil")
		}
		s.observers = append(s.observers, observe)
		return nil
	}
}

func (h *handler) observe(c *call, r *http.Request, took time.Duration) {
	if len(h.observers) == 0 {
		return
	}
	seen := Call{
		Method:   knownMethod(r.Method),
		Status:   c.status,
		Code:     c.errorCode(),
		Duration: took,
	}
	if c.operation != nil {
		seen.Operation, seen.Route = c.operation.id, c.operation.route.Path
	}
	for _, observe := range h.observers {
		observe(r.Context(), seen)
	}
}

// errorCode is what fail wrote, or else what the implementation wrote by itself.
func (c *call) errorCode() api.ErrorCode {
	switch {
	case c.status < http.StatusBadRequest:
		return ""
	case c.failed:
		return c.code
	}
	var written api.Error
	if json.Unmarshal(c.body, &written) != nil || !written.Code.Valid() {
		return ""
	}
	return written.Code
}
