package sample

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

const (
	// rejectedNumber begins the number of a document that the provider rejects.
	rejectedNumber = "REJECT"
	// lookEvery is how often it looks what there is to decide.
	lookEvery = 250 * time.Millisecond
	// lookTimeout is far above what that takes.
	lookTimeout = 5 * time.Second
)

// Decide decides on every request that has been in KYC for so long, as the provider would, until the context ends. It
// looks at what is stored, so that nothing is lost by a restart.
func Decide(ctx context.Context, db store.Store, after time.Duration, clock func() time.Time, logger *slog.Logger) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if err := decideAll(ctx, db, after, clock, logger); err != nil && ctx.Err() == nil {
			logger.Warn("provider: no decision", "err", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func decideAll(ctx context.Context, db store.Store, after time.Duration, clock func() time.Time, logger *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	waiting, err := db.Undecided(ctx, "", 100)
	if err != nil {
		return err
	}
	for _, s := range waiting {
		if clock().Sub(s.At) < after {
			return nil // the oldest come first
		}
		change, err := store.Review(ctx, db, s.RequestID, decisionOn(s), clock)
		// Somebody else may have decided, or deleted the client.
		if err != nil && !errors.Is(err, enablement.ErrNotInKYC) && !errors.Is(err, enablement.ErrRequestNotFound) && !errors.Is(err, enablement.ErrClientNotFound) {
			return err
		}
		if err == nil {
			logger.Info("provider: decided", "request", s.RequestID, "status", string(change.Request.Status))
		}
	}
	return nil
}

// decisionOn rejects a document whose number says so.
func decisionOn(s enablement.Submitted) enablement.Decision {
	for _, d := range s.Documents {
		if strings.HasPrefix(d.Metadata["number"], rejectedNumber) {
			return enablement.Decision{
				Status: enablement.Rejected, RejectionCode: enablement.RejectedByProvider,
				RejectionDescription: "The provider could not confirm the client's identity.",
			}
		}
	}
	return enablement.Decision{Status: enablement.Enabled}
}
