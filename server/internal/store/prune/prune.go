// Package prune removes very many rows in steps, so that nobody waits long for the database meanwhile.
package prune

import (
	"context"
	"time"
)

const (
	// StepTime is what a step should take at most. Submissions on SQLite wait so long at worst.
	StepTime = 20 * time.Millisecond
	// FirstStep is how many rows the first step looks at. The steps after it look at more where there was time left,
	// and at fewer where there was not.
	FirstStep = 500
	leastStep = 100
	mostStep  = 5000
)

// Step is what became of a step.
type Step struct {
	// Looked is how many old rows it looked at; Removed is how many of them it removed and committed.
	Looked, Removed int64
	// Took is the time it kept the database busy, without the wait for its turn.
	Took time.Duration
}

// InSteps calls step until it looks at fewer rows than it may, and tells how many were removed, which may be some of
// them where there is an error: a step that is cut may have removed rows that it does not tell of. It rests after each step for as long as the step took, so that the database is there
// for others at least half of the time. It ends between two steps when the context does: the next call goes on.
func InSteps(ctx context.Context, step func(ctx context.Context, limit int64) (Step, error)) (removed int64, err error) {
	for limit := int64(FirstStep); ; {
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		done, err := step(ctx, limit)
		removed += done.Removed
		if err != nil || done.Looked < limit {
			return removed, err
		}
		switch {
		case done.Took > StepTime:
			limit = max(limit/2, leastStep)
		case done.Took < StepTime/2:
			limit = min(limit*2, mostStep)
		}
		rest(ctx, done)
	}
}

// rest leaves the database to others for as long as the step took.
func rest(ctx context.Context, done Step) {
	select {
	case <-time.After(done.Took):
	case <-ctx.Done():
	}
}
