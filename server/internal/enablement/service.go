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
	store Store
	clock func() time.Time
}

// NewService returns a service over a store. clock tells the present moment, like [time.Now].
func NewService(store Store, clock func() time.Time) *Service {
	return &Service{store: store, clock: clock}
}

// Submit evaluates a pending request and returns it as it is afterwards, with the evaluation. The
// errors are those of [Store] and [Decide]; no request comes with one.
func (s *Service) Submit(ctx context.Context, sub Submission) (Request, error) {
	d, err := s.store.Submit(ctx, sub, func(f File) (Decision, error) {
		// The clock is read here, with the file locked, so that decisions on one request carry
		// times in the order they were made.
		return Decide(f, s.clock(), newNotificationID)
	})
	if err != nil {
		return Request{}, err
	}
	return d.Request, nil
}

// newNotificationID returns an id that nobody can guess or meet twice: 130 random bits.
func newNotificationID() string { return "ntf_" + rand.Text() }
