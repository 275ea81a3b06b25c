package sample

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/wire"
)

// ResetPath takes the POST that brings the sample back to its beginning.
const ResetPath = "/sample/reset"

// resetTimeout is far above what a few requests take.
const resetTimeout = 5 * time.Second

// Reset makes the sample's requests, clients and documents what they were at the start. Its keys stay as they are.
func Reset(ctx context.Context, store Store) error {
	data := Data(time.Now())
	data.Keys = nil
	return store.Reset(ctx, data)
}

// WithReset puts [ResetPath] before a handler. It asks for no key, so that a page of another place must not be able
// to call it from a visitor's browser; who calls by other means says nothing of where from.
func WithReset(next http.Handler, store Store, logger *slog.Logger) http.Handler {
	reset := wire.Errors(http.NewCrossOriginProtection().Handler(resetter{store, logger}), logger)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.EscapedPath() != ResetPath {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if wire.EndUnclear(r, false) {
			w.Header().Set("Connection", "close")
		}
		reset.ServeHTTP(w, r)
	})
}

type resetter struct {
	store  Store
	logger *slog.Logger
}

// ServeHTTP implements [http.Handler].
func (h resetter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "The reset takes POST only", http.StatusMethodNotAllowed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), resetTimeout)
	defer cancel()
	err := Reset(ctx, h.store)
	switch {
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		h.logger.WarnContext(ctx, "the sample was not reset", "err", err)
		w.Header().Set("Retry-After", "1")
		http.Error(w, "The service is temporarily unavailable", http.StatusServiceUnavailable)
	case err != nil:
		h.logger.ErrorContext(ctx, "the sample was not reset", "err", err)
		http.Error(w, "Internal server error", http.StatusInternalServerError)
	default:
		h.logger.InfoContext(ctx, "the sample is as it was at the start")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = io.WriteString(w, "The sample is as it was at the start.\n") // whoever asked is gone
	}
}
