package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
)

// probeContent fills a page of the table with every eighth row, so that a disk without space for another page is
// noticed.
var probeContent = strings.Repeat("x", 1000)

// Probe implements [store.Store]. Processes don't wait for each other: each removes the row that it wrote.
func (db *DB) Probe(ctx context.Context) error {
	return classify(ctx, pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		var place string
		if err := tx.QueryRow(ctx, `INSERT INTO probes (content) VALUES ($1) RETURNING ctid::text`, probeContent).Scan(&place); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM probes WHERE ctid = $1::text::tid`, place)
		return err
	}))
}
