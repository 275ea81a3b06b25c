package enablement

import (
	"context"
	"time"
)

// Store stores clients with their requests and documents. It is safe for concurrent use.
//
// A write is one transaction: load the file and lock it, decide, store the change.
//
// Nothing of another company is ever found: a client of another company is [ErrClientNotFound], and a request of another
// client is [ErrRequestNotFound].
type Store interface {
	// Submit loads the file of the call's request and locks it against other changes. It calls decide with the file, and
	// commits the change, all of it or nothing: the request's new status, evaluation and update time if they changed, an
	// audit row, and the notification with its job if there is one. It returns the committed change.
	//
	// With an idempotency key, Submit first looks for a response that was recorded under its ID within the window. If there
	// is one, Submit returns it as a replayed change and does not call decide; if its fingerprint is another one, Submit
	// returns [ErrIdempotencyMismatch]. Otherwise the response of the change is recorded in the same transaction. It is
	// deleted together with the client. A store that several processes share may return [ErrIdempotencyInProgress] while
	// another process works on the same ID.
	//
	// An error of decide is returned so that [errors.Is] finds it. After such an error, and after the errors named here,
	// nothing was written. After any other error, this is not certain, as the answer to a commit may be lost.
	//
	// decide must have no side effects: the store may call it again to repeat a transaction.
	Submit(ctx context.Context, c Call, decide func(File) (Change, error)) (Change, error)

	// Change makes every other write. It loads the whole file of the call's client and locks it against other changes. It
	// calls decide with the file and commits the change as Submit does: the client, the document, the request, the
	// decision on it, an audit row, the response. Without a ClientID, a client is to be created; the file then has only
	// the company.
	//
	// Of several calls with one Email, each sees what the ones before it stored. If the client is deleted, its requests,
	// documents and recorded responses are deleted, too. Its notifications are kept; those that were not delivered are
	// cancelled, and so are their jobs.
	Change(ctx context.Context, c Call, decide func(File) (Change, error)) (Change, error)

	// Upload stores a document with its photos, which may be large, in several short transactions, and returns its ID. The
	// document is not visible until a change makes it the client's. If no change does, it is removed after a while.
	Upload(ctx context.Context, companyID, clientID string, u Upload, at time.Time) (documentID int64, err error)

	// Client returns a client of the company.
	Client(ctx context.Context, companyID, clientID string) (Client, error)
	// Clients returns all clients of the company, newest first: by their creation, then by their id.
	Clients(ctx context.Context, companyID string) ([]Client, error)
	// File returns the whole file of a client, as it was at one moment.
	File(ctx context.Context, companyID, clientID string) (File, error)
}
