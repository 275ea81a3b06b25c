package enablement

import (
	"crypto/rand"
	"errors"
	"slices"
	"time"
)

// ErrUnknownProduct says that a stored request is for a product that is not in the catalogue. So nobody can tell whether
// it is complete, and nothing changes (own rule).
var ErrUnknownProduct = errors.New("product is not in the catalogue")

// NewNotificationID returns a random id of 130 bits. Nobody can guess it, and it does not come twice.
func NewNotificationID() string { return "ntf_" + rand.Text() }

// Submit evaluates a pending request. If nothing is missing, the request enters KYC, and the provider is notified under
// an id from newID (seed) and decides on what is stored now. If something is missing, the request becomes
// pending_documentation (upstream). A request that is not pending is [ErrNotPending] (upstream: 409).
//
// UpdatedAt of the request changes only if its status or evaluation did. It never decreases, even if the clock was set
// back.
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
