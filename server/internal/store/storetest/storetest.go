// Package storetest tests implementations of [store.Store]. Every implementation runs [Exercise] in its own tests.
package storetest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
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
	// Exec runs statements, separated by semicolons.
	Exec func(statements string)
	// Jobs is the queue's own way to its jobs.
	Jobs riverdriver.Executor
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
		"Prune":         exercisePrune,
		"Pages":         exercisePages,
		"Submit":        exerciseSubmit,
		"Clients":       exerciseClients,
		"Products":      exerciseProducts,
		"Documents":     exerciseDocuments,
		"Reviews":       exerciseReviews,
		"Delete":        exerciseDelete,
		"Changes":       exerciseChanges,
		"Concurrency":   exerciseConcurrency,
		"Idempotency":   exerciseIdempotency,
		"Keys":          exerciseKeys,
		"Import":        exerciseImport,
		"Reset":         exerciseReset,
		"Notifications": exerciseNotifications,
		"Stranded":      exerciseStranded,
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
	require.NoError(t, f.Import(t.Context(), sample.Data(now)))
	return f
}

// submit submits at the moment the suite's clock stands at, and returns the request as it is
// afterwards; the zero Request if the response was a replay.
func submit(t *testing.T, f Fixture, s enablement.Call) (enablement.Request, error) {
	t.Helper()
	request, _, err := submitAt(t, f, s, now)
	return request, err
}

// submitAt submits at the given moment and returns the response, too: the request's status and the
// moment.
func submitAt(t *testing.T, f Fixture, c enablement.Call, at time.Time) (request enablement.Request, response string, err error) {
	t.Helper()
	change, err := Submit(t.Context(), f, c, at)
	return change.Request, string(change.Response), err
}

// Submit submits at the given moment as the service does. The response is the request's status and the moment.
func Submit(ctx context.Context, s enablement.Store, c enablement.Call, at time.Time) (enablement.Change, error) {
	return s.Submit(ctx, windowed(c, at), func(file enablement.File) (enablement.Change, error) {
		change, err := enablement.Submit(file, at, enablement.NewNotificationID)
		change.Response = fmt.Appendf(nil, "%s at %s", change.Request.Status, at)
		return change, err
	})
}

// windowed begins the window of the call's key.
func windowed(c enablement.Call, at time.Time) enablement.Call {
	if c.Idempotency != nil {
		key := *c.Idempotency
		key.Since = at.Add(-enablement.IdempotencyWindow)
		c.Idempotency = &key
	}
	return c
}

// Keyed returns the call under an idempotency key.
func Keyed(c enablement.Call, key string) enablement.Call {
	c.Idempotency = &enablement.Idempotency{
		ID:          sha256.Sum256([]byte(c.CompanyID + " " + key)),
		Fingerprint: sha256.Sum256([]byte(c.ClientID + " " + c.RequestID)),
	}
	return c
}

// notify has the provider to be told of n more requests, each a second after the one before, and returns the ids of the
// notifications in that order.
func notify(t *testing.T, f Fixture, n int) []string {
	t.Helper()
	return notifyAt(t, f, n, func(i int) time.Time { return now.Add(time.Duration(i) * time.Second) })
}

// notifyAt is notify at moments of its own.
func notifyAt(t *testing.T, f Fixture, n int, at func(i int) time.Time) []string {
	t.Helper()
	complete := sample.Cases[0]
	data := &dataset.Dataset{At: now}
	for i := range n {
		data.Requests = append(data.Requests, dataset.Request{
			ID: fmt.Sprintf("%s-%d", complete.RequestID, i), ClientID: complete.ClientID,
			Product: enablement.CardsIndividuals, Status: enablement.Requested,
		})
	}
	require.NoError(t, f.Import(t.Context(), data))
	ids := make([]string, n)
	for i, request := range data.Requests {
		s := submissionOf(complete)
		s.RequestID = request.ID
		_, _, err := submitAt(t, f, s, at(i))
		require.NoError(t, err)
		h, err := f.History(t.Context(), request.ID)
		require.NoError(t, err)
		ids[i] = h.NotificationID
	}
	return ids
}

// record adds an attempt to the ledger.
func record(t *testing.T, f Fixture, id string, at time.Time, state enablement.NotificationState) {
	t.Helper()
	assert.NoError(t, f.RecordDelivery(t.Context(), enablement.Delivery{
		NotificationID: id, StartedAt: at, StatusCode: 500, Fault: "answered 500", Process: "test", State: state,
	}))
}

// submissionOf returns the submission of a sample case by its own company.
func submissionOf(c sample.Case) enablement.Call {
	return enablement.Call{
		Operation: "submitProduct",
		CompanyID: sample.Company,
		ClientID:  c.ClientID,
		RequestID: c.RequestID,
		KeyID:     "key_test",
		TraceID:   "4bf92f3577b34da6a3ce929d0e0e4736",
	}
}

// current returns the request as it is stored, without changing it.
func current(t *testing.T, f Fixture, c sample.Case) enablement.Request {
	t.Helper()
	var request enablement.Request
	_, err := f.Submit(t.Context(), submissionOf(c), func(file enablement.File) (enablement.Change, error) {
		request = file.Request
		return enablement.Change{}, errLookOnly
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

// unshared is written, with a job for each notification: those that come together may share one.
func unshared(f Fixture) map[string]int {
	counts := written(f)
	counts["river_job"] = counts["notifications"]
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
