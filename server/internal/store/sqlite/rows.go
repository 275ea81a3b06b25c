package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// row is one of a query's.
type row interface{ Scan(dest ...any) error }

// collect returns what scan makes of each row of a query.
func collect[T any](
	ctx context.Context,
	db interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	},
	scan func(row) (T, error), query string, args ...any,
) (list []T, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, rows.Err()
}

// present tells whether a query found its row.
func present(err error) (bool, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
