package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/store"
)

// queueStats counts the jobs of deliveries. It counts all jobs that are not finished, which an index has by state, and
// takes off those of another kind, of which there are few. All of them have the queue's default name and priority.
const queueStats = `
	WITH jobs (state, n) AS (
		SELECT state, count(*) FROM river_job WHERE state IN ('available', 'running', 'retryable', 'scheduled') GROUP BY state
		UNION ALL
		SELECT state, -1 FROM river_job WHERE kind < 'notification_deliver' OR kind > 'notification_deliver')
	SELECT coalesce(sum(n) FILTER (WHERE state = 'available'), 0),
	       coalesce(sum(n) FILTER (WHERE state = 'running'), 0),
	       coalesce(sum(n) FILTER (WHERE state = 'retryable'), 0),
	       coalesce(sum(n) FILTER (WHERE state = 'scheduled'), 0),
	       (SELECT scheduled_at FROM river_job
	        WHERE state = 'available' AND queue = 'default' AND priority = 1 AND kind = 'notification_deliver'
	        ORDER BY scheduled_at LIMIT 1),
	       (SELECT count(*) FROM notifications WHERE state = 'pending'),
	       (SELECT count(*) FROM notifications WHERE state = 'dead')
	FROM jobs`

// QueueStats implements [store.Store].
func (s *Store) QueueStats(ctx context.Context, now time.Time) (store.QueueStats, error) {
	var stats store.QueueStats
	var due sql.NullTime
	if err := s.reading.QueryRowContext(ctx, queueStats).
		Scan(&stats.Available, &stats.Running, &stats.Retryable, &stats.Scheduled, &due, &stats.Pending, &stats.Dead); err != nil {
		return store.QueueStats{}, classify(err)
	}
	if due.Valid {
		stats.OldestAvailable = max(0, now.Sub(due.Time))
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
