package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

// keyed returns the submission of a sample case under an idempotency key.
func keyed(c sample.Case, key string) enablement.Call { return Keyed(submissionOf(c), key) }

func exerciseIdempotency(t *testing.T, open Open) {
	complete, incomplete := sample.Cases[0], sample.Cases[1]

	t.Run("replay", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		_, first, err := submitAt(t, f, keyed(complete, "k"), now)
		require.NoError(t, err)
		after := written(f)
		require.Equal(t, map[string]int{"audit": 1, "idempotency": 1, "notifications": 1, "river_job": 1}, after)
		request, again, err := submitAt(t, f, keyed(complete, "k"), now.Add(time.Hour))
		require.NoError(t, err)
		require.Equal(t, first, again, "the same bytes")
		require.Zero(t, request, "nothing was decided")
		require.Equal(t, after, written(f), "a replay writes nothing")
	})

	t.Run("replay of what was incomplete", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		_, first, err := submitAt(t, f, keyed(incomplete, "k"), now)
		require.NoError(t, err)
		_, again, err := submitAt(t, f, keyed(incomplete, "k"), now.Add(time.Hour))
		require.NoError(t, err)
		require.Equal(t, first, again)
		_, other, err := submitAt(t, f, keyed(incomplete, "another"), now.Add(time.Hour))
		require.NoError(t, err)
		require.NotEqual(t, first, other, "another key is another submission")
	})

	t.Run("mismatch", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		_, err := submit(t, f, keyed(complete, "k"))
		require.NoError(t, err)
		after := written(f)
		_, err = submit(t, f, keyed(incomplete, "k"))
		require.ErrorIs(t, err, enablement.ErrIdempotencyMismatch)
		require.Equal(t, after, written(f))
	})

	t.Run("companies don't meet", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		_, err := submit(t, f, keyed(complete, "k"))
		require.NoError(t, err)
		other := submissionOf(complete)
		other.CompanyID = sample.OtherCompany
		_, err = submit(t, f, Keyed(other, "k"))
		require.ErrorIs(t, err, enablement.ErrClientNotFound, "no replay, no mismatch")
	})

	t.Run("a refusal is not recorded", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		unknown := keyed(sample.Case{ClientID: "nobody", RequestID: "nothing"}, "k")
		_, err := submit(t, f, unknown)
		require.ErrorIs(t, err, enablement.ErrClientNotFound)
		require.Equal(t, rows(0, 0, 0), written(f))
		_, err = submit(t, f, keyed(complete, "k"))
		require.NoError(t, err, "the key is still free")
	})

	t.Run("nothing is recorded without the transition", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, errEnqueue)
		_, err := submit(t, f, keyed(complete, "k"))
		require.ErrorIs(t, err, errEnqueue)
		require.Equal(t, rows(0, 0, 0), written(f))
	})

	t.Run("window", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		_, first, err := submitAt(t, f, keyed(incomplete, "k"), now)
		require.NoError(t, err)
		_, again, err := submitAt(t, f, keyed(incomplete, "k"), now.Add(enablement.IdempotencyWindow-time.Microsecond))
		require.NoError(t, err)
		require.Equal(t, first, again)
		_, anew, err := submitAt(t, f, keyed(incomplete, "k"), now.Add(enablement.IdempotencyWindow))
		require.NoError(t, err)
		require.NotEqual(t, first, anew, "the window is over")
		_, again, err = submitAt(t, f, keyed(incomplete, "k"), now.Add(enablement.IdempotencyWindow+time.Hour))
		require.NoError(t, err)
		require.Equal(t, anew, again, "and a new one began")
		require.Equal(t, 1, f.Count("idempotency"))
	})

	t.Run("prune", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		_, _, err := submitAt(t, f, keyed(incomplete, "old"), now)
		require.NoError(t, err)
		_, _, err = submitAt(t, f, keyed(incomplete, "new"), now.Add(time.Hour))
		require.NoError(t, err)
		pruned, err := f.PruneIdempotency(t.Context(), now)
		require.NoError(t, err)
		require.EqualValues(t, 1, pruned)
		require.Equal(t, 1, f.Count("idempotency"))
	})

	t.Run("many at once", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		responses := make([]string, submitters)
		errs := make([]error, submitters)
		var group sync.WaitGroup
		for i := range submitters {
			group.Go(func() {
				_, responses[i], errs[i] = submitAt(t, f, keyed(complete, "k"), now.Add(time.Duration(i)*time.Second))
			})
		}
		group.Wait()
		distinct := make(map[string]bool)
		for i, err := range errs {
			if err != nil {
				require.ErrorIs(t, err, enablement.ErrIdempotencyInProgress)
				continue
			}
			distinct[responses[i]] = true
		}
		require.Len(t, distinct, 1, "whoever is answered, is answered the same")
		require.Equal(t, map[string]int{"audit": 1, "idempotency": 1, "notifications": 1, "river_job": 1}, written(f))
	})
}
