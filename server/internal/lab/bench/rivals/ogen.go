package rivals

import (
	"context"
	"net/http"
	"time"

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

// CreateClient implements [oas.Handler].
func (ogen) CreateClient(_ context.Context, in *oas.ClientInput, _ oas.CreateClientParams) (oas.CreateClientRes, error) {
	return &oas.ClientCreatedHeaders{XTraceID: traceID, Response: stored(enablement.NewID(), in)}, nil
}

// UpdateClient implements [oas.Handler].
func (ogen) UpdateClient(_ context.Context, in *oas.ClientInput, params oas.UpdateClientParams) (oas.UpdateClientRes, error) {
	return &oas.ClientStoredHeaders{XTraceID: traceID, Response: stored(string(params.ClientId), in)}, nil
}

// stored is the input as a client.
func stored(id string, in *oas.ClientInput) oas.Client {
	return oas.Client{
		ID:               oas.ID(id),
		Type:             "individual",
		Status:           "pending",
		FirstName:        in.FirstName,
		SecondName:       in.SecondName,
		LastName:         in.LastName,
		Email:            in.Email,
		BirthDate:        in.BirthDate.Format(time.DateOnly),
		PhoneCountryCode: in.PhoneCountryCode,
		PhoneNumber:      in.PhoneNumber,
		Address: oas.Address{
			StreetLine1: in.Address.StreetLine1, StreetLine2: in.Address.StreetLine2, City: in.Address.City, PostalCode: in.Address.PostalCode,
			State: in.Address.State, StateCode: in.Address.StateCode, Country: in.Address.Country, CountryCode: in.Address.CountryCode,
		},
		CreatedAt: oas.NewOptTimestamp(oas.Timestamp(created.Format(timestampForm))),
		UpdatedAt: oas.NewOptTimestamp(oas.Timestamp(time.Now().UTC().Format(timestampForm))),
	}
}

// NewError implements [oas.Handler].
func (ogen) NewError(_ context.Context, err error) *oas.OtherErrorStatusCodeWithHeaders {
	return &oas.OtherErrorStatusCodeWithHeaders{
		StatusCode: ogenerrors.ErrorCode(err),
		XTraceID:   traceID,
		Response:   oas.Error{Code: "SERVER_ERROR", Message: err.Error(), TraceID: traceID},
	}
}
