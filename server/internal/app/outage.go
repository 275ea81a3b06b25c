package app

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// awayEvery is how often a database that is away is told of.
	awayEvery = time.Minute
	// lateFor is how long after the end of an outage something may still fail that was begun in it.
	lateFor = 30 * time.Second
	// heldAtMost is far above what is logged during a probe.
	heldAtMost = 256
)

// outages keep the log readable while the database is away. All that works in the background then fails several times
// a second, with one and the same cause. Instead, a line says when the database goes, one a minute that it is away,
// and one when it is back. What fails meanwhile is logged at the debug level.
type outages struct {
	probe  func(context.Context) error
	logger *slog.Logger
	held   chan heldRecord

	mu      sync.Mutex
	watched bool
}

// heldRecord waits until it is known whether the database is away.
type heldRecord struct {
	handler slog.Handler
	record  slog.Record
}

func newOutages(probe func(context.Context) error, logger *slog.Logger) *outages {
	return &outages{probe: probe, logger: logger, held: make(chan heldRecord, heldAtMost)}
}

// background returns the logger for what works in the background: its warnings and errors may be those of an outage.
func (o *outages) background() *slog.Logger { return slog.New(outageHandler{o.logger.Handler(), o}) }

type outageHandler struct {
	slog.Handler
	outages *outages
}

// Handle implements [slog.Handler].
func (h outageHandler) Handle(ctx context.Context, record slog.Record) error {
	if record.Level >= slog.LevelWarn && h.outages.hold(heldRecord{h.Handler, record.Clone()}) {
		return nil
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (h outageHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return outageHandler{h.Handler.WithAttrs(attributes), h.outages}
}

// WithGroup implements [slog.Handler].
func (h outageHandler) WithGroup(name string) slog.Handler {
	return outageHandler{h.Handler.WithGroup(name), h.outages}
}

// hold takes a record, unless nobody would come for it.
func (o *outages) hold(r heldRecord) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.watched {
		return false
	}
	select {
	case o.held <- r:
		return true
	default:
		return false
	}
}

// run watches until the context ends. The database is looked at only when something has failed.
func (o *outages) run(ctx context.Context) {
	var since, lateUntil time.Time // since is zero while the database is there
	var fault error
	look, tell := new(time.Ticker), new(time.Ticker) // which never tick
	o.watch(true)
	defer func() {
		o.watch(false)
		o.release(ctx, !since.IsZero())
	}()
	for {
		select {
		case r := <-o.held:
			if since.IsZero() {
				if fault = probeOnce(ctx, o.probe); fault != nil && ctx.Err() == nil {
					since, look, tell = time.Now(), time.NewTicker(probeEvery), time.NewTicker(awayEvery)
					o.logger.Error("the database is unavailable: calls are answered with 503 and deliveries wait until it is back", "err", fault)
				}
			}
			outage := !since.IsZero() || fault == nil && time.Now().Before(lateUntil)
			r.log(ctx, outage)
			o.release(ctx, outage) // one look for all that failed before it
		case <-tell.C:
			o.logger.Error("the database is still unavailable", "away", time.Since(since).Round(time.Second), "err", fault)
		case <-look.C:
			if fault = probeOnce(ctx, o.probe); fault != nil {
				continue
			}
			o.release(ctx, true)
			o.logger.Warn("the database is back", "away", time.Since(since).Round(time.Millisecond))
			look.Stop()
			tell.Stop()
			since, lateUntil = time.Time{}, time.Now().Add(lateFor)
		case <-ctx.Done():
			return
		}
	}
}

func (o *outages) watch(on bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.watched = on
}

// release lets all records go that are held.
func (o *outages) release(ctx context.Context, outage bool) {
	for {
		select {
		case r := <-o.held:
			r.log(ctx, outage)
		default:
			return
		}
	}
}

// log writes the record, at the debug level if it is an outage's.
func (r heldRecord) log(ctx context.Context, outage bool) {
	if outage {
		r.record.Level = slog.LevelDebug
	}
	if r.handler.Enabled(ctx, r.record.Level) {
		_ = r.handler.Handle(ctx, r.record) // nobody could be told
	}
}
