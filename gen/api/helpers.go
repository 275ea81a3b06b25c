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
func (s EvaluatedProduct) MissingTold() bool {
	missing := s.Product.MissingRequirements
	return missing.Documents != nil && missing.Data != nil
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
// every data field, with what was rejected in its place. Rejected items that are not in any place of
// the missing requirements are in RejectedItems only. See [EvaluatedProduct.MissingTold] for a response without the
// lists.
func (s EvaluatedProduct) Missing() []MissingItem {
	var items []MissingItem
	for _, document := range s.Product.MissingRequirements.Documents {
		keys := []string{document.ID}
		for _, valid := range document.ValidDocuments {
			keys = append(keys, valid.ID)
		}
		items = append(items, MissingItem{
			Type: RejectedDocument, Requirement: document.ID, Name: document.Name, Documents: document.ValidDocuments,
			Required: document.Required, Rejected: s.rejected(RejectedDocument, keys...),
		})
	}
	for _, group := range s.Product.MissingRequirements.Data {
		fields := group.Fields
		if fields == nil {
			fields = []DataField{{Required: group.Required}}
		}
		for _, field := range fields {
			items = append(items, MissingItem{
				Type: RejectedData, Requirement: group.ID, Name: group.Name, Key: field.Key, DataType: field.DataType,
				Required: field.Required, Rejected: s.rejected(RejectedData, field.Key),
			})
		}
	}
	return items
}

func (s EvaluatedProduct) rejected(kind RejectedItemType, keys ...string) []RejectedItem {
	var found []RejectedItem
	for _, item := range s.RejectedItems {
		if item.Type == kind && slices.Contains(keys, item.Key) {
			found = append(found, item)
		}
	}
	return found
}
