package enablement

import (
	"errors"
	"time"
)

// What a call can be refused for. Nothing changes then.
var (
	// ErrClientNotFound: the client is unknown to the company.
	ErrClientNotFound = errors.New("client not found")
	// ErrRequestNotFound: the client has no such request.
	ErrRequestNotFound = errors.New("product enablement request not found")
	// ErrNotPending: the request was submitted, enabled or rejected before.
	ErrNotPending = errors.New("enablement request is not pending documentation")
	// ErrIdempotencyMismatch: the idempotency key was used for another call.
	ErrIdempotencyMismatch = errors.New("idempotency key was used for another call")
	// ErrIdempotencyInProgress: the first call with this idempotency key still runs.
	ErrIdempotencyInProgress = errors.New("a call with this idempotency key is still running")
)

// Call names what is to be changed, and who asks for it.
type Call struct {
	CompanyID string
	ClientID  string
	RequestID string
	// KeyID and TraceID go into the audit row.
	KeyID   string
	TraceID string
	// Idempotency is nil where the caller gave no idempotency key.
	Idempotency *Idempotency
}

// Change is what a call does to a request.
type Change struct {
	// Request is the request as it is afterwards.
	Request Request
	// From is the status it had before.
	From Status
	// At is the moment of the decision.
	At time.Time
	// Changed tells whether anything about the request changed.
	Changed bool
	// Notification is what the provider is to be told; nil if the request did not enter KYC.
	Notification *Notification
	// Response is what the caller gets.
	Response []byte
	// Replayed tells that nothing was decided: Response is what an earlier call with the same
	// idempotency key got, and all else is zero.
	Replayed bool
}

// Notification tells the provider that a request entered KYC.
type Notification struct {
	// ID stays the same on every attempt to deliver it.
	ID          string
	RequestID   string
	ClientID    string
	CompanyID   string
	Product     Product
	Status      Status
	SubmittedAt time.Time
}

// AuditRow is what is kept, for good, of a call that changed a request or found nothing to change.
type AuditRow struct {
	At      time.Time
	KeyID   string
	TraceID string
	From    Status
	To      Status
	// Missing and Rejected count what was left.
	Missing  int
	Rejected int
}

// History is all that happened to a request.
type History struct {
	Status Status
	Audit  []AuditRow
	// NotificationID is empty where the provider was not to be told. Deliveries are its attempts, as
	// far as the ledger still has them.
	NotificationID string
	Deliveries     []Delivery
}
