package postgres

import (
	"context"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/store"
)

// QueueStats implements [store.Store]. It counts what is not finished, which is little.
func (s *Store) QueueStats(ctx context.Context, now time.Time) (store.QueueStats, error) {
	var stats store.QueueStats
	var due *time.Time
	if err := s.pool.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM river_job WHERE state = 'available'),
		       (SELECT count(*) FROM river_job WHERE state = 'running'),
		       (SELECT count(*) FROM river_job WHERE state = 'retryable'),
		       (SELECT count(*) FROM river_job WHERE state = 'scheduled'),
		       (SELECT min(scheduled_at) FROM river_job WHERE state = 'available'),
		       (SELECT count(*) FROM notifications WHERE state = 'pending'),
		       (SELECT count(*) FROM notifications WHERE state = 'dead')`).
		Scan(&stats.Available, &stats.Running, &stats.Retryable, &stats.Scheduled, &due, &stats.Pending, &stats.Dead); err != nil {
		return store.QueueStats{}, classify(ctx, err)
	}
	if due != nil {
		stats.OldestAvailable = max(0, now.Sub(*due))
	}
	return stats, nil
}

// Pools implements [store.Store].
func (s *Store) Pools() map[string]store.PoolStats {
	stat := s.pool.Stat()
	return map[string]store.PoolStats{"postgres": {
		MaxOpen:      int(stat.MaxConns()),
		Open:         int(stat.AcquiredConns() + stat.IdleConns()),
		InUse:        int(stat.AcquiredConns()),
		Idle:         int(stat.IdleConns()),
		WaitCount:    stat.EmptyAcquireCount(),
		WaitDuration: stat.EmptyAcquireWaitTime(),
	}}
}
