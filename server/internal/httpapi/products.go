package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

const (
	requestProduct = "requestProduct"
	listProducts   = "listProducts"
	submitProduct  = "submitProduct"
)

// RequestProduct implements the operation.
func (a *API) RequestProduct(ctx context.Context, request api.RequestProductRequestObject) (api.RequestProductResponseObject, error) {
	call, err := a.callOf(ctx, requestProduct, request.ClientID)
	if err != nil {
		return nil, err
	}
	wanted := enablement.Product(request.Body.Subproduct)
	return a.change(ctx, call, a.config.Store.Change, http.StatusCreated,
		func(f enablement.File, now time.Time) (enablement.Change, error) {
			return enablement.RequestProduct(f, wanted, now, enablement.NewID)
		},
		func(c enablement.Change) any { return product(c.Request) })
}

// ListProducts implements the operation.
func (a *API) ListProducts(ctx context.Context, request api.ListProductsRequestObject) (api.ListProductsResponseObject, error) {
	return a.read(ctx, listProducts, request.ClientID, func(ctx context.Context, call enablement.Call) (any, error) {
		file, err := a.config.Store.File(ctx, call.CompanyID, call.ClientID)
		return convert(enablement.Products(file, a.config.Clock()), product), err
	})
}

// SubmitProduct implements the operation.
func (a *API) SubmitProduct(ctx context.Context, request api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
	call, err := a.callOf(ctx, submitProduct, request.ClientID)
	if err != nil {
		return nil, err
	}
	call.RequestID = request.ProductRequestID
	return a.change(ctx, call, a.config.Store.Submit, http.StatusOK,
		func(f enablement.File, now time.Time) (enablement.Change, error) {
			return enablement.Submit(f, now, enablement.NewNotificationID)
		},
		func(c enablement.Change) any { return EvaluatedProduct(c.Request, c.Request.Evaluation.Rejected) })
}
