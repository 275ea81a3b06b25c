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
	// ErrClientExists: another client of the company has the e-mail.
	ErrClientExists = errors.New("company client already exists")
	// ErrRequestActive: the client has a request for the product that is not rejected.
	ErrRequestActive = errors.New("an enablement request is already active for this product")
	// ErrInvalidProduct: nobody can ask for the product.
	ErrInvalidProduct = errors.New("invalid product")
	// ErrInvalidDocumentType: the product takes no document of this type.
	ErrInvalidDocumentType = errors.New("invalid document type")
	// ErrNotInKYC: there is nothing to decide, or it was decided otherwise.
	ErrNotInKYC = errors.New("enablement request is not in KYC")
	// ErrStateOfOtherCountry: an address has a state that is not its country's.
	ErrStateOfOtherCountry = errors.New("the state is not one of the address's country")
	// ErrIdempotencyMismatch: the idempotency key was used for another call.
	ErrIdempotencyMismatch = errors.New("idempotency key was used for another call")
	// ErrIdempotencyInProgress: the first call with this idempotency key still runs.
	ErrIdempotencyInProgress = errors.New("a call with this idempotency key is still running")
)

// FieldError is a rule that a field of the input breaks. It never has the field's value.
type FieldError struct {
	// Field is a JSON pointer, such as /address/state.
	Field string
	// Rule says what the field must be.
	Rule string
}

// Error implements error.
func (e *FieldError) Error() string { return e.Field + ": " + e.Rule }

// Call names what is to be changed, and who asks for it.
type Call struct {
	// Operation is its id in the specification, such as updateClient. It goes into the audit row.
	Operation string
	CompanyID string
	// ClientID is empty where a client is to be created, RequestID where the call is about no request.
	ClientID  string
	RequestID string
	// Email is that of the client to be stored; empty where none is.
	Email string
	// KeyID and TraceID go into the audit row.
	KeyID   string
	TraceID string
	// Idempotency is nil where the caller gave no idempotency key.
	Idempotency *Idempotency
}

// Change is what a call does to a client or a request.
type Change struct {
	// Client is the client as it is afterwards; nil where the call stores none. It is stored as a whole.
	Client *Client
	// Deleted tells that the client goes, with all that is stored of it.
	Deleted bool
	// Request is the request as it is afterwards; zero where the call is about none.
	Request Request
	// Requested tells that the request is new.
	Requested bool
	// Document is the one that takes its place among the client's, of which it supersedes the one of its type; nil where
	// the call brings none. Its photos were stored before, by [Store.Upload], which gave it its ID.
	Document *Document
	// Rejected says why the document of the call is not stored.
	Rejected []RejectedItem
	// From is the status the request had before; empty where it is new.
	From Status
	// At is the moment of the decision.
	At time.Time
	// Changed tells whether anything about the client or the request changed.
	Changed bool
	// Notification is what the provider is to be told; nil if the request did not enter KYC.
	Notification *Notification
	// Submitted is what the provider is to decide on; nil if the request did not enter KYC.
	Submitted *Submitted
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

// AuditRow is what is kept, for good, of a call that changed something or found nothing to change.
type AuditRow struct {
	At        time.Time
	Operation string
	// RequestID is empty where the call was about none.
	RequestID string
	KeyID     string
	TraceID   string
	// From and To are of the request.
	From Status
	To   Status
	// Missing and Rejected count what was left.
	Missing  int
	Rejected int
}

// History is all that happened to a request, or to a client. The status is empty where there is no request any more.
type History struct {
	Status Status
	Audit  []AuditRow
	// NotificationID is empty where the provider was not to be told. Deliveries are its attempts, as
	// far as the ledger still has them.
	NotificationID string
	Deliveries     []Delivery
}
