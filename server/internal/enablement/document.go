package enablement

import (
	"slices"
	"strings"
	"time"
)

// Document is a document of a client. It is never changed: another one of its type supersedes it.
type Document struct {
	// ID is the store's.
	ID int64
	// Type is a key of the catalogue: passport, national_id, drivers_license.
	Type string
	// FrontImage and BackImage tell whether the photo is stored.
	FrontImage bool
	BackImage  bool
	// Metadata holds the values sent along, by the ids of the catalogue.
	Metadata map[string]string
}

// Upload is a document as a caller sends it.
type Upload struct {
	Type string
	// Front and Back are zero where there is no photo.
	Front, Back Photo
	Metadata    map[string]string
	// Replace has it supersede a good document of its type.
	Replace bool
}

// Document is what is stored of the upload, beside its photos.
func (u Upload) Document() Document {
	return Document{Type: u.Type, FrontImage: u.Front.Size > 0, BackImage: u.Back.Size > 0, Metadata: u.Metadata}
}

// CompleteDocumentation says what becomes of a document that is sent for a pending request. A good one is the client's
// from now on, and the request is evaluated with it; its status stays, as only a submission moves it (upstream). One
// that the evaluation would not accept is rejected, and so is one of a type of which a good one is stored, unless it is
// to be replaced (own rules). Nothing is stored then.
func CompleteDocumentation(f File, u Upload, now time.Time) (Change, error) {
	before := f.Request
	switch {
	case !before.Status.Pending():
		return Change{}, ErrNotPending
	case !before.Product.Known():
		return Change{}, ErrUnknownProduct
	}
	valid, ok := validDocument(before.Product, u.Type)
	if !ok {
		return Change{}, ErrInvalidDocumentType
	}
	at := moment(now)
	c := Change{Request: before, From: before.Status, At: at}
	others := slices.DeleteFunc(slices.Clone(f.Documents), func(d Document) bool { return d.Type == u.Type })
	kept := len(others) < len(f.Documents) && !u.Replace && slices.ContainsFunc(f.Documents, func(d Document) bool {
		return d.Type == u.Type && judgeDocument(valid, d, day(at)) == ""
	})
	reason := judgeUpload(valid, u, day(at))
	if reason == "" && kept {
		reason = "A good " + strings.ToLower(valid.Name) + " is stored already. Send replace with true to store this one in its place."
	}
	if reason != "" {
		c.Rejected = []RejectedItem{{Type: DocumentItem, Key: u.Type, Reason: reason}}
		c.Request.Evaluation = Evaluate(before.Product, f.Client, f.Documents, at)
		return c, nil
	}
	document := u.Document()
	c.Document = &document
	c.Request.Evaluation = Evaluate(before.Product, f.Client, append(others, document), at)
	c.Changed = !sameEvaluation(c.Request.Evaluation, before.Evaluation)
	if c.Changed && at.After(before.UpdatedAt) {
		c.Request.UpdatedAt = at
	}
	return c, nil
}

// validDocument looks for a type of document that the product takes.
func validDocument(p Product, id string) (ValidDocument, bool) {
	for _, r := range requiredFor(p).Documents {
		if i := slices.IndexFunc(r.ValidDocuments, func(v ValidDocument) bool { return v.ID == id }); i >= 0 {
			return r.ValidDocuments[i], true
		}
	}
	return ValidDocument{}, false
}

// judgeUpload returns all that is wrong with a document that is sent, empty if nothing is.
func judgeUpload(v ValidDocument, u Upload, today time.Time) string {
	var faults []string
	for _, photo := range []struct {
		side string
		Photo
	}{{"front", u.Front}, {"back", u.Back}} {
		if fault := photo.fault(photo.side); photo.Size > 0 && fault != "" {
			faults = append(faults, fault)
		}
	}
	if fault := judgeDocument(v, u.Document(), today); fault != "" {
		faults = append(faults, fault)
	}
	return strings.Join(faults, " ")
}
