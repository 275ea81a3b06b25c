package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

// processes is how many stores the suite opens on one database where it plays several processes.
const processes = 3

// several opens a fixture with the sample data in it once for each process.
func several(t *testing.T, open Open) []Fixture {
	t.Helper()
	first := withSample(t, open, nil)
	fixtures := []Fixture{first}
	for len(fixtures) < processes {
		next := first
		next.Store = first.Another()
		fixtures = append(fixtures, next)
	}
	return fixtures
}

// outcome is what a submission was answered.
type outcome struct {
	request  enablement.Request
	response string
	err      error
}

// atOnce makes n submissions at the same moment, spread over the processes.
func atOnce(t *testing.T, fixtures []Fixture, n int, submission func(i int) (enablement.Call, time.Time)) []outcome {
	t.Helper()
	outcomes := make([]outcome, n)
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range outcomes {
		done.Go(func() {
			s, at := submission(i)
			start.Wait()
			o := &outcomes[i]
			o.request, o.response, o.err = submitAt(t, fixtures[i%len(fixtures)], s, at)
		})
	}
	start.Done()
	done.Wait()
	return outcomes
}

func exerciseProcesses(t *testing.T, open Open) {
	complete, incomplete := sample.Cases[0], sample.Cases[1]

	t.Run("one request, 1000 submissions", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		succeeded := 0
		for _, o := range atOnce(t, fixtures, 1000, func(int) (enablement.Call, time.Time) {
			return submissionOf(complete), now
		}) {
			if o.err == nil {
				succeeded++
				require.Equal(t, enablement.InKYC, o.request.Status)
				continue
			}
			require.ErrorIs(t, o.err, enablement.ErrNotPending)
		}
		require.Equal(t, 1, succeeded, "one transition, ever")
		require.Equal(t, rows(1, 1, 1), written(fixtures[0]))
	})

	t.Run("one request that stays pending", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		for _, o := range atOnce(t, fixtures, submitters, func(int) (enablement.Call, time.Time) {
			return submissionOf(incomplete), now
		}) {
			require.NoError(t, o.err)
		}
		require.Equal(t, rows(submitters, 0, 0), written(fixtures[0]), "every evaluation is on record")
	})

	t.Run("one key", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		requireOneResponse(t, atOnce(t, fixtures, submitters, func(i int) (enablement.Call, time.Time) {
			return keyed(complete, "k"), now.Add(time.Duration(i) * time.Second)
		}))
		once := map[string]int{"audit": 1, "idempotency": 1, "notifications": 1, "river_job": 1}
		require.Equal(t, once, written(fixtures[0]))
		for _, f := range fixtures {
			_, _, err := submitAt(t, f, keyed(complete, "k"), now)
			require.NoError(t, err, "each process answers it by now")
		}
		require.Equal(t, once, written(fixtures[0]))
	})

	t.Run("one key, two requests", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		cases := []sample.Case{complete, incomplete}
		outcomes := atOnce(t, fixtures, submitters, func(i int) (enablement.Call, time.Time) {
			return keyed(cases[i%len(cases)], "k"), now
		})
		answered := make(map[int]bool)
		for i, o := range outcomes {
			if o.err == nil {
				answered[i%len(cases)] = true
				continue
			}
			require.Condition(t, func() bool { return refusedForKey(o.err) }, "%v", o.err)
		}
		require.Len(t, answered, 1, "the key answers one of them and refuses the other")
		require.Equal(t, 1, fixtures[0].Count("audit"))
		require.Equal(t, 1, fixtures[0].Count("idempotency"))
	})

	t.Run("one request, many keys", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		succeeded := 0
		for _, o := range atOnce(t, fixtures, submitters, func(i int) (enablement.Call, time.Time) {
			return keyed(complete, fmt.Sprint(i)), now
		}) {
			if o.err == nil {
				succeeded++
				continue
			}
			require.ErrorIs(t, o.err, enablement.ErrNotPending)
		}
		require.Equal(t, 1, succeeded)
		require.Equal(t, map[string]int{"audit": 1, "idempotency": 1, "notifications": 1, "river_job": 1}, written(fixtures[0]))
	})

	t.Run("a key whose window is over", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		_, old, err := submitAt(t, fixtures[0], keyed(incomplete, "k"), now)
		require.NoError(t, err)
		fresh := requireOneResponse(t, atOnce(t, fixtures, submitters, func(i int) (enablement.Call, time.Time) {
			return keyed(incomplete, "k"), now.Add(enablement.IdempotencyWindow + time.Duration(i)*time.Second)
		}))
		require.NotEqual(t, old, fresh)
		require.Equal(t, map[string]int{"audit": 2, "idempotency": 1, "notifications": 0, "river_job": 0}, written(fixtures[0]))
	})

	t.Run("pruning meanwhile", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		later := now.Add(enablement.IdempotencyWindow)
		for i := range submitters {
			_, _, err := submitAt(t, fixtures[0], keyed(incomplete, fmt.Sprint(i)), now)
			require.NoError(t, err)
		}
		var pruning sync.WaitGroup
		pruneErrs := make([]error, len(fixtures))
		for i, f := range fixtures {
			pruning.Go(func() { _, pruneErrs[i] = f.PruneIdempotency(t.Context(), now) })
		}
		for _, o := range atOnce(t, fixtures, submitters, func(i int) (enablement.Call, time.Time) {
			return keyed(incomplete, fmt.Sprint(i)), later
		}) {
			require.NoError(t, o.err)
		}
		pruning.Wait()
		for _, err := range pruneErrs {
			require.NoError(t, err)
		}
		require.Equal(t, submitters, fixtures[0].Count("idempotency"), "what was recorded meanwhile is kept")
	})
}

// requireOneResponse fails unless somebody was answered, whoever was answered was answered the same, and
// all others were told to come again. It returns the response.
func requireOneResponse(t *testing.T, outcomes []outcome) string {
	t.Helper()
	responses := make(map[string]bool)
	response := ""
	for _, o := range outcomes {
		if o.err != nil {
			require.ErrorIs(t, o.err, enablement.ErrIdempotencyInProgress)
			continue
		}
		response = o.response
		responses[response] = true
	}
	require.Len(t, responses, 1)
	return response
}
