package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/cryptomate-go/enablement/gen/api"
)

// operation is what [do] has to know of an operation of openapi.yaml.
type operation struct {
	title   string   // for texts
	success int      // the one status of success; a success of 204 has no body
	ids     int      // how many of the client's and the request's id are in the path
	keyed   bool     // takes an Idempotency-Key
	list    bool     // answers all there is, in one long body
	once    bool     // without a key, a repetition is refused as a second one, unless it may replace the first
	removes bool     // after an attempt of unknown outcome, a 404 says that it did what it should
	kinds   []kind   // the kinds of error that are its own
	hint    string   // what to do about one of them if an attempt before it may be the reason; of once, about any Unknown
	decides []string // what is never odd in a success, as patterns of JSON pointers: it is right, or the response is invalid
}

// kind is a kind of error. It is about the state of what the operation is to change.
type kind struct {
	status int
	code   api.ErrorCode // "" where the status tells, unless the code is about the Idempotency-Key
	err    error
}

var (
	ofAClient      = []string{"", "/id", "/status"}
	ofClients      = []string{"", "/*", "/*/id", "/*/status"}
	ofAProduct     = []string{"", "/id", "/client_id", "/product", "/status"}
	ofProducts     = []string{"", "/*", "/*/id", "/*/client_id", "/*/product", "/*/status"}
	ofAnEvaluation = []string{"", "/product", "/product/id", "/product/client_id", "/product/status"}
)

// operations is the table of all, by operationId. One more is a row here and a method below.
var operations = map[string]operation{
	"createClient": {
		title: "create individual client", success: http.StatusCreated, keyed: true, decides: ofAClient,
		kinds: []kind{{http.StatusBadRequest, api.CodeVal, ErrExists}},
		hint:  "may have created it: list the clients to see what the one with this e-mail is",
	},
	"listClients": {
		title: "list individual clients", success: http.StatusOK, list: true, decides: ofClients,
	},
	"getClient": {
		title: "get individual client", success: http.StatusOK, ids: 1, decides: ofAClient,
	},
	"updateClient": {
		title: "update individual client", success: http.StatusOK, ids: 1, decides: ofAClient,
		kinds: []kind{{http.StatusBadRequest, api.CodeVal, ErrExists}},
		hint:  "may have updated it: get the client to see what is stored",
	},
	"deleteClient": {
		title: "delete individual client", success: http.StatusNoContent, ids: 1, removes: true,
	},
	"requestProduct": {
		title: "request product", success: http.StatusCreated, ids: 1, keyed: true, decides: ofAProduct,
		kinds: []kind{{http.StatusConflict, "", ErrActive}},
		hint:  "may have made it: list the client's products to see it",
	},
	"listProducts": {
		title: "list client products", success: http.StatusOK, ids: 1, list: true, decides: ofProducts,
	},
	"completeDocumentation": {
		title: "complete product documentation", success: http.StatusOK, ids: 2, keyed: true, once: true, decides: ofAnEvaluation,
		kinds: []kind{{http.StatusConflict, "", ErrNotPending}},
		hint:  "may have stored the document: list the client's products to see whether it is still missing, or send it again with Replace",
	},
	"submitProduct": {
		title: "submit product", success: http.StatusOK, ids: 2, keyed: true, decides: ofAnEvaluation,
		kinds: []kind{{http.StatusConflict, "", ErrNotPending}},
		hint:  "may have submitted it: list the client's products to see its status, in_kyc means that it was submitted",
	},
}

// CreateClient creates a client of the key's company. If another client has the e-mail address, the error is [ErrExists];
// if the state is not in the country, it is [ErrPrecondition].
//
// As with all methods, either the result or the error is nil, never both. The error is an [*Error], and its Outcome says
// whether the call may have taken effect. A failed attempt is repeated as the [RetryPolicy] says, with the same
// Idempotency-Key if the operation takes one.
func (c *Client) CreateClient(ctx context.Context, in api.ClientInput, opts ...CallOption) (*api.Client, error) {
	return do(ctx, c, Call{Operation: "createClient", Client: in}, opts,
		func(key *string) (*http.Request, error) {
			return api.NewCreateClientRequest(c.server, &api.CreateClientParams{IdempotencyKey: key}, in)
		},
		func(created *api.Client) error {
			if created.Email != "" && !strings.EqualFold(created.Email, in.Email) {
				return errors.New("email is not that of the call")
			}
			return checkClient(created, created.ID)
		})
}

// Clients returns all clients of the key's company, newest first.
func (c *Client) Clients(ctx context.Context, opts ...CallOption) ([]api.Client, error) {
	return listed(do(ctx, c, Call{Operation: "listClients"}, opts,
		func(*string) (*http.Request, error) { return api.NewListClientsRequest(c.server) },
		func(clients *api.Clients) error {
			return checkEach(*clients, func(client *api.Client) error { return checkClient(client, client.ID) })
		}))
}

