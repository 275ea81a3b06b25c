package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres"
)

// TestChange_elsewhere: what another process is told while a change holds its client and its request.
func TestChange_elsewhere(t *testing.T) {
	t.Parallel()
	dsn := sampleDSN(t)
	db, here := openStore(t, dsn, nil)
	impatient := postgres.NewStore(open(t, dsn, postgres.Options{LockTimeout: 200 * time.Millisecond}),
		func(context.Context, pgx.Tx, []enablement.Due) error { return nil })
	call := submissionOf(sample.Cases[0])
	upload := enablement.Upload{Type: "passport"}

	_, err := here.Change(t.Context(), call, func(f enablement.File) (enablement.Change, error) {
		_, err := impatient.Submit(t.Context(), call, decide)
		require.ErrorIs(t, err, store.ErrUnavailable, "a submission waits for as long as it may")
		return decide(f)
	})
	require.NoError(t, err)

	ended := make(chan error, 1)
	call.RequestID = ""
	_, err = here.Change(t.Context(), call, func(f enablement.File) (enablement.Change, error) {
		_, err := impatient.Submit(t.Context(), submissionOf(sample.Cases[0]), decide)
		require.ErrorIs(t, err, enablement.ErrNotPending, "the client alone is locked")
		_, err = impatient.Upload(t.Context(), call.CompanyID, call.ClientID, upload, time.Now())
		require.ErrorIs(t, err, store.ErrUnavailable)
		go func() {
			_, err := here.Upload(t.Context(), call.CompanyID, call.ClientID, upload, time.Now())
			ended <- err
		}()
		require.Eventually(t, func() bool {
			return count(t, db, `pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) > 0
		}, time.Minute, 5*time.Millisecond)
		return enablement.DeleteClient(f, time.Now())
	})
	require.NoError(t, err)
	require.ErrorIs(t, <-ended, enablement.ErrClientNotFound, "an upload that waited finds nobody")
}
