// Package httpapi puts the domain behind the generated strict interface and translates between the
// two: wire types to the domain's, the domain's errors to the API's.
//
// An operation has a file. Each write goes one way: its method names the call, the store loads, has the
// decision made that it was given, and puts what was decided, and the response leaves.
package httpapi

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

// Config is what the API is made of.
type Config struct {
	Store enablement.Store
	// Clock tells the present moment, like [time.Now].
	Clock func() time.Time
	// Timeout is after what time a call is given up with 503, which waited for its turn at the database for
	// the most part. If that was during the commit, the call may have taken effect all the same.
	Timeout time.Duration
	// Observe is told of every submission what became of it; nil: nobody is. The caller waits for it.
	Observe func(ctx context.Context, started time.Time, change enablement.Change, err error)
}

// API implements the generated interface over the domain.
type API struct {
	config Config
	// running are the idempotency keys that are in use in this process at the moment.
	running sync.Map
}

var _ api.StrictServerInterface = (*API)(nil)

// New returns the implementation.
func New(config Config) *API {
	if config.Observe == nil {
		config.Observe = func(context.Context, time.Time, enablement.Change, error) {}
	}
	return &API{config: config}
}

// callOf is who calls, without what for.
func (a *API) callOf(ctx context.Context) (enablement.Call, error) {
	principal, ok := server.PrincipalFrom(ctx)
	if !ok {
		return enablement.Call{}, errors.New("the call has no principal")
	}
	call := enablement.Call{
		CompanyID: principal.CompanyID,
		KeyID:     principal.KeyID,
		TraceID:   server.TraceIDFrom(ctx),
	}
	if key, ok := server.IdempotencyFrom(ctx); ok {
		call.Idempotency = &enablement.Idempotency{
			ID:          key.ID,
			Fingerprint: key.Fingerprint,
			Since:       a.config.Clock().Add(-enablement.IdempotencyWindow),
		}
	}
	return call, nil
}

// write is a store's way to make a change.
type write func(context.Context, enablement.Call, func(enablement.File) (enablement.Change, error)) (enablement.Change, error)

// change makes a change, has it observed, and returns the response to it.
func (a *API) change(ctx context.Context, call enablement.Call, write write, decide func(enablement.File) (enablement.Change, error)) ([]byte, error) {
	started := time.Now()
	change, err := a.once(ctx, call, write, decide)
	a.config.Observe(ctx, started, change, err)
	return change.Response, err
}

// once makes a change within the time of a call, if no other call with its idempotency key is being made.
func (a *API) once(ctx context.Context, call enablement.Call, write write, decide func(enablement.File) (enablement.Change, error)) (enablement.Change, error) {
	if key := call.Idempotency; key != nil {
		if _, taken := a.running.LoadOrStore(key.ID, true); taken {
			return enablement.Change{}, enablement.ErrIdempotencyInProgress
		}
		defer a.running.Delete(key.ID)
	}
	ctx, cancel := context.WithTimeout(ctx, a.config.Timeout)
	defer cancel()
	return write(ctx, call, decide)
}

// refusal turns the domain's errors into the documented ones; any other stays as it is.
func refusal(err error, call enablement.Call) error {
	switch {
	case errors.Is(err, enablement.ErrClientNotFound):
		return server.NotFound("Company client not found with id: " + call.ClientID)
	case errors.Is(err, enablement.ErrRequestNotFound):
		return server.NotFound("Product enablement request not found with id: " + call.RequestID)
	case errors.Is(err, enablement.ErrNotPending):
		return server.Conflict(api.CodeVal, "The enablement request is not pending documentation")
	case errors.Is(err, enablement.ErrIdempotencyMismatch):
		return server.ErrIdempotencyMismatch
	case errors.Is(err, enablement.ErrIdempotencyInProgress):
		return server.ErrIdempotencyInProgress
	default:
		return unavailable(err)
	}
}

// unavailable makes the database's being away a 503: trying again may help. Whether the call took
// effect is not known: a commit's answer may have been lost.
func unavailable(err error) error {
	if errors.Is(err, store.ErrUnavailable) {
		return server.Unavailable(time.Second, err)
	}
	return err
}

// written is a body that is written already: what is recorded under an idempotency key is what was sent,
// byte for byte.
func written(w http.ResponseWriter, status int, body []byte) error {
	w.Header()["Content-Type"] = []string{"application/json"}
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}
