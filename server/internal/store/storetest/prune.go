package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store/prune"
)

// together calls f n times, from a few goroutines, and waits.
func together(n int, f func(i int)) {
	const at = 32
	var group sync.WaitGroup
	for start := range at {
		group.Go(func() {
			for i := start; i < n; i += at {
				f(i)
			}
		})
	}
	group.Wait()
}

func exercisePrune(t *testing.T, open Open) {
	// many is more than one step takes, and no multiple of it.
	const many = prune.FirstStep + 7
	old := now.Add(-time.Hour)

	t.Run("jobs", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		kept := 0
		for _, state := range rivertype.JobStates() {
			put(t, f, many, delivers, state, old)
			put(t, f, 2, delivers, state, old.Add(time.Second))
			kept += 2
		}
		pruned, err := f.PruneJobs(t.Context(), old)
		require.NoError(t, err)
		require.EqualValues(t, 3*many, pruned, "cancelled, completed and discarded")
		kept += 5 * many
		require.Equal(t, kept, f.Count("river_job"))
		pruned, err = f.PruneJobs(t.Context(), old)
		require.NoError(t, err)
		require.Zero(t, pruned)
	})

	t.Run("deliveries", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		ids := notify(t, f, 3)
		states := enablement.NotificationStates
		// Those of the pending one come first, more than a step of them, and then between the others.
		together(many, func(int) { record(t, f, ids[0], old.Add(-time.Hour), states[0]) })
		together(2*many, func(i int) {
			record(t, f, ids[i%3], old.Add(-time.Duration(i/10)*time.Microsecond), states[i%3])
		})
		record(t, f, ids[1], old.Add(time.Microsecond), enablement.NotificationDelivered)
		pending := many + (2*many+2)/3
		pruned, err := f.PruneDeliveries(t.Context(), old)
		require.NoError(t, err)
		require.EqualValues(t, 3*many-pending, pruned)
		require.Equal(t, pending+1, f.Count("deliveries"))
		record(t, f, ids[0], now, enablement.NotificationDead)
		pruned, err = f.PruneDeliveries(t.Context(), old)
		require.NoError(t, err)
		require.EqualValues(t, pending, pruned, "it is pending no more")
		require.Equal(t, 2, f.Count("deliveries"))
	})

	t.Run("responses", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		together(many, func(i int) {
			_, _, err := submitAt(t, f, keyed(sample.Cases[1], fmt.Sprint(i)), old.Add(-time.Duration(i/10)*time.Microsecond))
			assert.NoError(t, err)
		})
		_, _, err := submitAt(t, f, keyed(sample.Cases[1], "new"), now)
		require.NoError(t, err)
		pruned, err := f.PruneIdempotency(t.Context(), old)
		require.NoError(t, err)
		require.EqualValues(t, many, pruned)
		require.Equal(t, 1, f.Count("idempotency"))
	})

	t.Run("by several processes", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		put(t, fixtures[0], many, delivers, rivertype.JobStateCompleted, old)
		pruned, errs := make([]int64, len(fixtures)), make([]error, len(fixtures))
		together(len(fixtures), func(i int) { pruned[i], errs[i] = fixtures[i].PruneJobs(t.Context(), old) })
		total := int64(0)
		for i := range fixtures {
			require.NoError(t, errs[i])
			total += pruned[i]
		}
		require.EqualValues(t, many, total, "none is counted twice")
		require.Zero(t, fixtures[0].Count("river_job"))
	})

	t.Run("others come in between", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		const jobs = 10_000
		put(t, f, jobs, delivers, rivertype.JobStateCompleted, old)
		done := make(chan error, 1)
		go func() {
			_, err := f.PruneJobs(t.Context(), old)
			done <- err
		}()
		for submitted := 0; ; submitted++ {
			select {
			case err := <-done:
				require.NoError(t, err)
				require.Greater(t, submitted, 3, "submissions that did not wait for the end")
				return
			default:
				_, err := submit(t, f, submissionOf(sample.Cases[1]))
				require.NoError(t, err)
			}
		}
	})

	// The time of the upkeep may end before all is removed.
	t.Run("cut", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		put(t, f, many, delivers, rivertype.JobStateCompleted, old)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for _, pruning := range []func(context.Context, time.Time) (int64, error){
			f.PruneIdempotency, f.PruneDeliveries, f.PruneJobs, f.PruneDocuments,
		} {
			pruned, err := pruning(ended, now)
			require.ErrorIs(t, err, context.Canceled)
			require.Zero(t, pruned)
		}
		cut, cancelAfter := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		watching.Go(func() {
			defer cancelAfter()
			for f.Count("river_job") == many {
			}
		})
		first, err := f.PruneJobs(cut, now)
		watching.Wait()
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
		}
		// Of a step that is cut, PostgreSQL's answer may be lost, and the server may be at it for a moment more.
		require.LessOrEqual(t, first, int64(many-f.Count("river_job")), "it tells no more than it removed")
		require.Eventually(t, func() bool {
			_, err := f.PruneJobs(t.Context(), now)
			require.NoError(t, err)
			return f.Count("river_job") == 0
		}, time.Minute, 10*time.Millisecond, "the next run goes on")
	})
}
