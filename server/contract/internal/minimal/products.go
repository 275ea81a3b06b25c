package minimal

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
)

// RequestProduct implements [api.StrictServerInterface].
func (s *Service) RequestProduct(ctx context.Context, call api.RequestProductRequestObject) (api.RequestProductResponseObject, error) {
	c, leave, err := s.about(ctx, call.ClientID)
	if err != nil {
		return nil, err
	}
	defer leave()
	product := api.ProductType(call.Body.Subproduct)
	if !product.Valid() {
		return nil, &server.Error{Status: http.StatusPreconditionFailed, Code: api.CodeVal, Message: "Invalid product"}
	}
	if slices.ContainsFunc(c.requests, func(r *api.Product) bool { return r.Product == product && r.Status != api.Rejected }) {
		return nil, server.Conflict(api.CodeVal, "An enablement request is already active for this product")
	}
	r := s.request(c, s.id(), product)
	c.evaluate(r)
	return api.RequestProduct201JSONResponse{ProductRequestedJSONResponse: api.ProductRequestedJSONResponse{Body: *r}}, nil
}

// ListProducts implements [api.StrictServerInterface].
func (s *Service) ListProducts(ctx context.Context, call api.ListProductsRequestObject) (api.ListProductsResponseObject, error) {
	c, leave, err := s.about(ctx, call.ClientID)
	if err != nil {
		return nil, err
	}
	defer leave()
	list := api.Products{}
	for _, r := range slices.Backward(c.requests) {
		if r.Status.Pending() {
			c.evaluate(r)
		}
		list = append(list, *r)
	}
	return api.ListProducts200JSONResponse{ProductsListedJSONResponse: api.ProductsListedJSONResponse{Body: list}}, nil
}

// SubmitProduct implements [api.StrictServerInterface].
func (s *Service) SubmitProduct(ctx context.Context, call api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
	c, r, leave, err := s.pending(ctx, call.ClientID, call.ProductRequestID)
	if err != nil {
		return nil, err
	}
	defer leave()
	rejected, status := c.evaluate(r), api.PendingDocumentation
	if len(r.MissingRequirements.Documents)+len(r.MissingRequirements.Data) == 0 {
		status = api.InKyc
	}
	if status != r.Status {
		r.Status, r.UpdatedAt = status, api.NewTimestamp(s.now)
	}
	return api.SubmitProduct200JSONResponse{SubmittedJSONResponse: api.SubmittedJSONResponse{Body: api.EvaluatedProduct{
		Product: *r, RejectedItems: rejected,
	}}}, nil
}

// pending is [Service.about] for an operation on a request that must be pending.
func (s *Service) pending(ctx context.Context, clientID, id string) (c *client, r *api.Product, leave func(), err error) {
	c, leave, err = s.about(ctx, clientID)
	if err != nil {
		return nil, nil, nil, err
	}
	i := slices.IndexFunc(c.requests, func(r *api.Product) bool { return r.ID == id })
	switch {
	case i < 0:
		err = server.NotFound("Product enablement request not found with id: " + id)
	case !c.requests[i].Status.Pending():
		err = server.Conflict(api.CodeVal, "The enablement request is not pending documentation")
	default:
		return c, c.requests[i], leave, nil
	}
	leave()
	return nil, nil, nil, err
}

// decide is the provider's decision about a request.
func (s *Service) decide(_ context.Context, id string, status api.ProductStatus) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.now = s.now.Add(time.Second)
	for _, c := range s.clients {
		for _, r := range c.requests {
			if r.ID != id {
				continue
			}
			r.Status, r.UpdatedAt = status, api.NewTimestamp(s.now)
			if status == api.Enabled {
				c.Status, c.UpdatedAt = api.ClientActive, r.UpdatedAt
			} else {
				r.RejectionCode, r.RejectionDescription = "REJECTED_BY_PROVIDER", "The provider could not confirm the identity."
			}
			return nil
		}
	}
	return errors.New("there is no such request")
}

func (s *Service) request(c *client, id string, product api.ProductType) *api.Product {
	r := &api.Product{
		ID: id, ClientID: c.ID, Product: product, Status: api.PendingDocumentation, MissingRequirements: nothing(),
		CreatedAt: api.NewTimestamp(s.now), UpdatedAt: api.NewTimestamp(s.now),
	}
	c.requests = append(c.requests, r)
	return r
}

func nothing() api.MissingRequirements {
	return api.MissingRequirements{Documents: []api.DocumentRequirement{}, Data: []api.DataRequirement{}}
}

// shortest is the lowest phone number with enough digits.
const shortest = 100_000

// evaluate says what is missing, and returns what is there and isn't accepted.
func (c *client) evaluate(r *api.Product) []api.RejectedItem {
	missing, rejected := nothing(), []api.RejectedItem{}
	if len(c.documents) == 0 {
		missing.Documents = []api.DocumentRequirement{{ID: "identity_document", Name: "Identity document", Required: true, ValidDocuments: kinds}}
	}
	if c.PhoneNumber < shortest {
		missing.Data = []api.DataRequirement{{
			ID: "personal_information", Name: "Personal information", Required: true,
			Fields: []api.DataField{{Key: "phone", DataType: api.DataTypePhone, Required: true}},
		}}
	}
	if c.PhoneNumber > 0 && c.PhoneNumber < shortest {
		rejected = append(rejected, api.RejectedItem{Type: api.RejectedData, Key: "phone", Reason: "The number is too short."})
	}
	r.MissingRequirements = missing
	return rejected
}
