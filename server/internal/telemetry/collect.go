package telemetry

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cryptomate-go/enablement/server/internal/store"
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func count(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
}

var (
	queueJobs = desc("queue_jobs",
		"Jobs in the queue that are not finished, by state.", "state")
	queueOldest = desc("queue_oldest_available_job_age_seconds",
		"How long the oldest job that waits for a worker has been due; 0 where none waits.")
	notifications = desc("notifications",
		"Notifications that are not delivered, by state.", "state")
)

// queueCollector asks for the queue's figures when it is scraped. Where it gets none it has none to
// show, rather than old ones, and counts that.
type queueCollector struct {
	read   func(context.Context, time.Time) (store.QueueStats, error)
	failed prometheus.Counter
	logger *slog.Logger
}

func newQueueCollector(read func(context.Context, time.Time) (store.QueueStats, error), logger *slog.Logger) *queueCollector {
	return &queueCollector{read: read, logger: logger, failed: prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: namespace, Name: "queue_stats_errors_total", Help: "Scrapes that could not read the queue's figures.",
	})}
}

// Describe implements [prometheus.Collector].
func (c *queueCollector) Describe(descs chan<- *prometheus.Desc) {
	descs <- queueJobs
	descs <- queueOldest
	descs <- notifications
	c.failed.Describe(descs)
}

// Collect implements [prometheus.Collector].
func (c *queueCollector) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), queueTimeout)
	defer cancel()
	stats, err := c.read(ctx, time.Now())
	if err != nil {
		c.failed.Inc()
		c.logger.Warn("the queue's figures could not be read", "err", err)
	}
	c.failed.Collect(metrics)
	if err != nil {
		return
	}
	metrics <- gauge(queueJobs, float64(stats.Available), "available")
	metrics <- gauge(queueJobs, float64(stats.Running), "running")
	metrics <- gauge(queueJobs, float64(stats.Retryable), "retryable")
	metrics <- gauge(queueJobs, float64(stats.Scheduled), "scheduled")
	metrics <- gauge(queueOldest, stats.OldestAvailable.Seconds())
	metrics <- gauge(notifications, float64(stats.Pending), "pending")
	metrics <- gauge(notifications, float64(stats.Dead), "dead")
}

var (
	poolMax = desc("database_connections_max",
		"Size of the pool; 0 is no limit.", "pool")
	poolOpen = desc("database_connections_open",
		"Connections to the database.", "pool")
	poolInUse = desc("database_connections_in_use",
		"Connections that are being used.", "pool")
	poolIdle = desc("database_connections_idle",
		"Connections that wait to be used.", "pool")
	poolWaits = desc("database_connection_waits_total",
		"How often somebody had to wait for a connection.", "pool")
	poolWaited = desc("database_connection_wait_seconds_total",
		"Time spent waiting for a connection.", "pool")
)

// poolCollector reads the figures of pools by their names.
type poolCollector func() map[string]store.PoolStats

// Describe implements [prometheus.Collector].
func (poolCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{poolMax, poolOpen, poolInUse, poolIdle, poolWaits, poolWaited} {
		descs <- d
	}
}

// Collect implements [prometheus.Collector].
func (c poolCollector) Collect(metrics chan<- prometheus.Metric) {
	for name, stats := range c() {
		metrics <- gauge(poolMax, float64(stats.MaxOpen), name)
		metrics <- gauge(poolOpen, float64(stats.Open), name)
		metrics <- gauge(poolInUse, float64(stats.InUse), name)
		metrics <- gauge(poolIdle, float64(stats.Idle), name)
		metrics <- count(poolWaits, float64(stats.WaitCount), name)
		metrics <- count(poolWaited, stats.WaitDuration.Seconds(), name)
	}
}
