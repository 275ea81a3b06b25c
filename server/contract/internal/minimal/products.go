package minimal

import (
	"context"
	"net/http"
	"slices"

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
	if slices.ContainsFunc(c.requests, func(r *request) bool { return r.Product.Product == product && r.Status != api.Rejected }) {
		return nil, server.Conflict(api.CodeVal, "An enablement request is already active for this product")
	}
	r := s.request(c, s.id(), product)
	r.evaluate(c)
	return api.RequestProduct201JSONResponse{ProductRequestedJSONResponse: api.ProductRequestedJSONResponse{Body: r.Product}}, nil
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
			r.evaluate(c)
		}
		list = append(list, r.Product)
	}
	return api.ListProducts200JSONResponse{ProductsListedJSONResponse: api.ProductsListedJSONResponse{Body: list}}, nil
}

// SubmitProduct implements [api.StrictServerInterface].
func (s *Service) SubmitProduct(ctx context.Context, call api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
	c, leave, err := s.about(ctx, call.ClientID)
	if err != nil {
		return nil, err
	}
	defer leave()
	i := slices.IndexFunc(c.requests, func(r *request) bool { return r.ID == call.ProductRequestID })
	if i < 0 {
		return nil, server.NotFound("Product enablement request not found with id: " + call.ProductRequestID)
	}
	r := c.requests[i]
	if !r.Status.Pending() {
		return nil, server.Conflict(api.CodeVal, "The enablement request is not pending documentation")
	}
	rejected, status := r.evaluate(c), api.PendingDocumentation
	if len(r.MissingRequirements.Documents)+len(r.MissingRequirements.Data) == 0 {
		status = api.InKyc
	}
	if status != r.Status {
		r.Status, r.UpdatedAt = status, api.NewTimestamp(s.now)
	}
	return api.SubmitProduct200JSONResponse{SubmittedJSONResponse: api.SubmittedJSONResponse{Body: api.EvaluatedProduct{
		Product: r.Product, RejectedItems: rejected,
	}}}, nil
}

func (s *Service) request(c *client, id string, product api.ProductType) *request {
	r := &request{Product: api.Product{
		ID: id, ClientID: c.ID, Product: product, Status: api.PendingDocumentation, MissingRequirements: nothing(),
		CreatedAt: api.NewTimestamp(s.now), UpdatedAt: api.NewTimestamp(s.now),
	}}
	c.requests = append(c.requests, r)
	return r
}

func nothing() api.MissingRequirements {
	return api.MissingRequirements{Documents: []api.DocumentRequirement{}, Data: []api.DataRequirement{}}
}

// shortest is the lowest phone number with enough digits.
const shortest = 100_000

// evaluate says what is missing, and returns what is there and isn't accepted.
func (r *request) evaluate(c *client) []api.RejectedItem {
	missing, rejected := nothing(), []api.RejectedItem{}
	if !r.documented {
		missing.Documents = []api.DocumentRequirement{{
			ID: "identity_document", Name: "Identity document", Required: true,
			ValidDocuments: []api.ValidDocument{{
				ID: "passport", Name: "Passport", RequireImage: true,
				Metadata: []api.MetadataField{{ID: "number", Name: "Document Number", DataType: api.DataTypeString, Required: true}},
			}},
		}}
	}
	if r.expired {
		rejected = append(rejected, api.RejectedItem{Type: api.RejectedDocument, Key: "passport", Reason: "The document expired."})
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
