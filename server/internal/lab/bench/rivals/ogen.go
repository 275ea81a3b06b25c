package rivals

import (
	"context"
	"net/http"

	"github.com/ogen-go/ogen/ogenerrors"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/httpapi"
	"github.com/cryptomate-go/enablement/server/internal/lab/bench/rivals/oas"
)

// ogen implements the interfaces of ogen's server, as far as they are measured.
type ogen struct {
	oas.UnimplementedHandler
	authenticator *httpapi.Authenticator
}

func newOgen() (http.Handler, error) {
	o := ogen{authenticator: newAuthenticator()}
	return oas.NewServer(o, o)
}

// HandleApiKey implements [oas.SecurityHandler].
//
//nolint:revive // ogen's name
func (o ogen) HandleApiKey(ctx context.Context, _ oas.OperationName, t oas.ApiKey) (context.Context, error) {
	return ctx, authenticate(ctx, o.authenticator, t.APIKey)
}

const timestampForm = "2006-01-02T15:04:05"

// SubmitProduct implements [oas.Handler].
func (ogen) SubmitProduct(_ context.Context, params oas.SubmitProductParams) (oas.SubmitProductRes, error) {
	a := answer(enablement.Call{ClientID: string(params.ClientId), RequestID: string(params.ProductRequestId)})
	return &oas.SubmittedHeaders{
		XTraceID: traceID,
		Response: oas.EvaluatedProduct{
			Product: oas.Product{
				ID:        oas.ID(a.ID),
				ClientID:  oas.ID(a.ClientID),
				Product:   oas.ProductType(a.Product),
				Status:    oas.ProductStatus(a.Status),
				CreatedAt: oas.Timestamp(a.CreatedAt.Format(timestampForm)),
				UpdatedAt: oas.Timestamp(a.UpdatedAt.Format(timestampForm)),
				MissingRequirements: oas.MissingRequirements{
					Documents: []oas.DocumentRequirement{}, Data: []oas.DataRequirement{},
				},
			},
			RejectedItems: []oas.RejectedItem{},
		},
	}, nil
}

// NewError implements [oas.Handler].
func (ogen) NewError(_ context.Context, err error) *oas.OtherErrorStatusCodeWithHeaders {
	return &oas.OtherErrorStatusCodeWithHeaders{
		StatusCode: ogenerrors.ErrorCode(err),
		XTraceID:   traceID,
		Response:   oas.Error{Code: "SERVER_ERROR", Message: err.Error(), TraceID: traceID},
	}
}
