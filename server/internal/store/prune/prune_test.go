package prune_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/store/prune"
)

// table is one of old rows, each of which takes its time to be removed.
type table struct {
	rows   int64
	each   time.Duration // for a row
	commit time.Duration // for a step
	steps  []prune.Step
	limits []int64
}

func (t *table) step(_ context.Context, limit int64) (prune.Step, error) {
	n := min(limit, t.rows)
	t.rows -= n
	done := prune.Step{Looked: n, Removed: n, Took: time.Duration(n)*t.each + t.commit}
	time.Sleep(done.Took)
	t.steps, t.limits = append(t.steps, done), append(t.limits, limit)
	return done, nil
}

func TestInSteps(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		each, commit time.Duration
		longest      time.Duration // of a step, once it has found its size
	}{
		"quick":            {each: 100 * time.Nanosecond, longest: prune.StepTime},
		"as a laptop":      {each: 10 * time.Microsecond, commit: time.Millisecond, longest: prune.StepTime},
		"as a cold disk":   {each: 150 * time.Microsecond, commit: 5 * time.Millisecond, longest: prune.StepTime + 5*time.Millisecond},
		"as a broken disk": {each: 10 * time.Millisecond, commit: time.Second, longest: 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				all := &table{rows: 100_003, each: test.each, commit: test.commit}
				started := time.Now()
				removed, err := prune.InSteps(t.Context(), all.step)
				require.NoError(t, err)
				require.EqualValues(t, 100_003, removed)
				require.Zero(t, all.rows)
				var busy time.Duration
				for i, step := range all.steps {
					busy += step.Took
					if i > 8 {
						require.LessOrEqual(t, step.Took, test.longest, "step %d of %d rows", i, step.Looked)
					}
				}
				require.GreaterOrEqual(t, time.Since(started), 2*busy-all.steps[len(all.steps)-1].Took, "it rests as long as it works")
			})
		})
	}

	t.Run("none", func(t *testing.T) {
		t.Parallel()
		all := &table{}
		removed, err := prune.InSteps(t.Context(), all.step)
		require.NoError(t, err)
		require.Zero(t, removed)
		require.Len(t, all.steps, 1)
	})

	t.Run("just a step", func(t *testing.T) {
		t.Parallel()
		all := &table{rows: prune.FirstStep}
		removed, err := prune.InSteps(t.Context(), all.step)
		require.NoError(t, err)
		require.EqualValues(t, prune.FirstStep, removed)
		require.Len(t, all.steps, 2, "only a short step is the last")
	})

	t.Run("what stays is looked at", func(t *testing.T) {
		t.Parallel()
		all := &table{rows: 10 * prune.FirstStep}
		removed, err := prune.InSteps(t.Context(), func(ctx context.Context, limit int64) (prune.Step, error) {
			step, err := all.step(ctx, limit)
			step.Removed = 0
			return step, err
		})
		require.NoError(t, err)
		require.Zero(t, removed)
		require.Zero(t, all.rows)
	})

	t.Run("cut", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			all := &table{rows: 1_000_000_000, each: 10 * time.Microsecond}
			started := time.Now()
			removed, err := prune.InSteps(ctx, all.step)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.EqualValues(t, 1_000_000_000-all.rows, removed)
			require.Positive(t, removed)
			require.LessOrEqual(t, time.Since(started), time.Minute+2*prune.StepTime)
		})
	})

	t.Run("failed", func(t *testing.T) {
		t.Parallel()
		all := &table{rows: 1_000_000}
		failure := errors.New("away")
		removed, err := prune.InSteps(t.Context(), func(ctx context.Context, limit int64) (prune.Step, error) {
			if len(all.steps) == 3 {
				return prune.Step{}, failure
			}
			return all.step(ctx, limit)
		})
		require.ErrorIs(t, err, failure)
		require.EqualValues(t, 1_000_000-all.rows, removed, "what was committed counts")
	})
}
