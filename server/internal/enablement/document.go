package enablement

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Document is a document of a client. It never changes: a new one of its type supersedes it.
type Document struct {
	// ID is made by the store.
	ID int64
	// Type is a key of the catalogue: passport, national_id, drivers_license.
	Type string
	// FrontImage and BackImage are true if the photo is stored.
	FrontImage bool
	BackImage  bool
	// Metadata has the values that came with the document, by the ids of the catalogue.
	Metadata map[string]string
}

// Upload is a document that a caller sends.
type Upload struct {
	Type string
	// Front and Back are zero if there is no photo.
	Front, Back Photo
	Metadata    map[string]string
	// Replace is true if it may supersede a good document of its type.
	Replace bool
}

// maxMetadataName is the length of a metadata's name, in characters (own rule): an id of the catalogue has the form of
// any id.
const maxMetadataName = 64

// Check says what no schema can, as a [*FieldError]. Whoever decides on the document sees what else was sent along, too,
// and of that an evaluation judges nothing.
func (u Upload) Check() error {
	for name, value := range u.Metadata {
		switch {
		case blank(name) || Hidden(name) || utf8.RuneCountInString(name) > maxMetadataName:
			return &FieldError{"/document/metadata", "must have names of 1 to 64 characters that can be seen"}
		case name == metaNumber || name == metaIssuingCountry || name == metaExpirationDate: // which the evaluation judges
		case Hidden(value):
			return &FieldError{"/document/metadata", "must not have a character that cannot be seen"}
		}
	}
	return nil
}

// Document returns the document without its photos.
func (u Upload) Document() Document {
	return Document{Type: u.Type, FrontImage: u.Front.Size > 0, BackImage: u.Back.Size > 0, Metadata: u.Metadata}
}

// CompleteDocumentation decides on a document that was sent for a pending request. A good one becomes the client's, and
// the request is evaluated with it. The request's status does not change, as only a submission changes it (upstream). A
// document that the evaluation would not accept is rejected. So is one of a type that the client has a good document
// of, unless it is to be replaced (own rules). Nothing is stored then.
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
