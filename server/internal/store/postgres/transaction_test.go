package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres"
)

// TestRepeat_commit: an error of a commit that is not the server's own word for "not committed" is made known
// as such, even when the time of those who share the transaction is up. It is neither repeated nor left to each
// of them: what is committed by now would be refused.
func TestRepeat_commit(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for name, test := range map[string]struct {
		ctx         context.Context //nolint:containedctx // a case's
		err         error
		unconfirmed bool
	}{
		"connection broken":       {t.Context(), fmt.Errorf("receive: %w", io.ErrUnexpectedEOF), true},
		"time is up":              {ended, fmt.Errorf("receive: %w", context.DeadlineExceeded), true},
		"time is up, broken":      {ended, io.EOF, true},
		"not understood":          {t.Context(), errors.New("unknown message type"), true},
		"server was shut down":    {t.Context(), &pgconn.PgError{SeverityUnlocalized: "FATAL", Code: "57P01"}, true},
		"server failed":           {t.Context(), &pgconn.PgError{SeverityUnlocalized: "PANIC", Code: "58030"}, true},
		"refused by the server":   {t.Context(), &pgconn.PgError{SeverityUnlocalized: "ERROR", Code: "23505"}, false},
		"rolled back":             {t.Context(), pgx.ErrTxCommitRollback, false},
		"rolled back, time is up": {ended, &pgconn.PgError{SeverityUnlocalized: "ERROR", Code: "40001"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempts := 0
			err := postgres.Repeat(test.ctx, func() (bool, error) {
				attempts++
				return true, test.err
			})
			require.ErrorIs(t, err, test.err)
			require.Equal(t, 1, attempts)
			require.Equal(t, test.unconfirmed, errors.Is(err, store.ErrUnavailable))
			require.Equal(t, !test.unconfirmed, errors.Is(batch.Alone(2, err), batch.ErrAlone))
		})
	}
}
