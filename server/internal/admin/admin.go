// Package admin is the listener for operators: health, readiness, metrics, the queue's web interface and, if
// switched on, profiles.
//
// It has no login. It listens on loopback by default, and refuses requests that a page of another origin could
// make an operator's browser send. Errors have the API's form, except those that the queue's web interface shows in
// its own form.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/wire"
)

// checkTimeout bounds one check of readiness.
const checkTimeout = 2 * time.Second

// Check is one thing the service can't do without. Its error goes to the log; what is shown is
// that it failed.
type Check struct {
	Name string
	Run  func(ctx context.Context) error
}

// Config is what the handler shows from the first moment on.
type Config struct {
	// Profiles turns /debug/pprof/ on.
	Profiles bool
	// Loopback tells that the listener is on loopback: it is then called as localhost or by a loopback
	// address only, elsewhere by any IP address.
	Loopback bool
	Logger   *slog.Logger
}

// Parts are what there is to show of a service that has started.
type Parts struct {
	Checks  []Check
	Metrics http.Handler
	// Queue is served below /riverui/, and must expect that prefix. Stats says what there is to see of it first.
	Queue http.Handler
	Stats func(ctx context.Context, now time.Time) (store.QueueStats, error)
	// Sample is served below /sample/; nil where there is none.
	Sample http.Handler
}

// Handler serves the operators' pages.
type Handler struct {
	config   Config
	handler  http.Handler
	parts    atomic.Pointer[Parts] // nil: it is starting
	draining atomic.Bool
}

// New returns the operators' pages of a service that is starting: it runs, and is not ready.
func New(config Config) *Handler {
	h := &Handler{config: config}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", h.health)
	mux.HandleFunc("GET /readyz", h.ready)
	mux.Handle("GET /metrics", h.part(func(p *Parts) http.Handler { return p.Metrics }))
	mux.Handle("/riverui/", h.part(func(p *Parts) http.Handler { return p.Queue }))
	mux.Handle("GET /riverui/{$}", h.part(func(p *Parts) http.Handler { return firstJobs(p.Stats) }))
	mux.Handle("/sample/", h.part(func(p *Parts) http.Handler { return p.Sample }))
	mux.Handle("GET /{$}", http.RedirectHandler("/riverui/", http.StatusFound))
	if config.Profiles {
		// Without cmdline, which shows the secrets among the flags.
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	h.handler = wire.Errors(http.NewCrossOriginProtection().Handler(mux), config.Logger)
	if config.Loopback {
		h.handler = wire.LoopbackOnly(h.handler, config.Logger)
	} else {
		h.handler = wire.ByAddress(h.handler, config.Logger)
	}
	return h
}

// firstJobs sends on to the list of the queue's jobs that tells most: those that fail, or else those that are done. By
// itself the view begins with the few that are running at the moment.
func firstJobs(stats func(context.Context, time.Time) (store.QueueStats, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
		defer cancel()
		state := "completed"
		if seen, err := stats(ctx, time.Now()); err == nil && seen.Retryable > 0 {
			state = "retryable"
		}
		http.Redirect(w, r, "/riverui/jobs?state="+state, http.StatusFound)
	})
}

// Started shows the parts of a service that has started.
func (h *Handler) Started(parts Parts) { h.parts.Store(&parts) }

// part serves one of the parts once there are any; one that there is not is a 404.
func (h *Handler) part(of func(*Parts) http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := h.parts.Load()
		if parts == nil {
			answer(w, http.StatusServiceUnavailable, report{Status: starting})
			return
		}
		handler := of(parts)
		if handler == nil {
			handler = http.NotFoundHandler()
		}
		handler.ServeHTTP(w, r)
	})
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("X-Frame-Options", "DENY")
	w.Header().Set("Referrer-Policy", "no-referrer")
	if wire.EndUnclear(r, true) {
		w.Header().Set("Connection", "close")
	}
	h.handler.ServeHTTP(w, r)
}

// Drain makes the service not ready from now on: whoever sends it calls should stop to.
func (h *Handler) Drain() { h.draining.Store(true) }

// health tells that the process runs, and nothing more: a database that is away is no reason to
// restart it.
func (h *Handler) health(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, report{Status: "ok"})
}

// report is what health and ready answer.
type report struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks,omitempty"`
}

// starting is the status before there is anything to check.
const starting = "starting"

// ready tells whether calls should be sent here.
func (h *Handler) ready(w http.ResponseWriter, r *http.Request) {
	parts := h.parts.Load()
	switch {
	case h.draining.Load():
		answer(w, http.StatusServiceUnavailable, report{Status: "draining"})
	case parts == nil:
		answer(w, http.StatusServiceUnavailable, report{Status: starting})
	default:
		result, status := h.check(r.Context(), parts.Checks)
		answer(w, status, result)
	}
}

// check runs all checks at once, so that whoever asks waits for the slowest only.
func (h *Handler) check(ctx context.Context, checks []Check) (report, int) {
	errs := make([]error, len(checks))
	var running sync.WaitGroup
	for i, check := range checks {
		running.Go(func() { errs[i] = h.run(ctx, check) })
	}
	running.Wait()
	result, status := report{Status: "ready", Checks: make(map[string]string, len(checks))}, http.StatusOK
	for i, check := range checks {
		result.Checks[check.Name] = "ok"
		if errs[i] != nil {
			result.Checks[check.Name] = "failed"
			result.Status, status = "not ready", http.StatusServiceUnavailable
		}
	}
	return result, status
}

func (h *Handler) run(ctx context.Context, check Check) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err := check.Run(ctx)
	if err != nil && !errors.Is(err, context.Canceled) {
		h.config.Logger.Warn("not ready", "check", check.Name, "err", err)
	}
	return err
}

func answer(w http.ResponseWriter, status int, result report) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(result) // whoever asked is gone
}
