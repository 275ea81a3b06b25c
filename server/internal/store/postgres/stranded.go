package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

const lockPending = `
	SELECT id FROM notifications WHERE id = ANY ($1) AND state = 'pending'
	ORDER BY id FOR NO KEY UPDATE SKIP LOCKED`

const (
	// endLost ends the jobs whose worker is gone. Their notifications are stranded from then on.
	endLost = `
		UPDATE river_job SET state = 'discarded', finalized_at = now()
		WHERE id IN (SELECT id FROM river_job
			WHERE kind || '' = 'notification_deliver' AND state = 'running' AND attempted_at <= $1
			FOR UPDATE SKIP LOCKED)`

	// withJob are the notifications that have a job, be it one of their own or one that they share. The planner must not
	// take the index of the kinds, which leads to all jobs that are finished.
	withJob = `
		SELECT jsonb_array_elements_text(jsonb_build_array(args -> 'notification_id') || coalesce(args -> 'others', '[]')) COLLATE "C"
		FROM river_job
		WHERE kind || '' = 'notification_deliver' AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')`

	// stranded subtracts one list from the other, whole, so that its time grows with their length alone: no
	// index of the queue leads from a notification to its job.
	stranded = `
		SELECT id FROM (SELECT id FROM notifications WHERE state = 'pending' EXCEPT ` + withJob + `) s
		ORDER BY id LIMIT $1`
)

// RequeueStranded implements [store.Store]. Any number of processes may call it at the same time.
func (s *Store) RequeueStranded(ctx context.Context, lost time.Time, limit int, due func(enablement.NotificationStatus) time.Time) (requeued int, err error) {
	if _, err := s.pool.Exec(ctx, endLost, lost); err != nil {
		return 0, classify(ctx, err)
	}
	var ids []string
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		// Millions take longer than a statement of the service may; the caller has a limit of its own.
		if _, err := tx.Exec(ctx, `SELECT set_config('statement_timeout', '0', true), set_config('work_mem', '64MB', true)`); err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, stranded, limit)
		ids, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil || len(ids) == 0 {
		return 0, classify(ctx, err)
	}
	err = s.write(ctx, func(tx pgx.Tx) error {
		requeued = 0
		// Whoever queues a notification again holds its row, and looks for a job behind the lock: one that
		// another process queued meanwhile is seen.
		rows, _ := tx.Query(ctx, lockPending, ids)
		held, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		rows, _ = tx.Query(ctx, notificationQuery+`
			WHERE n.id IN (SELECT unnest($1::text[]) COLLATE "C" EXCEPT `+withJob+`)`, held)
		list, err := pgx.CollectRows(rows, scanNotification)
		if err != nil || len(list) == 0 {
			return err
		}
		deliveries := make([]enablement.Due, len(list))
		for i, n := range list {
			deliveries[i] = enablement.Due{NotificationIDs: []string{n.ID}, At: due(n)}
		}
		requeued = len(list)
		return s.enqueue(ctx, tx, deliveries)
	})
	if err != nil {
		return 0, err
	}
	return requeued, nil
}
