package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

const keyColumns = `id, company_id, prefix, level, allow, created_at, expires_at, revoked_at, last_used_at`

// CreateKey implements [store.Store].
func (s *Store) CreateKey(ctx context.Context, key access.Key, hash access.Hash) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error { return insertKey(ctx, tx, key, hash) })
}

func insertKey(ctx context.Context, tx *sql.Tx, key access.Key, hash access.Hash) error {
	if err := key.Check(); err != nil {
		return err
	}
	if err := found(ctx, tx, store.ErrCompanyNotFound, `SELECT 1 FROM companies WHERE id = ?`, key.CompanyID); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx,
		`INSERT INTO api_keys (`+keyColumns+`, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		key.ID, key.CompanyID, key.Prefix, key.AccessLevel, joinPrefixes(key.Allow),
		moment(key.CreatedAt), nullTime(key.ExpiresAt), nullTime(key.RevokedAt), nullTime(key.LastUsedAt), hash[:])
	return err
}

// Keys implements [store.Store].
func (s *Store) Keys(ctx context.Context, companyID string) ([]access.Key, error) {
	keys, err := collect(ctx, s.reading, scanKey,
		`SELECT `+keyColumns+` FROM api_keys WHERE ? IN ('', company_id) ORDER BY created_at, id`, companyID)
	return keys, classify(err)
}

// KeyByHash implements [access.Finder].
func (s *Store) KeyByHash(ctx context.Context, hash access.Hash) (access.Key, error) {
	key, err := scanKey(s.reading.QueryRowContext(ctx, `SELECT `+keyColumns+` FROM api_keys WHERE hash = ?`, hash[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return access.Key{}, access.ErrKeyNotFound
	}
	return key, classify(err)
}

// RevokeKey implements [store.Store].
func (s *Store) RevokeKey(ctx context.Context, id string, at time.Time) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := found(ctx, tx, access.ErrKeyNotFound, `SELECT 1 FROM api_keys WHERE id = ?`, id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx,
			`UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?`, moment(at), id)
		return err
	})
}

// RotateKey implements [store.Store].
func (s *Store) RotateKey(ctx context.Context, oldID string, until time.Time, key access.Key, hash access.Hash) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := found(ctx, tx, access.ErrKeyNotFound, `SELECT 1 FROM api_keys WHERE id = ?`, oldID); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx,
			`UPDATE api_keys SET expires_at = min(coalesce(expires_at, ?1), ?1) WHERE id = ?2`, moment(until), oldID); err != nil {
			return err
		}
		return insertKey(ctx, tx, key, hash)
	})
}

// TouchKeys implements [store.Store].
func (s *Store) TouchKeys(ctx context.Context, used map[string]time.Time) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for id, at := range used {
			if _, err := tx.ExecContext(ctx,
				`UPDATE api_keys SET last_used_at = max(coalesce(last_used_at, ?1), ?1) WHERE id = ?2`, moment(at), id); err != nil {
				return err
			}
		}
		return nil
	})
}

func scanKey(row row) (access.Key, error) {
	var key access.Key
	var allow string
	var expires, revoked, used sql.NullTime
	if err := row.Scan(&key.ID, &key.CompanyID, &key.Prefix, &key.AccessLevel, &allow,
		&key.CreatedAt, &expires, &revoked, &used); err != nil {
		return access.Key{}, err
	}
	key.CreatedAt = key.CreatedAt.UTC()
	key.ExpiresAt, key.RevokedAt, key.LastUsedAt = expires.Time.UTC(), revoked.Time.UTC(), used.Time.UTC()
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
func found(ctx context.Context, tx *sql.Tx, missing error, query string, args ...any) error {
	var one int
	err := tx.QueryRowContext(ctx, query, args...).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return missing
	}
	return err
}
