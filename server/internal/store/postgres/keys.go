package postgres

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

const keyColumns = `id, company_id, prefix, level, allow, created_at, expires_at, revoked_at, last_used_at`

// CreateKey implements [store.Store].
func (s *Store) CreateKey(ctx context.Context, key access.Key, hash access.Hash) error {
	return s.write(ctx, func(tx pgx.Tx) error { return insertKey(ctx, tx, key, hash) })
}

func insertKey(ctx context.Context, tx pgx.Tx, key access.Key, hash access.Hash) error {
	if err := key.Check(); err != nil {
		return err
	}
	if err := found(ctx, tx, store.ErrCompanyNotFound, `SELECT 1 FROM companies WHERE id = $1`, key.CompanyID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx,
		`INSERT INTO api_keys (`+keyColumns+`, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		key.ID, key.CompanyID, key.Prefix, key.AccessLevel, joinPrefixes(key.Allow),
		key.CreatedAt, nullTime(key.ExpiresAt), nullTime(key.RevokedAt), nullTime(key.LastUsedAt), hash[:])
	return err
}

// Keys implements [store.Store].
func (s *Store) Keys(ctx context.Context, companyID string) ([]access.Key, error) {
	if !storable(companyID) {
		return nil, nil
	}
	rows, err := s.pool.Query(ctx,
		`SELECT `+keyColumns+` FROM api_keys WHERE $1 IN ('', company_id) ORDER BY created_at, id`, companyID)
	if err != nil {
		return nil, classify(ctx, err)
	}
	keys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (access.Key, error) { return scanKey(row) })
	return keys, classify(ctx, err)
}

// KeyByHash implements [access.Finder].
func (s *Store) KeyByHash(ctx context.Context, hash access.Hash) (access.Key, error) {
	key, err := scanKey(s.pool.QueryRow(ctx, `SELECT `+keyColumns+` FROM api_keys WHERE hash = $1`, hash[:]))
	if absent(err) {
		return access.Key{}, access.ErrKeyNotFound
	}
	return key, classify(ctx, err)
}

// RevokeKey implements [store.Store].
func (s *Store) RevokeKey(ctx context.Context, id string, at time.Time) error {
	return s.write(ctx, func(tx pgx.Tx) error {
		return changed(ctx, tx, access.ErrKeyNotFound,
			`UPDATE api_keys SET revoked_at = coalesce(revoked_at, $1) WHERE id = $2`, at, id)
	})
}

// RotateKey implements [store.Store].
func (s *Store) RotateKey(ctx context.Context, oldID string, until time.Time, key access.Key, hash access.Hash) error {
	return s.write(ctx, func(tx pgx.Tx) error {
		if err := changed(ctx, tx, access.ErrKeyNotFound,
			`UPDATE api_keys SET expires_at = least(expires_at, $1) WHERE id = $2`, until, oldID); err != nil {
			return err
		}
		return insertKey(ctx, tx, key, hash)
	})
}

// TouchKeys implements [store.Store]. Every process does so in the order of the ids, so that none
// waits for another that waits for it.
func (s *Store) TouchKeys(ctx context.Context, used map[string]time.Time) error {
	if len(used) == 0 {
		return nil
	}
	return s.write(ctx, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		for _, id := range slices.Sorted(maps.Keys(used)) {
			batch.Queue(`UPDATE api_keys SET last_used_at = greatest(last_used_at, $1) WHERE id = $2`, used[id], id)
		}
		return tx.SendBatch(ctx, batch).Close()
	})
}

func scanKey(row pgx.Row) (access.Key, error) {
	var key access.Key
	var allow string
	var expires, revoked, used *time.Time
	if err := row.Scan(&key.ID, &key.CompanyID, &key.Prefix, &key.AccessLevel, &allow,
		&key.CreatedAt, &expires, &revoked, &used); err != nil {
		return access.Key{}, err
	}
	key.CreatedAt = key.CreatedAt.UTC()
	key.ExpiresAt, key.RevokedAt, key.LastUsedAt = timeOf(expires), timeOf(revoked), timeOf(used)
	for text := range strings.FieldsSeq(allow) {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return access.Key{}, fmt.Errorf("stored address range of key %s: %w", key.ID, err)
		}
		key.Allow = append(key.Allow, prefix)
	}
	return key, nil
}

func joinPrefixes(prefixes []netip.Prefix) string {
	texts := make([]string, len(prefixes))
	for i, prefix := range prefixes {
		texts[i] = prefix.String()
	}
	return strings.Join(texts, " ")
}

// found returns the given error if the query has no row.
func found(ctx context.Context, tx pgx.Tx, missing error, query string, args ...any) error {
	var one int
	err := tx.QueryRow(ctx, query, args...).Scan(&one)
	if absent(err) {
		return missing
	}
	return err
}

// changed returns the given error if the statement changes no row.
func changed(ctx context.Context, tx pgx.Tx, missing error, statement string, args ...any) error {
	tag, err := tx.Exec(ctx, statement, args...)
	if absent(err) || err == nil && tag.RowsAffected() == 0 {
		return missing
	}
	return err
}
