package api

import "slices"

// Pending reports whether the request can still be submitted.
func (s ProductStatus) Pending() bool { return s == Requested || s == PendingDocumentation }

// Terminal reports whether the status never changes again. An unknown status is neither pending nor terminal;
// [ProductStatus.Valid] reports whether it is known.
func (s ProductStatus) Terminal() bool { return s == Enabled || s == Rejected }

// Complete reports whether the provider has the request and nothing is left to do before its review: the
// status is [InKyc], nothing is missing, and no stored item was rejected. It is false for any other status:
// after [Enabled] and [Rejected] the review is over, and an unknown status may mean anything.
func (s EvaluatedProduct) Complete() bool {
	missing := s.Product.MissingRequirements
	return s.Product.Status == InKyc && len(missing.Documents) == 0 && len(missing.Data) == 0 && len(s.RejectedItems) == 0
}

// MissingTold reports whether the response has both lists of what is missing. A list that is not in the response
// is nil, not empty: a pending request then misses something that the response doesn't name.
func (p Product) MissingTold() bool {
	return p.MissingRequirements.Documents != nil && p.MissingRequirements.Data != nil
}

// MissingTold is [Product.MissingTold].
func (s EvaluatedProduct) MissingTold() bool { return s.Product.MissingTold() }

// Misses reports whether a document of this kind, such as passport, would satisfy a missing requirement.
func (p Product) Misses(document string) bool {
	return slices.ContainsFunc(p.MissingRequirements.Documents, func(r DocumentRequirement) bool {
		return slices.ContainsFunc(r.ValidDocuments, func(v ValidDocument) bool { return v.ID == document })
	})
}

// MissingItem is one thing to ask the client for: a document of one of several kinds, or a data field.
type MissingItem struct {
	// Type is [RejectedDocument] or [RejectedData].
	Type RejectedItemType `json:"type"`
	// Requirement is the requirement that it belongs to, by id and by name.
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

// Missing returns what is missing as one list for a form, with an item for every document and every data
// field. See [Product.MissingTold] for a response without the lists.
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

// Missing is [Product.Missing], and each item has what was rejected of it. Rejected items that belong to no
// missing requirement are in RejectedItems only.
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

// Input returns the input of an update that changes nothing. An update replaces all fields, and accepts none that
// are read-only. So change the input and send it:
//
//	in := stored.Input()
//	in.PhoneCountryCode, in.PhoneNumber = 54, 91123456789
//
// A field that this version of the package does not know is not in the input, and the update would clear it.
func (c Client) Input() ClientInput {
	return ClientInput{
		FirstName: c.FirstName, SecondName: c.SecondName, LastName: c.LastName, Email: c.Email, BirthDate: c.BirthDate,
		PhoneCountryCode: c.PhoneCountryCode, PhoneNumber: c.PhoneNumber, Address: AddressInput(c.Address),
	}
}
