// Package storetest holds an implementation of [store.Store] to its contract. Every implementation
// runs [Exercise] in its own tests.
package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

// Fixture is an empty, migrated store in a database of its own.
type Fixture struct {
	store.Store
	// Another opens the same database once more, as another process would. It is closed when the test
	// ends.
	Another func() store.Store
	// Count returns the number of rows of a table; the queue's is river_job.
	Count func(table string) int
}

// Open opens a fixture. Where enqueueing is not nil, queueing a delivery fails with it, after the
// job was written.
type Open func(t *testing.T, enqueueing error) Fixture

// Exercise runs the whole contract.
func Exercise(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"Ready":         exerciseReady,
		"Probe":         exerciseProbe,
		"Stats":         exerciseStats,
		"Submit":        exerciseSubmit,
		"Concurrency":   exerciseConcurrency,
		"Idempotency":   exerciseIdempotency,
		"Keys":          exerciseKeys,
		"Import":        exerciseImport,
		"Notifications": exerciseNotifications,
		"Processes":     exerciseProcesses,
		"Isolation":     exerciseIsolation,
		"Clock":         exerciseClock,
		"Racing":        exerciseRacing,
		"Together":      exerciseTogether,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

// now is the moment at which the suite's clock stands.
var now = time.Date(2026, time.April, 16, 9, 20, 0, 123456000, time.UTC)

// withSample opens a fixture with the sample data in it.
func withSample(t *testing.T, open Open, enqueueing error) Fixture {
	t.Helper()
	f := open(t, enqueueing)
	require.NoError(t, f.Import(t.Context(), dataset.Sample(now)))
	return f
}

// submit submits at the moment the suite's clock stands at, and returns the request as it is
// afterwards; the zero Request if the reply was a replay.
func submit(t *testing.T, f Fixture, s enablement.Submission) (enablement.Request, error) {
	t.Helper()
	request, _, err := submitAt(t, f, s, now)
	return request, err
}

// submitAt submits at the given moment and returns the reply, too: the request's status and the
// moment.
func submitAt(t *testing.T, f Fixture, s enablement.Submission, at time.Time) (request enablement.Request, reply string, err error) {
	t.Helper()
	clock := func() time.Time { return at }
	b, err := enablement.NewService(f, clock).Submit(t.Context(), s, func(r enablement.Request) ([]byte, error) {
		request = r
		return fmt.Appendf(nil, "%s at %s", r.Status, at), nil
	})
	return request, string(b), err
}

// submissionOf returns the submission of a sample case by its own company.
func submissionOf(c dataset.Case) enablement.Submission {
	return enablement.Submission{
		CompanyID: dataset.SampleCompany,
		ClientID:  c.ClientID,
		RequestID: c.RequestID,
		KeyID:     "key_test",
		TraceID:   "4bf92f3577b34da6a3ce929d0e0e4736",
	}
}

// current returns the request as it is stored, without changing it.
func current(t *testing.T, f Fixture, c dataset.Case) enablement.Request {
	t.Helper()
	var request enablement.Request
	_, err := f.Submit(t.Context(), submissionOf(c), func(file enablement.File) (enablement.Decision, error) {
		request = file.Request
		return enablement.Decision{}, errLookOnly
	})
	require.ErrorIs(t, err, errLookOnly)
	return request
}

// written is the number of rows in all tables that a submission writes to.
func written(f Fixture) map[string]int {
	counts := make(map[string]int)
	for _, table := range []string{"audit", "idempotency", "notifications", "river_job"} {
		counts[table] = f.Count(table)
	}
	return counts
}

// rows is what written returns where no idempotency key was given.
func rows(audit, notifications, jobs int) map[string]int {
	return map[string]int{"audit": audit, "idempotency": 0, "notifications": notifications, "river_job": jobs}
}

func exerciseReady(t *testing.T, open Open) {
	f := open(t, nil)
	require.NoError(t, f.Ready(t.Context()))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, f.Ready(ended), context.Canceled)
}

func exerciseProbe(t *testing.T, open Open) {
	f := open(t, nil)
	another := f.Another()
	var group sync.WaitGroup
	errs := make([]error, 40)
	for i := range errs {
		group.Go(func() { errs[i] = []store.Store{f, another}[i%2].Probe(t.Context()) })
	}
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Zero(t, f.Count("probes"), "nothing is left")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, f.Probe(ended), context.Canceled)
}

func exerciseStats(t *testing.T, open Open) {
	f := withSample(t, open, nil)
	stats, err := f.QueueStats(t.Context(), time.Now())
	require.NoError(t, err)
	require.Zero(t, stats)
	_, err = submit(t, f, submissionOf(dataset.Cases[0]))
	require.NoError(t, err)
	stats, err = f.QueueStats(t.Context(), time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.InDelta(t, time.Hour.Seconds(), stats.OldestAvailable.Seconds(), 60)
	stats.OldestAvailable = 0
	require.Equal(t, store.QueueStats{Available: 1, Pending: 1}, stats)
	pools := f.Pools()
	require.NotEmpty(t, pools)
	for name, pool := range pools {
		require.NotEmpty(t, name)
		require.Positive(t, pool.MaxOpen)
		require.Equal(t, pool.Open, pool.InUse+pool.Idle)
	}
}
