package enablement

import (
	"context"
	"time"
)

// Store keeps clients, their requests and what else is stored of them. It is safe for concurrent use.
//
// A write is one transaction: load the file, locked; decide, purely; put what was decided.
//
// Nothing of another company is ever found: a client that is not the company's is [ErrClientNotFound], a
// request that is not the client's is [ErrRequestNotFound].
type Store interface {
	// Submit loads the file of the call's request, locked against any other change of it, gives it to
	// decide, and commits the change, all together or nothing at all: the request's new status,
	// evaluation and update time if it changed, an audit row, and the notification with the job to
	// deliver it if there is one. It returns the change it committed.
	//
	// With an idempotency key, a response recorded under its ID since the start of its window is returned
	// as a replayed change, without asking decide; one with another fingerprint is
	// [ErrIdempotencyMismatch]. Otherwise the change's response is recorded with all the rest, as the
	// client's: it goes when the client does. A store that several processes share may return
	// [ErrIdempotencyInProgress] while another one works on the same ID.
	//
	// An error of decide is returned so that [errors.Is] finds it. After it, or one named here, nothing is
	// written. Any other error is storage's own; the caller can't tell from it that nothing was written, as the
	// answer to a commit may be lost.
	//
	// decide has no side effects: a store may call it again when it has to repeat a transaction.
	Submit(ctx context.Context, c Call, decide func(File) (Change, error)) (Change, error)

	// Change is how every other write is made. It loads the whole file of the call's client, locked against any other
	// change, gives it to decide, and commits what that says as Submit does: the client, the document, the request, what is
	// decided about it, an audit row, the response. Without a ClientID a client is to be created, in a file that is empty
	// but for its company.
	//
	// Of several calls with one Email, each sees what the ones before it stored. Where the client is deleted, its
	// requests, documents and recorded responses go with it. Its notifications are kept, and those that were not
	// delivered are cancelled, together with their jobs.
	Change(ctx context.Context, c Call, decide func(File) (Change, error)) (Change, error)

	// Upload stores the document of an upload with its photos, which may be large, in transactions that are each short,
	// and returns its ID. Nothing finds it until a change says that it is the client's: one of which that is never said
	// goes after a while.
	Upload(ctx context.Context, companyID, clientID string, u Upload, at time.Time) (documentID int64, err error)

	// Client returns a client of the company.
	Client(ctx context.Context, companyID, clientID string) (Client, error)
	// Clients returns all clients of the company, newest first: by their creation, then by their id.
	Clients(ctx context.Context, companyID string) ([]Client, error)
	// File returns the whole file of a client, as it is at one moment.
	File(ctx context.Context, companyID, clientID string) (File, error)
}
