package enablement

import (
	"context"
	"crypto/rand"
	"time"
)

// Store keeps requests and what is stored of clients. It is safe for concurrent use.
type Store interface {
	// Submit loads the file of the submission's request, locked against any other submission of it,
	// gives it to decide, and commits what was decided, all together or nothing at all: the
	// request's new status, evaluation and update time if it changed, an audit row, and the
	// notification with the job to deliver it if there is one. It returns the decision it
	// committed.
	//
	// With an idempotency key, a reply recorded under its ID since the start of its window is returned
	// as a replayed decision, without asking decide; one with another fingerprint is
	// [ErrIdempotencyMismatch]. Otherwise the decision's reply is recorded with all the rest. A store
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
	Submit(ctx context.Context, s Submission, decide func(File) (Decision, error)) (Decision, error)
}

// Service submits requests.
type Service struct {
	store   Store
	clock   func() time.Time
	running running
}

// NewService returns a service over a store. clock tells the present moment, like [time.Now].
func NewService(store Store, clock func() time.Time) *Service {
	return &Service{store: store, clock: clock}
}

// Encode writes what a submission is answered: the request as it is afterwards, with its evaluation.
// It has no side effects.
type Encode func(Request) ([]byte, error)

// Submit evaluates a pending request and returns what the caller is answered. The errors are those
// of [Store], [Decide] and encode, and [ErrIdempotencyInProgress]; no reply comes with one.
func (s *Service) Submit(ctx context.Context, sub Submission, encode Encode) ([]byte, error) {
	if sub.Idempotency != nil {
		if !s.running.enter(sub.Idempotency.ID) {
			return nil, ErrIdempotencyInProgress
		}
		defer s.running.leave(sub.Idempotency.ID)
		windowed := *sub.Idempotency
		windowed.Since = s.clock().Add(-IdempotencyWindow)
		sub.Idempotency = &windowed
	}
	d, err := s.store.Submit(ctx, sub, func(f File) (Decision, error) {
		// The clock is read here, with the file locked, so that decisions on one request carry
		// times in the order they were made.
		d, err := Decide(f, s.clock(), newNotificationID)
		if err != nil {
			return Decision{}, err
		}
		d.Reply, err = encode(d.Request)
		return d, err
	})
	if err != nil {
		return nil, err
	}
	return d.Reply, nil
}

// newNotificationID returns an id that nobody can guess or meet twice: 130 random bits.
func newNotificationID() string { return "ntf_" + rand.Text() }
