package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

const completeDocumentation = "completeDocumentation"

// CompleteDocumentation implements the operation.
func (a *API) CompleteDocumentation(ctx context.Context, request api.CompleteDocumentationRequestObject) (api.CompleteDocumentationResponseObject, error) {
	call, err := a.callOf(ctx, completeDocumentation, request.ClientID)
	if err != nil {
		return nil, err
	}
	call.RequestID = request.ProductRequestID
	upload := uploadOf(request.Body.Document)
	if err := upload.Check(); err != nil {
		return nil, refusal(err, call)
	}
	return a.change(ctx, call, a.storeDocument(upload), http.StatusOK,
		func(f enablement.File, now time.Time) (enablement.Change, error) {
			return enablement.CompleteDocumentation(f, upload, now)
		},
		func(c enablement.Change) any { return EvaluatedProduct(c.Request, c.Rejected) })
}

// errToStore ends a transaction in which a document was found good, before it was stored.
var errToStore = errors.New("the document is to be stored")

// storeDocument is a write that decides twice. The photos are large, and stored in transactions of their own: they must
// not be for a call that is refused, or was answered before; and what was good before they were stored may not be after.
func (a *API) storeDocument(upload enablement.Upload) write {
	return func(ctx context.Context, call enablement.Call, decide func(enablement.File) (enablement.Change, error)) (enablement.Change, error) {
		change, err := a.config.Store.Change(ctx, call, func(f enablement.File) (enablement.Change, error) {
			change, err := decide(f)
			if err == nil && change.Document != nil {
				err = errToStore
			}
			return change, err
		})
		if !errors.Is(err, errToStore) {
			return change, err
		}
		id, err := a.config.Store.Upload(ctx, call.CompanyID, call.ClientID, upload, a.config.Clock())
		if err != nil {
			return enablement.Change{}, err
		}
		return a.config.Store.Change(ctx, call, func(f enablement.File) (enablement.Change, error) {
			change, err := decide(f)
			if change.Document != nil {
				change.Document.ID = id
			}
			return change, err
		})
	}
}

func uploadOf(d api.DocumentInput) enablement.Upload {
	return enablement.Upload{
		Type: d.DocumentType, Front: enablement.Photo(d.ImageFront), Back: enablement.Photo(d.ImageBack), Metadata: d.Metadata, Replace: d.Replace,
	}
}
