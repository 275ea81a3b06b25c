package enablement

import "context"

// Store keeps requests and what is stored of clients. It is safe for concurrent use.
//
// A write is one transaction: load the file, locked; decide, purely; put what was decided.
type Store interface {
	// Submit loads the file of the call's request, locked against any other submission of it, gives it to
	// decide, and commits the change, all together or nothing at all: the request's new status,
	// evaluation and update time if it changed, an audit row, and the notification with the job to
	// deliver it if there is one. It returns the change it committed.
	//
	// With an idempotency key, a response recorded under its ID since the start of its window is returned
	// as a replayed change, without asking decide; one with another fingerprint is
	// [ErrIdempotencyMismatch]. Otherwise the change's response is recorded with all the rest. A store
	// that several processes share may return [ErrIdempotencyInProgress] while another one works on
	// the same ID.
	//
	// Nothing of another company is ever found: a client that is not the company's is
	// [ErrClientNotFound], a request that is not the client's is [ErrRequestNotFound]. An error of
	// decide is returned so that [errors.Is] finds it. After any of these nothing is written. Any
	// other error is storage's own; the caller can't tell from it that nothing was written, as the
	// answer to a commit may be lost.
	//
	// decide has no side effects: a store may call it again when it has to repeat a transaction.
	Submit(ctx context.Context, c Call, decide func(File) (Change, error)) (Change, error)
}
