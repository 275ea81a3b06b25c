package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// OpenTraced is [Open] with a tracer.
func OpenTraced(ctx context.Context, dsn string, tracer pgx.QueryTracer) (*DB, error) {
	config, err := parse(dsn, Options{})
	if err != nil {
		return nil, err
	}
	config.ConnConfig.Tracer = tracer
	return connect(ctx, config)
}

// Repeat is repeat.
var Repeat = repeat
