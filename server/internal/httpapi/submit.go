// Package httpapi puts the domain behind the generated strict interface and translates between the
// two: wire types to the domain's, the domain's errors to the API's.
package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

// Service submits requests, as [enablement.Service] does.
type Service interface {
	Submit(ctx context.Context, s enablement.Submission, encode enablement.Encode) ([]byte, error)
}

var _ Service = (*enablement.Service)(nil)

// API implements the generated interface over the domain.
type API struct {
	service Service
	timeout time.Duration
}

var _ api.StrictServerInterface = (*API)(nil)

// New returns the implementation. A call that takes longer than timeout, waiting for its turn at the
// database for the most part, is given up with 503. If that was during the commit, the call may
// have taken effect all the same.
func New(service Service, timeout time.Duration) *API {
	return &API{service: service, timeout: timeout}
}

// SubmitProduct implements the operation.
func (a *API) SubmitProduct(ctx context.Context, request api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
	principal, ok := server.PrincipalFrom(ctx)
	if !ok {
		return nil, errors.New("the call has no principal")
	}
	sub := enablement.Submission{
		CompanyID: principal.CompanyID,
		ClientID:  request.ClientID,
		RequestID: request.ProductRequestID,
		KeyID:     principal.KeyID,
		TraceID:   server.TraceIDFrom(ctx),
	}
	if key := request.Params.IdempotencyKey; key != nil {
		sub.Idempotency = enablement.NewIdempotency(sub, *key)
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	body, err := a.service.Submit(ctx, sub, encode)
	if err != nil {
		return nil, refusal(err, request)
	}
	return submitted(body), nil
}

// submitted is a 200 whose body is written already: what is recorded under an idempotency key is
// what was sent, byte for byte.
type submitted []byte

// VisitSubmitProductResponse implements the generated response interface.
func (s submitted) VisitSubmitProductResponse(w http.ResponseWriter) error {
	w.Header()["Content-Type"] = []string{"application/json"}
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(s)
	return err
}

// refusal turns the domain's errors into the documented answers; any other stays as it is.
func refusal(err error, request api.SubmitProductRequestObject) error {
	switch {
	case errors.Is(err, enablement.ErrClientNotFound):
		return server.NotFound("Company client not found with id: " + request.ClientID)
	case errors.Is(err, enablement.ErrRequestNotFound):
		return server.NotFound("Product enablement request not found with id: " + request.ProductRequestID)
	case errors.Is(err, enablement.ErrNotPending):
		return server.Conflict(api.CodeVal, "The enablement request is not pending documentation")
	case errors.Is(err, enablement.ErrIdempotencyMismatch):
		return &server.Error{
			Status:  http.StatusUnprocessableEntity,
			Code:    api.CodeIdempotencyMismatch,
			Message: "This Idempotency-Key was used for another submission",
		}
	case errors.Is(err, enablement.ErrIdempotencyInProgress):
		inProgress := server.Conflict(api.CodeIdempotencyInProgress, "A call with this Idempotency-Key is still running")
		inProgress.RetryAfter = time.Second
		return inProgress
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
