package enablement

import (
	"slices"
	"strings"
	"time"
)

// Evaluate compares what a product requires with what is stored of a client. It is pure: the same input gives the same
// result, in the order of the catalogue, and the input is not changed.
//
// If nothing is stored for a requirement, the requirement is missing (seed). If something is stored that is not
// acceptable, it is rejected with a reason, and the requirement is still missing (own rule). Days are those of UTC. No
// list in the result is nil.
//
// The product must be [Product.Known]; another one has no requirements.
func Evaluate(p Product, c Client, docs []Document, now time.Time) Evaluation {
	required, today := requiredFor(p), day(now)
	e := Evaluation{
		Missing:  Requirements{Documents: []DocumentRequirement{}, Data: []DataRequirement{}},
		Rejected: []RejectedItem{},
	}
	for _, r := range required.Documents {
		rejected, satisfied := judgeDocuments(r, docs, today)
		if satisfied {
			continue
		}
		e.Missing.Documents = append(e.Missing.Documents, r.clone())
		e.Rejected = append(e.Rejected, rejected...)
	}
	for _, r := range required.Data {
		var rejected []RejectedItem
		r.Fields, rejected = judgeFields(r.Fields, c, today)
		if len(r.Fields) == 0 {
			continue
		}
		e.Missing.Data = append(e.Missing.Data, r)
		e.Rejected = append(e.Rejected, rejected...)
	}
	return e
}

// judgeDocuments looks for a document that satisfies the requirement. Any one does, and the faults
// of the others don't matter then (upstream, the natural reading of valid_documents). Documents of a
// kind that the requirement does not list are there for something else: they neither count nor are
// rejected (own rule).
func judgeDocuments(r DocumentRequirement, docs []Document, today time.Time) (rejected []RejectedItem, satisfied bool) {
	for _, d := range docs {
		i := slices.IndexFunc(r.ValidDocuments, func(v ValidDocument) bool { return v.ID == d.Type })
		if i < 0 {
			continue
		}
		reason := judgeDocument(r.ValidDocuments[i], d, today)
		if reason == "" {
			return nil, true
		}
		rejected = append(rejected, RejectedItem{Type: DocumentItem, Key: d.Type, Reason: reason})
	}
	return rejected, false
}

// judgeDocument returns all that is wrong with a document, empty if nothing is. Metadata that is not
// asked for is ignored.
func judgeDocument(v ValidDocument, d Document, today time.Time) string {
	var faults []string
	if v.FrontImage && !d.FrontImage {
		faults = append(faults, "The photo of the front is missing.")
	}
	if v.BackImage && !d.BackImage {
		faults = append(faults, "The photo of the back is missing.")
	}
	for _, f := range v.Metadata {
		if fault := judgeMetadata(f, d.Metadata[f.ID], today); fault != "" {
			faults = append(faults, fault)
		}
	}
	return strings.Join(faults, " ")
}

// judgeMetadata says what is wrong with a value sent along with a document, if anything is. A value
// without a rule of its own has to be there, no more.
func judgeMetadata(f MetadataField, value string, today time.Time) string {
	name := strings.ToLower(f.Name)
	if blank(value) {
		return "The " + name + " is missing."
	}
	switch f.ID {
	case metaNumber:
		return numberFault(name, value)
	case metaIssuingCountry:
		return countryFault(name, value)
	case metaExpirationDate:
		return expirationFault(name, value, today)
	}
	return ""
}

// judgeFields returns the fields that are missing or rejected, and the rejected ones with the reason.
func judgeFields(fields []DataField, c Client, today time.Time) (missing []DataField, rejected []RejectedItem) {
	for _, f := range fields {
		stored, reason := judgeField(f.Key, c, today)
		if stored && reason == "" {
			continue
		}
		missing = append(missing, f)
		if stored {
			rejected = append(rejected, RejectedItem{Type: DataItem, Key: f.Key, Reason: reason})
		}
	}
	return missing, rejected
}

// judgeField tells whether anything is stored for a data field and, if so, what is wrong with it. A
// key without a rule stays missing, so that a slip in the catalogue lets nobody through.
func judgeField(key string, c Client, today time.Time) (stored bool, reason string) {
	switch key {
	case keyFirstName:
		return c.FirstName != "", nameFault("first name", c.FirstName)
	case keyLastName:
		return c.LastName != "", nameFault("last name", c.LastName)
	case keyEmail:
		return c.Email != "", emailFault(c.Email)
	case keyBirthDate:
		return c.BirthDate != "", birthDateFault(c.BirthDate, today)
	case keyCountry:
		return c.Address.Country != "", countryFault("country", c.Address.Country)
	case keyPhone:
		return c.PhoneCountryCode != 0 || c.PhoneNumber != 0, phoneFault(c.PhoneCountryCode, c.PhoneNumber)
	}
	return false, ""
}
