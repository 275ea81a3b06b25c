package store

import (
	"context"
	"fmt"
	"time"
)

// AnswerTimeout is how long a database may take for each of its first answers, and for each sign of life while it
// migrates.
const AnswerTimeout = 30 * time.Second

// InTime runs f, which waits for the database, for at most [AnswerTimeout].
func InTime(ctx context.Context, f func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, AnswerTimeout)
	defer cancel()
	err := f(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: no answer within %s (%w)", ErrUnavailable, AnswerTimeout, err)
	}
	return err
}