// Client returns a client.
func (c *Client) Client(ctx context.Context, clientID string, opts ...CallOption) (*api.Client, error) {
	return do(ctx, c, Call{Operation: "getClient", ClientID: clientID}, opts,
		func(*string) (*http.Request, error) { return api.NewGetClientRequest(c.server, clientID) },
		func(client *api.Client) error { return checkClient(client, clientID) })
}

// UpdateClient replaces all fields of a client: a field that in does not have is cleared. [api.Client.Input] returns an
// input that keeps them. If another client has the e-mail address, the error is [ErrExists]; if the state is not in the
// country, it is [ErrPrecondition].
//
// It takes no Idempotency-Key: the same update again has the same result, unless somebody else has changed the client in
// between.
func (c *Client) UpdateClient(ctx context.Context, clientID string, in api.ClientInput, opts ...CallOption) (*api.Client, error) {
	return do(ctx, c, Call{Operation: "updateClient", ClientID: clientID, Client: in}, opts,
		func(*string) (*http.Request, error) { return api.NewUpdateClientRequest(c.server, clientID, in) },
		func(updated *api.Client) error { return checkClient(updated, clientID) })
}

// DeleteClient removes a client for good, with its documents and requests. If there is no such client, the error is
// [ErrNotFound]. But after an attempt of the same call that may have removed the client, this is a success.
func (c *Client) DeleteClient(ctx context.Context, clientID string, opts ...CallOption) error {
	_, err := do(ctx, c, Call{Operation: "deleteClient", ClientID: clientID}, opts,
		func(*string) (*http.Request, error) { return api.NewDeleteClientRequest(c.server, clientID) },
		func(*struct{}) error { return nil })
	return err
}

// RequestProduct requests a product for a client. The result says what is missing. If the client has another request for
// the product that is not rejected, the error is [ErrActive]; if there is no such product, it is [ErrPrecondition].
func (c *Client) RequestProduct(ctx context.Context, clientID string, product api.ProductType, opts ...CallOption) (*api.Product, error) {
	return do(ctx, c, Call{Operation: "requestProduct", ClientID: clientID, Product: product}, opts,
		func(key *string) (*http.Request, error) {
			return api.NewRequestProductRequest(c.server, clientID, &api.RequestProductParams{IdempotencyKey: key},
				api.ProductInput{Subproduct: string(product)})
		},
		func(requested *api.Product) error {
			if requested.Product != "" && requested.Product != product {
				return errors.New("product is not that of the call")
			}
			return checkProduct("", requested, clientID, requested.ID)
		})
}

// Products returns all requests of a client, also the rejected ones, newest first. A pending request has what is missing
// now.
func (c *Client) Products(ctx context.Context, clientID string, opts ...CallOption) ([]api.Product, error) {
	return listed(do(ctx, c, Call{Operation: "listProducts", ClientID: clientID}, opts,
		func(*string) (*http.Request, error) { return api.NewListProductsRequest(c.server, clientID) },
		func(products *api.Products) error {
			return checkEach(*products, func(product *api.Product) error { return checkProduct("", product, clientID, product.ID) })
		}))
}

// SubmitProduct evaluates a pending request of a client again. If nothing is missing, the request moves to [api.InKyc], and
// the provider is notified. If something is missing, the status is [api.PendingDocumentation], and the result says what is
// missing and which stored items were rejected. If the request is not pending, the error is [ErrNotPending].
//
// A request enters KYC only once, so it is safe to repeat the call.
func (c *Client) SubmitProduct(ctx context.Context, clientID, productRequestID string, opts ...CallOption) (*api.EvaluatedProduct, error) {
	return do(ctx, c, Call{Operation: "submitProduct", ClientID: clientID, RequestID: productRequestID}, opts,
		func(key *string) (*http.Request, error) {
			return api.NewSubmitProductRequest(c.server, clientID, productRequestID, &api.SubmitProductParams{IdempotencyKey: key})
		},
		func(s *api.EvaluatedProduct) error {
			return checkProduct("product.", &s.Product, clientID, productRequestID)
		})
}

// checkClient holds a client against what was asked for.
func checkClient(client *api.Client, clientID string) error {
	switch {
	case client.ID == "":
		return errors.New("id is missing")
	case client.Status == "":
		return errors.New("status is missing")
	case client.ID != clientID:
		return errors.New("id is not that of the client in the call")
	}
	return nil
}

// checkProduct holds a product against what was asked for. Errors name its fields with what stands before.
func checkProduct(before string, product *api.Product, clientID, productRequestID string) error {
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

// checkEach checks a list: nil is none, and not an empty one.
func checkEach[T any](list []T, check func(*T) error) error {
	if list == nil {
		return errors.New("the list is missing")
	}
	for i := range list {
		if err := check(&list[i]); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	return nil
}

// listed returns a list by itself.
func listed[T any](list *[]T, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	return *list, nil
}
