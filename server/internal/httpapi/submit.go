package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// SubmitProduct implements the operation.
func (a *API) SubmitProduct(ctx context.Context, request api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
	call, err := a.callOf(ctx)
	if err != nil {
		return nil, err
	}
	call.ClientID, call.RequestID = request.ClientID, request.ProductRequestID
	body, err := a.change(ctx, call, a.config.Store.Submit, a.submit)
	if err != nil {
		return nil, refusal(err, call)
	}
	return submitted(body), nil
}

// submit is what is decided with the file locked: the clock is read here, so that the changes of one request carry
// times in the order they were made, and what can't be written is not committed.
func (a *API) submit(file enablement.File) (enablement.Change, error) {
	change, err := enablement.Submit(file, a.config.Clock(), enablement.NewNotificationID)
	if err != nil {
		return enablement.Change{}, err
	}
	change.Response, err = json.Marshal(evaluatedProduct(change.Request))
	return change, err
}

type submitted []byte

// VisitSubmitProductResponse implements the generated response interface.
func (s submitted) VisitSubmitProductResponse(w http.ResponseWriter) error {
	return written(w, http.StatusOK, s)
}
