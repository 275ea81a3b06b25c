package httpapi

import (
	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

func clientInput(in api.ClientInput) enablement.ClientInput {
	return enablement.ClientInput{
		FirstName:        in.FirstName,
		SecondName:       in.SecondName,
		LastName:         in.LastName,
		Email:            in.Email,
		BirthDate:        in.BirthDate,
		PhoneCountryCode: int(in.PhoneCountryCode),
		PhoneNumber:      in.PhoneNumber,
		Address:          enablement.Address(in.Address),
	}
}

func client(c enablement.Client) api.Client {
	return api.Client{
		ID:               c.ID,
		Type:             api.Individual,
		Status:           api.ClientStatus(c.Status),
		FirstName:        c.FirstName,
		SecondName:       c.SecondName,
		LastName:         c.LastName,
		Email:            c.Email,
		BirthDate:        c.BirthDate,
		PhoneCountryCode: int32(c.PhoneCountryCode), //nolint:gosec // of 1 to 999, or what was imported
		PhoneNumber:      c.PhoneNumber,
		Address:          api.Address(c.Address),
		CreatedAt:        api.NewTimestamp(c.CreatedAt),
		UpdatedAt:        api.NewTimestamp(c.UpdatedAt),
	}
}

// EvaluatedProduct returns a request with what was rejected as the API tells of it.
func EvaluatedProduct(r enablement.Request, rejected []enablement.RejectedItem) api.EvaluatedProduct {
	return api.EvaluatedProduct{
		Product: product(r),
		RejectedItems: convert(rejected, func(i enablement.RejectedItem) api.RejectedItem {
			return api.RejectedItem{Type: api.RejectedItemType(i.Type), Key: i.Key, Reason: i.Reason}
		}),
	}
}

func product(r enablement.Request) api.Product {
	return api.Product{
		ID:       r.ID,
		ClientID: r.ClientID,
		Product:  api.ProductType(r.Product),
		Status:   api.ProductStatus(r.Status),
		MissingRequirements: api.MissingRequirements{
			Documents: convert(r.Evaluation.Missing.Documents, documentRequirement),
			Data:      convert(r.Evaluation.Missing.Data, dataRequirement),
		},
		RejectionCode:        r.RejectionCode,
		RejectionDescription: r.RejectionDescription,
		CreatedAt:            api.NewTimestamp(r.CreatedAt),
		UpdatedAt:            api.NewTimestamp(r.UpdatedAt),
	}
}

func documentRequirement(r enablement.DocumentRequirement) api.DocumentRequirement {
	return api.DocumentRequirement{
		ID:             r.ID,
		Name:           r.Name,
		Description:    r.Description,
		Required:       true,
		ValidDocuments: convert(r.ValidDocuments, validDocument),
	}
}

func validDocument(d enablement.ValidDocument) api.ValidDocument {
	required := true
	return api.ValidDocument{
		ID:               d.ID,
		Name:             d.Name,
		Description:      d.Description,
		Required:         &required,
		RequireImage:     d.FrontImage,
		RequireBackImage: d.BackImage,
		Metadata: convert(d.Metadata, func(f enablement.MetadataField) api.MetadataField {
			return api.MetadataField{ID: f.ID, Name: f.Name, DataType: api.DataType(f.DataType), Required: true}
		}),
	}
}

func dataRequirement(r enablement.DataRequirement) api.DataRequirement {
	return api.DataRequirement{
		ID:          r.ID,
		Name:        r.Name,
		Description: r.Description,
		Required:    true,
		Fields: convert(r.Fields, func(f enablement.DataField) api.DataField {
			return api.DataField{Key: f.Key, DataType: api.DataType(f.DataType), Required: true}
		}),
	}
}

// convert never returns nil: a list of the API is never null.
func convert[From, To any](list []From, one func(From) To) []To {
	result := make([]To, len(list))
	for i, item := range list {
		result[i] = one(item)
	}
	return result
}
