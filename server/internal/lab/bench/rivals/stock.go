package rivals

import (
	"context"
	"net/http"

	"github.com/getkin/kin-openapi/openapi3filter"
	middleware "github.com/oapi-codegen/nethttp-middleware"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/httpapi"
)

// stock implements oapi-codegen's strict server, as far as it is measured.
type stock struct{ api.StrictServerInterface }

// newStock is the strict server behind the stock middleware, as its documentation has it.
func newStock() (http.Handler, error) {
	doc, err := spec.GetSpec()
	if err != nil {
		return nil, err
	}
	authenticator := newAuthenticator()
	validate := middleware.OapiRequestValidatorWithOptions(doc, &middleware.Options{
		Options:               openapi3filter.Options{AuthenticationFunc: authenticateBy(authenticator)},
		DoNotValidateServers:  true,
		SilenceServersWarning: true,
	})
	return validate(api.Handler(api.NewStrictHandler(stock{}, nil))), nil
}

func authenticateBy(a *httpapi.Authenticator) openapi3filter.AuthenticationFunc {
	return func(ctx context.Context, input *openapi3filter.AuthenticationInput) error {
		key := input.RequestValidationInput.Request.Header.Get(input.SecurityScheme.Name)
		return authenticate(ctx, a, key)
	}
}

// SubmitProduct implements [api.StrictServerInterface].
func (stock) SubmitProduct(_ context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
	return api.SubmitProduct200JSONResponse{SubmittedJSONResponse: api.SubmittedJSONResponse{
		Headers: api.SubmittedResponseHeaders{XTraceID: traceID},
		Body:    typed(answer(enablement.Call{ClientID: r.ClientID, RequestID: r.ProductRequestID})),
	}}, nil
}
