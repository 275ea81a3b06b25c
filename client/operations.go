package client

import (
	"context"
	"errors"
	"net/http"

	"github.com/cryptomate-go/enablement/gen/api"
)

// operation is what [do] has to know of an operation of openapi.yaml.
type operation struct {
	title   string        // for texts
	success int           // the one status of success
	keyed   bool          // takes an Idempotency-Key
	kinds   map[int]error // the kinds of error that are its own, by status
	hint    string        // what to do about one of them if an attempt before it may be the reason
	decides []string      // what is never odd in a success, as JSON pointers: it is right, or the response is invalid
}

// operations is the table of all, by operationId. One more is a row here and a method below.
var operations = map[string]operation{
	"submitProduct": {
		title: "submit product", success: http.StatusOK, keyed: true,
		kinds: map[int]error{http.StatusConflict: ErrNotPending},
		hint: "may have submitted it: list the client's products to see its status, " +
			"in_kyc means that it was submitted",
		decides: []string{"", "/product", "/product/id", "/product/client_id", "/product/status"},
	},
}

// SubmitProduct evaluates a pending request of a client again. Nothing left missing: the request
// moves to [api.InKyc] and the provider is notified. Something left: its status is
// [api.PendingDocumentation], and the submission says what is missing and which stored items were
// rejected. A request that is not pending any more is [ErrNotPending].
//
// An attempt that fails is repeated as the [RetryPolicy] says, under one Idempotency-Key: the server
// admits one transition of a request, so repeating is safe.
//
// Either the submission or the error is nil, never both; the error is an [*Error], and its Outcome
// says whether the request may have been submitted all the same.
func (c *Client) SubmitProduct(ctx context.Context, clientID, productRequestID string, opts ...CallOption) (*api.EvaluatedProduct, error) {
	return do(ctx, c, "submitProduct", []id{ofClient(clientID), ofRequest(productRequestID)}, opts,
		func(key *string) (*http.Request, error) {
			return api.NewSubmitProductRequest(c.server, clientID, productRequestID, &api.SubmitProductParams{IdempotencyKey: key})
		},
		func(s *api.EvaluatedProduct) error {
			return checkProduct("product.", s.Product, clientID, productRequestID)
		})
}

func ofClient(clientID string) id   { return id{"clientID", "client_id", clientID} }
func ofRequest(requestID string) id { return id{"productRequestID", "request_id", requestID} }

// checkProduct holds a product against what was asked for. Errors name its fields with what stands before.
func checkProduct(before string, product api.Product, clientID, productRequestID string) error {
	switch {
	case product.ID == "":
		return errors.New(before + "id is missing")
	case product.Status == "":
		return errors.New(before + "status is missing")
	case product.ID != productRequestID:
		return errors.New(before + "id is not that of the request in the call")
	case product.ClientID != "" && product.ClientID != clientID:
		return errors.New(before + "client_id is not that of the client in the call")
	}
	return nil
}
