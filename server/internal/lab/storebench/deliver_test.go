package storebench

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/lab/process"
)

// waiting is how many notifications, or empty jobs, wait when a queue of BenchmarkDeliver is started.
const waiting = 5000

// BenchmarkDeliver measures how many notifications a second one process hands over to a provider on the
// same machine, beside the same queue with jobs that do nothing, in turns.
func BenchmarkDeliver(b *testing.B) {
	for name, open := range engines {
		b.Run(name, func(b *testing.B) {
			ours, theirs := open(b), open(b)
			ours.fill(b, b.N*waiting, 1)
			// PostgreSQL never looks at an empty table by itself. Had it seen the ledger empty, it would read all of it
			// for each notification until it looks again, which is within a minute.
			ours.settle(b, "clients", "documents", "requests")
			provider := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			b.Cleanup(provider.Close)
			sender, err := delivery.NewSender(provider.URL, []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, true, time.Now)
			require.NoError(b, err)
			b.Cleanup(sender.Close)
			var deliveries, empties, ratios []float64
			for round := range b.N {
				ours.submitAll(b, round*waiting, waiting)
				d := rate(b, func(done func()) working {
					return ours.deliveries(b, delivery.Config{
						Ledger: ours, Pruner: ours, Sender: sender, Schedule: delivery.DefaultSchedule,
						KeepJobs: time.Hour, KeepDeliveries: time.Hour, Process: "bench", Clock: time.Now,
						Logger: slog.New(slog.DiscardHandler),
						Observe: func(d enablement.Delivery) {
							if d.State == enablement.NotificationDelivered {
								done()
							}
						},
					})
				})
				e := rate(b, func(done func()) working { return theirs.empties(b, waiting, done) })
				deliveries, empties, ratios = append(deliveries, d), append(empties, e), append(ratios, d/e)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(process.Median(deliveries), "deliveries/s")
			b.ReportMetric(process.Median(empties), "empty-jobs/s")
			b.ReportMetric(process.Median(ratios), "ratio")
		})
	}
}

// rate starts a queue and returns how many of the jobs that wait it does in a second.
func rate(b *testing.B, open func(done func()) working) float64 {
	b.Helper()
	var left sync.WaitGroup
	left.Add(waiting)
	queue := open(left.Done)
	started := time.Now()
	require.NoError(b, queue.Start(b.Context()))
	left.Wait()
	took := time.Since(started)
	stopping, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	require.NoError(b, queue.Stop(stopping))
	return waiting / took.Seconds()
}

// submitAll submits n requests from the one on that fill numbered first.
func (db database) submitAll(t testing.TB, first, n int) {
	t.Helper()
	var group sync.WaitGroup
	const at = 16
	for start := range at {
		group.Go(func() {
			for i := first + start; i < first+n; i += at {
				db.submit(t, i)
			}
		})
	}
	group.Wait()
}

func deliveriesOn[TTx any](driver riverdriver.Driver[TTx]) func(testing.TB, delivery.Config) working {
	return func(t testing.TB, config delivery.Config) working {
		t.Helper()
		queue, err := delivery.NewQueue(driver, config)
		require.NoError(t, err)
		return queue
	}
}

// empty is a job that does nothing.
type empty struct{}

// Kind implements [river.JobArgs].
func (empty) Kind() string { return "empty" }

type idler struct {
	river.WorkerDefaults[empty]
	done func()
}

// Work implements [river.Worker].
func (w *idler) Work(context.Context, *river.Job[empty]) error {
	w.done()
	return nil
}

// emptiesOn sets the queue as package delivery does.
func emptiesOn[TTx any](driver riverdriver.Driver[TTx]) func(testing.TB, int, func()) working {
	return func(t testing.TB, jobs int, done func()) working {
		t.Helper()
		workers := river.NewWorkers()
		river.AddWorker(workers, &idler{done: done})
		client, err := river.NewClient(driver, &river.Config{
			FetchPollInterval: 100 * time.Millisecond,
			FetchCooldown:     20 * time.Millisecond,
			Logger:            slog.New(slog.DiscardHandler),
			Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 100}},
			Workers:           workers,
		})
		require.NoError(t, err)
		params := make([]river.InsertManyParams, jobs)
		for i := range params {
			params[i].Args = empty{}
		}
		for chunk := range slices.Chunk(params, 500) {
			_, err = client.InsertMany(t.Context(), chunk)
			require.NoError(t, err)
		}
		return client
	}
}
