package api

import "slices"

// Pending tells whether the request can still be submitted.
func (s ProductStatus) Pending() bool { return s == Requested || s == PendingDocumentation }

// Terminal tells whether the request stays as it is. A status that is not known is neither pending
// nor terminal; [ProductStatus.Valid] tells whether it is known.
func (s ProductStatus) Terminal() bool { return s == Enabled || s == Rejected }

// Complete tells whether the request is with the provider and nothing is left to do before its review: its
// status is [InKyc], nothing is missing, and no stored item was rejected. Of any other status it is false:
// [Enabled] and [Rejected] are past the review, and one that is not known may mean anything.
func (s EvaluatedProduct) Complete() bool {
	missing := s.Product.MissingRequirements
	return s.Product.Status == InKyc && len(missing.Documents) == 0 && len(missing.Data) == 0 && len(s.RejectedItems) == 0
}

// MissingTold tells whether the response has the lists of what is missing. A list that it does not have is
// nil, and not an empty one: of a pending request, something is missing that nobody named.
func (p Product) MissingTold() bool {
	return p.MissingRequirements.Documents != nil && p.MissingRequirements.Data != nil
}

// MissingTold is [Product.MissingTold].
func (s EvaluatedProduct) MissingTold() bool { return s.Product.MissingTold() }

// Misses tells whether a document of the kind, such as passport, would do for something that is missing.
func (p Product) Misses(document string) bool {
	return slices.ContainsFunc(p.MissingRequirements.Documents, func(r DocumentRequirement) bool {
		return slices.ContainsFunc(r.ValidDocuments, func(v ValidDocument) bool { return v.ID == document })
	})
}

// MissingItem is one thing to ask the client for: a document, of which any of several kinds will do,
// or a data field.
type MissingItem struct {
	// Type is [RejectedDocument] or [RejectedData].
	Type RejectedItemType `json:"type"`
	// Requirement is what it belongs to, by id and by name.
	Requirement string `json:"requirement"`
	Name        string `json:"name"`
	// Key is that of the data field; a document has none, and neither have data whose fields the response
	// does not name.
	Key string `json:"key,omitempty"`
	// DataType is how the data field is written.
	DataType DataType `json:"data_type,omitempty"`
	// Documents are the kinds of document that will do.
	Documents []ValidDocument `json:"documents,omitempty"`
	Required  bool            `json:"required"`
	// Rejected are the stored items that were not accepted in its place, with the reasons.
	Rejected []RejectedItem `json:"rejected,omitempty"`
}

// Missing returns what is missing as one list that a form can show: an item for every document and
// every data field. See [Product.MissingTold] for a response without the lists.
func (p Product) Missing() []MissingItem {
	var items []MissingItem
	for _, document := range p.MissingRequirements.Documents {
		items = append(items, MissingItem{
			Type: RejectedDocument, Requirement: document.ID, Name: document.Name, Documents: document.ValidDocuments,
			Required: document.Required,
		})
	}
	for _, group := range p.MissingRequirements.Data {
		fields := group.Fields
		if fields == nil {
			fields = []DataField{{Required: group.Required}}
		}
		for _, field := range fields {
			items = append(items, MissingItem{
				Type: RejectedData, Requirement: group.ID, Name: group.Name, Key: field.Key, DataType: field.DataType,
				Required: field.Required,
			})
		}
	}
	return items
}

// Missing is [Product.Missing], with what was rejected in the place of each item. Rejected items that are not in any
// place of the missing requirements are in RejectedItems only.
func (s EvaluatedProduct) Missing() []MissingItem {
	items := s.Product.Missing()
	for i := range items {
		items[i].Rejected = s.rejected(items[i])
	}
	return items
}

func (s EvaluatedProduct) rejected(missing MissingItem) []RejectedItem {
	keys := []string{missing.Key}
	if missing.Type == RejectedDocument {
		keys = []string{missing.Requirement}
		for _, valid := range missing.Documents {
			keys = append(keys, valid.ID)
		}
	}
	var found []RejectedItem
	for _, item := range s.RejectedItems {
		if item.Type == missing.Type && slices.Contains(keys, item.Key) {
			found = append(found, item)
		}
	}
	return found
}

// Input returns what to send to an update that keeps the client as it is. An update replaces all of it and takes
// no field that is read only, so change the input and send that:
//
//	in := stored.Input()
//	in.PhoneCountryCode, in.PhoneNumber = 54, 91123456789
//
// A field that this version of the package does not know is not in it, and the update would clear it.
func (c Client) Input() ClientInput {
	return ClientInput{
		FirstName: c.FirstName, SecondName: c.SecondName, LastName: c.LastName, Email: c.Email, BirthDate: c.BirthDate,
		PhoneCountryCode: c.PhoneCountryCode, PhoneNumber: c.PhoneNumber, Address: AddressInput(c.Address),
	}
}
