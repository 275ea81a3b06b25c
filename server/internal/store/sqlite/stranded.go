package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

const (
	// lostJobs are those whose worker is gone.
	lostJobs = ` FROM river_job WHERE +kind = 'notification_deliver' AND state = 'running' AND attempted_at <= ?`

	// live is what a job must be to deliver a notification some time. The plus keeps SQLite from the index of
	// the kinds, which leads to all jobs that are finished.
	live = `+kind = 'notification_deliver' AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')`

	// liveOfFew is the same where the ids already lead to few jobs.
	liveOfFew = `+kind = 'notification_deliver' AND +state IN ('available', 'pending', 'retryable', 'running', 'scheduled')`

	// withJob are the notifications that have a job, be it one of their own or one that they share.
	withJob = `
		SELECT args ->> 'notification_id' FROM river_job WHERE ` + live + ` UNION ALL
		SELECT value FROM river_job, json_each(args, '$.others') WHERE ` + live

	// stranded subtracts one list from the other, whole, so that its time grows with their length alone: no
	// index of the queue leads from a notification to its job.
	stranded = `
		SELECT id FROM notifications WHERE state = 'pending' EXCEPT SELECT * FROM (` + withJob + `) LIMIT ?`

	// stillStranded looks for no shared job: a notification whose job was lost only ever gets one of its own.
	stillStranded = `
		WHERE n.id = ? AND n.state = 'pending' AND NOT EXISTS (
			SELECT 1 FROM river_job j WHERE j.id > ? AND ` + liveOfFew + ` AND j.args ->> 'notification_id' = n.id)`

	endLostJobs = `
		UPDATE river_job SET state = 'discarded', finalized_at = datetime('now', 'subsec') WHERE id IN (SELECT id` + lostJobs + `)`
)

// RequeueStranded implements [store.Store]. It reads the long lists beside whoever writes.
func (s *Store) RequeueStranded(ctx context.Context, lost time.Time, limit int, due func(enablement.NotificationStatus) time.Time) (requeued int, err error) {
	if err := s.endLost(ctx, lost); err != nil {
		return 0, classify(err)
	}
	var latest int64
	if err := s.reading.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) FROM river_job`).Scan(&latest); err != nil {
		return 0, classify(err)
	}
	ids, err := collect(ctx, s.reading, func(row row) (id string, err error) { return id, row.Scan(&id) }, stranded, limit)
	if err != nil || len(ids) == 0 {
		return 0, classify(err)
	}
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var deliveries []enablement.Due
		for _, id := range ids {
			// Only a job that is newer than the lists can have taken it up meanwhile.
			n, err := scanNotification(tx.QueryRowContext(ctx, notificationQuery+stillStranded, id, latest))
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			deliveries = append(deliveries, enablement.Due{NotificationIDs: []string{id}, At: due(n)})
		}
		requeued = len(deliveries)
		if requeued == 0 {
			return nil
		}
		return s.enqueue(ctx, tx, deliveries)
	})
	if err != nil {
		return 0, err
	}
	return requeued, nil
}

// endLost ends the jobs whose worker is gone. Their notifications are stranded from then on.
func (s *Store) endLost(ctx context.Context, lost time.Time) error {
	at := lost.UTC().Format(queueTime)
	var any bool
	if err := s.reading.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1`+lostJobs+`)`, at).Scan(&any); err != nil || !any {
		return err
	}
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, endLostJobs, at)
		return err
	})
}
