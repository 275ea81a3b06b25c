package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
)

// Call describes a call whose response is known. Its texts come from the specification and this package,
// never from the caller, so each can be a label of a metric.
type Call struct {
	// Operation is the operationId; empty if no operation was found.
	Operation string
	// Route is the operation's path as in the specification, without values; empty if there is no operation.
	Route string
	// Method is one of the constants of net/http, or "other".
	Method string
	// Status is the status of the response; 0 if the call was aborted and gets none.
	Status int
	// Code is the code of the error; empty if the response is no error.
	Code api.ErrorCode
	// Duration is the time from the arrival of the request until the response was ready to be sent.
	Duration time.Duration
}

// WithObserver has observe called once for each call, when the response is known and before it is sent.
// The context is the call's, for [TraceIDFrom] and [PrincipalFrom]. The caller waits meanwhile, so
// observe must be quick. It must not panic, and must be safe for concurrent use. Several observers are
// called in the order of the options.
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
