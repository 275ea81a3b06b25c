package server_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
)

// service implements the operation. A real one asks its database.
type service struct{}

func (service) SubmitProduct(ctx context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
	caller, _ := server.PrincipalFrom(ctx)
	if caller.CompanyID != "cmp_7Yk2" || r.ClientID != "client_1" {
		return nil, server.NotFound("Company client not found with id: " + r.ClientID)
	}
	now := api.NewTimestamp(time.Now())
	return api.SubmitProduct200JSONResponse{SubmittedJSONResponse: api.SubmittedJSONResponse{Body: api.EvaluatedProduct{
		Product: api.Product{
			ID: r.ProductRequestID, ClientID: r.ClientID, Product: api.CardsIndividuals, Status: api.InKyc,
			MissingRequirements: api.MissingRequirements{Documents: []api.DocumentRequirement{}, Data: []api.DataRequirement{}},
			CreatedAt:           now, UpdatedAt: now,
		},
		RejectedItems: []api.RejectedItem{},
	}}}, nil
}

// authenticate tells whose a key is.
func authenticate(_ context.Context, apiKey string, _ netip.Addr) (server.Principal, error) {
	if apiKey != "secret" {
		return server.Principal{}, server.ErrInvalidKey
	}
	return server.Principal{CompanyID: "cmp_7Yk2", AccessLevel: 3}, nil
}

func ExampleHandler() {
	handler, err := server.Handler(service{}, server.WithAuthenticator(server.AuthenticatorFunc(authenticate)))
	if err != nil {
		log.Fatal(err)
	}
	// In production: http.Server{Addr: ":8080", Handler: handler, ReadHeaderTimeout: 5 * time.Second}.
	for _, call := range []struct{ key, client string }{
		{"secret", "client_1"}, {"secret", "client_2"}, {"secret", "a%20b"}, {"guess", "client_1"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/management/clients/individuals/"+call.client+"/products/request_1/submit", nil)
		r.Header.Set("x-api-key", call.key)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 404
	// 400
	// 401
}
