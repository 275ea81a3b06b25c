package servertest

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// share is how long a server waits between two looks for work, for every server there is: ten of them
// look ten times a second each, which is what the queue does by itself, and more of them less often.
// Without it 200 are more than two cores bear with the race detector.
const share = 10 * time.Millisecond

// alive counts the servers of this process.
var alive atomic.Int64

// polling is River's driver, made for many queues in one process.
type polling struct{ *riversqlite.Driver }

// SupportsListener keeps River from polling for notices beside its polling for work. Its notifier also
// hangs for good, and Start and Stop with it, where it was kept waiting for five seconds: v0.49.0's
// Notifier.sendInterruptAndReceiveResult then leaves a channel that the notifier's loop sends to.
func (polling) SupportsListener() bool { return false }

// GetExecutor returns what a queue asks for work.
func (p polling) GetExecutor() riverdriver.Executor {
	return &executor{Executor: p.Driver.GetExecutor()}
}

type executor struct {
	riverdriver.Executor
	next atomic.Int64 // when it looks again, in nanoseconds since 1970
}

// JobGetAvailable looks for work, if it is this server's turn.
func (e *executor) JobGetAvailable(ctx context.Context, params *riverdriver.JobGetAvailableParams) (*riverdriver.JobGetAvailableResult, error) {
	now := time.Now().UnixNano()
	if now < e.next.Load() {
		return &riverdriver.JobGetAvailableResult{}, nil
	}
	e.next.Store(now + alive.Load()*share.Nanoseconds())
	return e.Executor.JobGetAvailable(ctx, params)
}
