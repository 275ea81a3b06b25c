// Package httpapi implements the generated strict interface with the domain. It translates between the wire types and
// the domain's, and turns the domain's errors into the API's.
//
// There is a file for clients, one for products and one for documents. Every write has the same steps: a method
// describes the call, the store loads the file, calls the decision, and stores the change, and the method returns the
// response.
package httpapi

import (
	"context"
	"encoding/json"
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
	// Observe is told of every write what became of it, by its operation; nil: nobody is. The caller waits for it.
	Observe func(ctx context.Context, operation string, started time.Time, change enablement.Change, err error)
}

// Writes are the operations that Observe is told of.
func Writes() []string {
	return []string{createClient, updateClient, deleteClient, requestProduct, completeDocumentation, submitProduct}
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
		config.Observe = func(context.Context, string, time.Time, enablement.Change, error) {}
	}
	return &API{config: config}
}

// callOf is who makes a call of an operation, and about which client; clientID is empty where the call names none.
func (a *API) callOf(ctx context.Context, operation, clientID string) (enablement.Call, error) {
	principal, ok := server.PrincipalFrom(ctx)
	if !ok {
		return enablement.Call{}, errors.New("the call has no principal")
	}
	call := enablement.Call{
		Operation: operation,
		CompanyID: principal.CompanyID,
		ClientID:  clientID,
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

// decision says what a call changes about a file, without what the caller gets.
type decision func(file enablement.File, now time.Time) (enablement.Change, error)

// write is a store's way to make a change.
type write func(context.Context, enablement.Call, func(enablement.File) (enablement.Change, error)) (enablement.Change, error)

// change makes a change, has it observed, and returns the response to it. body is what the caller gets of the change;
// nil where that is nothing.
//
// The clock is read with the file locked, so that the changes of one file carry times in the order they were made; and
// what can't be written is not committed.
func (a *API) change(ctx context.Context, call enablement.Call, write write, status int, decide decision, body func(enablement.Change) any) (response, error) {
	started := time.Now()
	change, err := a.once(ctx, call, write, func(file enablement.File) (enablement.Change, error) {
		change, err := decide(file, a.config.Clock())
		if err == nil && body != nil {
			change.Response, err = json.Marshal(body(change))
		}
		return change, err
	})
	a.config.Observe(ctx, call.Operation, started, change, err)
	if err != nil {
		return response{}, refusal(err, call)
	}
	return response{status, change.Response}, nil
}

// once makes a change, if no other call with its idempotency key is being made.
func (a *API) once(ctx context.Context, call enablement.Call, write write, decide func(enablement.File) (enablement.Change, error)) (enablement.Change, error) {
	if key := call.Idempotency; key != nil {
		if _, taken := a.running.LoadOrStore(key.ID, true); taken {
			return enablement.Change{}, enablement.ErrIdempotencyInProgress
		}
		defer a.running.Delete(key.ID)
	}
	return write(ctx, call, decide)
}

// read makes a response of what is stored.
func (a *API) read(ctx context.Context, operation, clientID string, load func(context.Context, enablement.Call) (any, error)) (response, error) {
	call, err := a.callOf(ctx, operation, clientID)
	if err != nil {
		return response{}, err
	}
	body, err := load(ctx, call)
	if err != nil {
		return response{}, refusal(err, call)
	}
	text, err := json.Marshal(body)
	return response{http.StatusOK, text}, err
}

// refusal turns the domain's errors into the documented ones; any other stays as it is.
func refusal(err error, call enablement.Call) error {
	field, isField := errors.AsType[*enablement.FieldError](err)
	switch {
	case isField:
		return refused(http.StatusBadRequest, api.CodeBadRequest, "request body "+field.Error())
	case errors.Is(err, enablement.ErrClientExists):
		return refused(http.StatusBadRequest, api.CodeVal, "Company client already exists for this company")
	case errors.Is(err, enablement.ErrStateOfOtherCountry):
		return refused(http.StatusPreconditionFailed, api.CodeVal, "request body /address/state: is not a state of the country")
	case errors.Is(err, enablement.ErrInvalidProduct):
		return refused(http.StatusPreconditionFailed, api.CodeVal, "Invalid product")
	case errors.Is(err, enablement.ErrInvalidDocumentType):
		return refused(http.StatusPreconditionFailed, api.CodeVal, "Invalid document type")
	case errors.Is(err, enablement.ErrRequestActive):
		return server.Conflict(api.CodeVal, "An enablement request is already active for this product")
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

func refused(status int, code api.ErrorCode, message string) error {
	return &server.Error{Status: status, Code: code, Message: message}
}
