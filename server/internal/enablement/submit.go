package enablement

import (
	"crypto/rand"
	"errors"
	"slices"
	"time"
)

// ErrUnknownProduct says that a stored request asks for a product that is not in the catalogue, so
// that nothing can be called complete. Nothing changes then (own rule).
var ErrUnknownProduct = errors.New("product is not in the catalogue")

// NewNotificationID returns an id that nobody can guess or meet twice: 130 random bits.
func NewNotificationID() string { return "ntf_" + rand.Text() }

// Submit evaluates a pending request and says what becomes of it. Nothing left missing: it enters
// KYC and the provider is to be notified, under an id that newID makes (seed), and has to decide on what is stored now. Something left: it is
// pending documentation (upstream). A request that is not pending is [ErrNotPending] (upstream: 409).
//
// The request's UpdatedAt moves only if its status or evaluation changed, and never back: a clock
// that was set back must not make the change look older than the one before.
func Submit(f File, now time.Time, newID func() string) (Change, error) {
	before := f.Request
	switch {
	case !before.Status.Pending():
		return Change{}, ErrNotPending
	case !before.Product.Known():
		return Change{}, ErrUnknownProduct
	}
	at := moment(now)
	c := Change{Request: before, From: before.Status, At: at}
	after := &c.Request
	after.Evaluation = Evaluate(before.Product, f.Client, f.Documents, at)
	after.Status = PendingDocumentation
	if after.Evaluation.Complete() {
		after.Status = InKYC
		c.Notification = &Notification{
			ID:          newID(),
			RequestID:   after.ID,
			ClientID:    after.ClientID,
			CompanyID:   after.CompanyID,
			Product:     after.Product,
			Status:      after.Status,
			SubmittedAt: at,
		}
		c.Submitted = &Submitted{
			RequestID: after.ID, ClientID: after.ClientID, CompanyID: after.CompanyID, Product: after.Product,
			At: at, Status: after.Status, Client: f.Client, Documents: f.Documents,
		}
	}
	c.Changed = after.Status != before.Status || !sameEvaluation(after.Evaluation, before.Evaluation)
	if c.Changed && at.After(before.UpdatedAt) {
		after.UpdatedAt = at
	}
	return c, nil
}

// sameEvaluation compares all there is to them; a list that is nil equals an empty one.
func sameEvaluation(a, b Evaluation) bool {
	return slices.Equal(a.Rejected, b.Rejected) &&
		slices.EqualFunc(a.Missing.Documents, b.Missing.Documents, sameDocumentRequirement) &&
		slices.EqualFunc(a.Missing.Data, b.Missing.Data, sameDataRequirement)
}

func sameDocumentRequirement(a, b DocumentRequirement) bool {
	return a.ID == b.ID && a.Name == b.Name && a.Description == b.Description &&
		slices.EqualFunc(a.ValidDocuments, b.ValidDocuments, sameValidDocument)
}

func sameValidDocument(a, b ValidDocument) bool {
	return a.ID == b.ID && a.Name == b.Name && a.Description == b.Description &&
		a.FrontImage == b.FrontImage && a.BackImage == b.BackImage &&
		slices.Equal(a.Metadata, b.Metadata)
}

func sameDataRequirement(a, b DataRequirement) bool {
	return a.ID == b.ID && a.Name == b.Name && a.Description == b.Description &&
		slices.Equal(a.Fields, b.Fields)
}
