package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/store"
)

// QueueStats implements [store.Store]. It counts deliveries that are not finished, which are few.
func (s *Store) QueueStats(ctx context.Context, now time.Time) (stats store.QueueStats, err error) {
	defer func() { err = classify(err) }()
	if err := s.reading.QueryRowContext(ctx, `
		SELECT (SELECT count(*) FROM river_job WHERE kind = 'notification_deliver' AND state = 'available'),
		       (SELECT count(*) FROM river_job WHERE kind = 'notification_deliver' AND state = 'running'),
		       (SELECT count(*) FROM river_job WHERE kind = 'notification_deliver' AND state = 'retryable'),
		       (SELECT count(*) FROM river_job WHERE kind = 'notification_deliver' AND state = 'scheduled'),
		       (SELECT count(*) FROM notifications WHERE state = 'pending'),
		       (SELECT count(*) FROM notifications WHERE state = 'dead')`).
		Scan(&stats.Available, &stats.Running, &stats.Retryable, &stats.Scheduled, &stats.Pending, &stats.Dead); err != nil {
		return store.QueueStats{}, err
	}
	var due time.Time
	err = s.reading.QueryRowContext(ctx,
		`SELECT scheduled_at FROM river_job WHERE kind = 'notification_deliver' AND state = 'available' ORDER BY scheduled_at LIMIT 1`).Scan(&due)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return store.QueueStats{}, err
	default:
		stats.OldestAvailable = max(0, now.Sub(due))
	}
	return stats, nil
}

// Pools implements [store.Store].
func (s *Store) Pools() map[string]store.PoolStats {
	return map[string]store.PoolStats{"writer": poolStats(s.writing), "readers": poolStats(s.reading)}
}

func poolStats(db *sql.DB) store.PoolStats {
	stats := db.Stats()
	return store.PoolStats{
		MaxOpen:      stats.MaxOpenConnections,
		Open:         stats.OpenConnections,
		InUse:        stats.InUse,
		Idle:         stats.Idle,
		WaitCount:    stats.WaitCount,
		WaitDuration: stats.WaitDuration,
	}
}
