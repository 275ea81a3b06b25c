package postgres

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cryptomate-go/enablement/server/internal/store/batch"
)

const (
	// lockRecords has a process at a time work on an idempotency key, until its transaction ends.
	lockRecords = `SELECT a.id, pg_try_advisory_xact_lock(a.id) FROM unnest($1::bigint[]) a (id)`
	// selectRecords has no age as a condition: it tempts the planner to read all responses of the window.
	selectRecords = `SELECT id, fingerprint, reply, created_at FROM idempotency WHERE id = ANY ($1)`
	// upsertRecords takes the place of what the keys answered before their windows.
	upsertRecords = `
		INSERT INTO idempotency (id, fingerprint, client_id, reply, created_at)
		SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::bytea[], $5::timestamptz[])
		ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, client_id = excluded.client_id,
		  reply = excluded.reply, created_at = excluded.created_at`
)

// keyed are submissions with an idempotency key, by its id. Several may have the same.
type keyed map[[sha256.Size]byte][]*batch.Submission

func (k keyed) add(s *batch.Submission) { k[s.Idempotency.ID] = append(k[s.Idempotency.ID], s) }

// lockID is a part of the key's hash: another key with the same one could at most be told to come
// again.
func lockID(id [sha256.Size]byte) int64 { return int64(binary.BigEndian.Uint64(id[:])) }

// lock has the keys locked that no other process works on.
func (k keyed) lock(b *pgx.Batch) {
	if len(k) == 0 {
		return
	}
	locks, by := make([]int64, 0, len(k)), make(map[int64][]*batch.Submission, len(k))
	for id, subs := range k {
		lock := lockID(id)
		locks = append(locks, lock)
		by[lock] = append(by[lock], subs...)
	}
	b.Queue(lockRecords, locks).Query(func(rows pgx.Rows) error {
		var lock int64
		var locked bool
		_, err := pgx.ForEachRow(rows, []any{&lock, &locked}, func() error {
			for _, s := range by[lock] {
				s.KeyTaken = !locked
			}
			return nil
		})
		return err
	})
}

// read reads what is recorded under the keys.
func (k keyed) read(b *pgx.Batch) {
	if len(k) == 0 {
		return
	}
	ids := make([][]byte, 0, len(k))
	for id := range k {
		ids = append(ids, id[:])
	}
	b.Queue(selectRecords, ids).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var id, fingerprint []byte
			var record batch.Record
			if err := rows.Scan(&id, &fingerprint, &record.Response, &record.At); err != nil {
				return err
			}
			copy(record.ID[:], id)
			copy(record.Fingerprint[:], fingerprint)
			for _, s := range k[record.ID] {
				s.Recorded = &record
			}
		}
		return rows.Err()
	})
}

func holdRecords(tx *pipeline, records []batch.Record) {
	n := len(records)
	ids, fingerprints, responses, at := make([][]byte, n), make([][]byte, n), make([][]byte, n), make([]time.Time, n)
	clients := make([]string, n)
	for i, r := range records {
		ids[i], fingerprints[i], clients[i], responses[i], at[i] = r.ID[:], r.Fingerprint[:], r.ClientID, r.Response, r.At
	}
	tx.hold(upsertRecords, ids, fingerprints, clients, responses, at)
}
