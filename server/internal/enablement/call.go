package enablement

import (
	"errors"
	"time"
)

// The errors that refuse a call. Nothing has changed then.
var (
	// ErrClientNotFound says that the company has no such client.
	ErrClientNotFound = errors.New("client not found")
	// ErrRequestNotFound says that the client has no such request.
	ErrRequestNotFound = errors.New("product enablement request not found")
	// ErrNotPending says that the request was already submitted, enabled or rejected.
	ErrNotPending = errors.New("enablement request is not pending documentation")
	// ErrClientExists says that another client of the company has the e-mail.
	ErrClientExists = errors.New("company client already exists")
	// ErrRequestActive says that the client has another request for the product that is not rejected.
	ErrRequestActive = errors.New("an enablement request is already active for this product")
	// ErrInvalidProduct says that there is no such product.
	ErrInvalidProduct = errors.New("invalid product")
	// ErrInvalidDocumentType says that the product needs no document of this type.
	ErrInvalidDocumentType = errors.New("invalid document type")
	// ErrNotInKYC says that the request does not wait for a decision, or that another decision was made.
	ErrNotInKYC = errors.New("enablement request is not in KYC")
	// ErrStateOfOtherCountry says that the state of an address is not in its country.
	ErrStateOfOtherCountry = errors.New("the state is not one of the address's country")
	// ErrIdempotencyMismatch says that the idempotency key was used for another call.
	ErrIdempotencyMismatch = errors.New("idempotency key was used for another call")
	// ErrIdempotencyInProgress says that the first call with this idempotency key is still running.
	ErrIdempotencyInProgress = errors.New("a call with this idempotency key is still running")
)

// FieldError says which rule a field of the input breaks. It never has the value of the field.
type FieldError struct {
	// Field is a JSON pointer, such as /address/state.
	Field string
	// Rule says what the field must be.
	Rule string
}

// Error implements error.
func (e *FieldError) Error() string { return e.Field + ": " + e.Rule }

// Call says what is to be changed, and who asks for it.
type Call struct {
	// Operation is the operationId, such as updateClient. It goes into the audit row.
	Operation string
	CompanyID string
	// ClientID is empty if a client is to be created. RequestID is empty if the call is not about a request.
	ClientID  string
	RequestID string
	// Email is the e-mail of the client to be stored; empty if none is.
	Email string
	// KeyID and TraceID go into the audit row.
	KeyID   string
	TraceID string
	// Idempotency is nil if the caller sent no idempotency key.
	Idempotency *Idempotency
}

// Change is the effect of a call on a client or a request.
type Change struct {
	// Client is the client after the change; nil if the call stores none. It is stored as a whole.
	Client *Client
	// Deleted is true if the client is deleted, with all that is stored of it.
	Deleted bool
	// Request is the request after the change; zero if the call is not about one.
	Request Request
	// Requested is true if the request is new.
	Requested bool
	// Document becomes one of the client's documents and supersedes the one of its type; nil if the call adds none. Its
	// photos were stored before by [Store.Upload], which also made its ID.
	Document *Document
	// Rejected says why the document of the call is not stored.
	Rejected []RejectedItem
	// From is the status of the request before; empty if the request is new.
	From Status
	// At is the moment of the decision.
	At time.Time
	// Changed is true if anything about the client or the request has changed.
	Changed bool
	// Notification is the one to the provider; nil if the request did not enter KYC.
	Notification *Notification
	// Submitted is for the provider's decision; nil if the request did not enter KYC.
	Submitted *Submitted
	// Response is what the caller gets.
	Response []byte
	// Replayed is true if nothing was decided. Response is then that of an earlier call with the same
	// idempotency key, and all other fields are zero.
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

// AuditRow is the permanent record of a successful write, also of one that had nothing to change.
type AuditRow struct {
	At        time.Time
	Operation string
	// RequestID is empty if the call was not about a request.
	RequestID string
	KeyID     string
	TraceID   string
	// From and To are statuses of the request.
	From Status
	To   Status
	// Missing and Rejected are the numbers of missing requirements and rejected items.
	Missing  int
	Rejected int
}

// History is all that has happened to a request, or to a client. Status is empty if the request was deleted.
type History struct {
	Status Status
	Audit  []AuditRow
	// NotificationID is empty if there is no notification. Deliveries are its attempts that are still in the ledger.
	NotificationID string
	Deliveries     []Delivery
}
