package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

// What a scrape may cost.
const (
	scrapesAtOnce = 4
	scrapeTimeout = 10 * time.Second
	queueTimeout  = 2 * time.Second
)

// MetricsConfig is what metrics are made of.
type MetricsConfig struct {
	// Version is the service's.
	Version string
	// Writes are the operations that ObserveWrite will be told of.
	Writes []string
	// Queue reads the queue's figures at each scrape, of that moment, and obeys its context. Nil: there are none.
	Queue func(context.Context, time.Time) (store.QueueStats, error)
	// Pools reads the figures of each pool of database connections, by a name for it. Nil: there are none.
	Pools  func() map[string]store.PoolStats
	Logger *slog.Logger
}

// Metrics counts and times what the service does. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	logger   *slog.Logger

	calls         *prometheus.CounterVec
	callDurations *prometheus.HistogramVec
	callsInFlight prometheus.Gauge
	callSeries    seriesCache

	writes      *prometheus.HistogramVec
	evaluations *prometheus.CounterVec
	transitions *prometheus.CounterVec
	rejected    *prometheus.CounterVec
	rejectable  map[item]bool

	deliveries        *prometheus.CounterVec
	requeued          prometheus.Counter
	deliveryDurations prometheus.Histogram
}

// NewMetrics returns metrics on a registry of their own.
func NewMetrics(config MetricsConfig) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		logger:   config.Logger,
		calls: counters("http_requests_total",
			"Calls, by the status and the error code of the response; status 0 is a call that was aborted.",
			"route", "method", "status", "code"),
		callDurations: histograms("http_request_duration_seconds",
			"Time from a call's arrival until its response was ready to leave.",
			[]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, "route", "method"),
		callsInFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "http_requests_in_flight", Help: "Calls that wait for their response.",
		}),
		writes: histograms("write_duration_seconds",
			"Time a write took at the database, waiting for its turn and the commit included.",
			[]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, "operation", "outcome"),
		evaluations: counters("evaluations_total",
			"Evaluations that were committed, by whether nothing was left missing.", "product", "result"),
		transitions: counters("transitions_total",
			"Changes of a request's status.", "product", "from", "to"),
		rejected: counters("rejected_items_total",
			"Stored items that an evaluation did not accept.", "type", "key"),
		deliveries: counters("deliveries_total",
			"Attempts to deliver a notification: delivered, failed and to be tried again, or the last one failed.", "result"),
		requeued: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "notifications_requeued_total",
			Help: "Pending notifications that had no job any more and were queued again.",
		}),
		deliveryDurations: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "delivery_duration_seconds", Help: "Time an attempt to deliver a notification took.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 25},
		}),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(config.Version),
		m.calls, m.callDurations, m.callsInFlight,
		m.writes, m.evaluations, m.transitions, m.rejected,
		m.deliveries, m.requeued, m.deliveryDurations,
	)
	if config.Queue != nil {
		m.registry.MustRegister(newQueueCollector(config.Queue, config.Logger))
	}
	if config.Pools != nil {
		m.registry.MustRegister(poolCollector(config.Pools))
	}
	m.prepare(config.Writes)
	return m
}

const namespace = "enablement"

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: name, Help: help, Buckets: buckets,
	}, labels)
}

func buildInfo(version string) prometheus.Collector {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "What runs here; always 1.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	info.Set(1)
	return info
}

// prepare makes the series that are bound to come, so that their first event is seen as a rise.
func (m *Metrics) prepare(writes []string) {
	m.rejectable = make(map[item]bool)
	for _, product := range []enablement.Product{enablement.CardsIndividuals, enablement.RampsCards, enablement.RampsPix} {
		for _, result := range []string{complete, incomplete} {
			m.evaluations.WithLabelValues(string(product), result)
		}
		m.transitions.WithLabelValues(string(product), none, string(enablement.PendingDocumentation))
		m.transitions.WithLabelValues(string(product), string(enablement.Requested), string(enablement.PendingDocumentation))
		m.transitions.WithLabelValues(string(product), string(enablement.Requested), string(enablement.InKYC))
		m.transitions.WithLabelValues(string(product), string(enablement.PendingDocumentation), string(enablement.InKYC))
		for _, i := range itemsOf(product) {
			m.rejectable[i] = true
			m.rejected.WithLabelValues(string(i.kind), i.key)
		}
	}
	for _, operation := range writes {
		for _, outcome := range []string{committed, replayed, refused, failed} {
			m.writes.WithLabelValues(operation, outcome)
		}
	}
	for _, result := range []string{delivered, failed, dead} {
		m.deliveries.WithLabelValues(result)
	}
}

// Handler serves the metrics to a scraper.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:            scrapeLog{m.logger},
		ErrorHandling:       promhttp.ContinueOnError,
		Registry:            m.registry,
		MaxRequestsInFlight: scrapesAtOnce,
		Timeout:             scrapeTimeout,
	})
}

type scrapeLog struct{ logger *slog.Logger }

// Println implements [promhttp.Logger].
func (l scrapeLog) Println(what ...any) {
	l.logger.Warn("metrics could not be served in full", "err", fmt.Sprint(what...))
}

// ObserveCall is for [server.WithObserver].
func (m *Metrics) ObserveCall(_ context.Context, call server.Call) {
	route := call.Route
	if route == "" {
		route = "none"
	}
	took := call.Duration.Seconds()
	call.Duration = 0
	series, known := m.callSeries.get(call)
	if !known {
		series = callSeries{
			count:     m.calls.WithLabelValues(route, call.Method, strconv.Itoa(call.Status), string(call.Code)),
			durations: m.callDurations.WithLabelValues(route, call.Method),
		}
		m.callSeries.put(call, series)
	}
	series.count.Inc()
	series.durations.Observe(took)
}

// callSeries is what calls that look alike count as.
type callSeries struct {
	count     prometheus.Counter
	durations prometheus.Observer
}

// seriesCache finds series by a call without its duration, faster than by their labels.
type seriesCache struct {
	mutex sync.RWMutex
	known map[server.Call]callSeries
}

func (c *seriesCache) get(call server.Call) (callSeries, bool) {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	series, known := c.known[call]
	return series, known
}

func (c *seriesCache) put(call server.Call, series callSeries) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.known == nil {
		c.known = make(map[server.Call]callSeries)
	}
	c.known[call] = series
}

// InFlight counts the calls that are on their way through next.
func (m *Metrics) InFlight(next http.Handler) http.Handler {
	return promhttp.InstrumentHandlerInFlight(m.callsInFlight, next)
}
