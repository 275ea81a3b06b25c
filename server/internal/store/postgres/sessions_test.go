package postgres_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

// TestPooler_settings: behind a pooler that keeps sessions apart, a connection has all that one without has.
func TestPooler_settings(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Pooler(t, pgtest.DSN(t), "pool_mode = session")
	db := open(t, with(t, with(t, dsn, "lock_timeout", "3s"), "synchronous_commit", "off"), postgres.Options{})
	require.NoError(t, migrate(t.Context(), db))
	for name, want := range map[string]string{
		"enable_seqscan": "off", "plan_cache_mode": "force_generic_plan", "statement_timeout": "15s", "lock_timeout": "3s",
		"synchronous_commit": "on", "application_name": "enablementd",
	} {
		require.Equal(t, want, setting(t, db, name), name)
	}
}

// TestPooler_transactions: one that does not is refused at the start.
func TestPooler_transactions(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"transaction", "statement"} {
		for name, more := range map[string]string{"": "", ", in turn": "server_round_robin = 1"} {
			t.Run(mode+name, func(t *testing.T) {
				t.Parallel()
				dsn := pgtest.Pooler(t, pgtest.DSN(t), "pool_mode = "+mode, more, "min_pool_size = 4")
				for range 5 {
					_, err := postgres.Open(t.Context(), dsn, postgres.Options{})
					require.ErrorContains(t, err, "set pool_mode = session for this database")
					require.NotErrorIs(t, err, store.ErrUnavailable)
				}
			})
		}
	}
}

// TestOpen_refused: what the server does not take of the URL is no outage.
func TestOpen_refused(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	pooled := pgtest.Pooler(t, dsn, "pool_mode = session")
	missing := func(dsn string) string {
		address, err := url.Parse(dsn)
		require.NoError(t, err)
		address.Path = "/nowhere"
		return address.String()
	}
	user := func(dsn string) string {
		address, err := url.Parse(dsn)
		require.NoError(t, err)
		address.User = url.UserPassword("nobody-such", "hunter2secret")
		return address.String()
	}
	for name, test := range map[string]struct{ dsn, want string }{
		"no such database":          {missing(dsn), `database "nowhere" does not exist`},
		"no such user":              {user(dsn), `role "nobody-such" does not exist`},
		"no such parameter":         {with(t, dsn, "enable_everything", "1"), `unrecognized configuration parameter "enable_everything"`},
		"no such value":             {with(t, dsn, "lock_timeout", "soon"), `invalid value for parameter "lock_timeout"`},
		"pooler, no such database":  {missing(pooled), `bouncer config error`},
		"pooler, no such parameter": {with(t, pooled, "enable_everything", "1"), `unrecognized configuration parameter "enable_everything"`},
		"pooler, options":           {with(t, pooled, "options", "-c enable_seqscan=off"), `unsupported startup parameter`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := postgres.Open(t.Context(), test.dsn, postgres.Options{})
			require.ErrorContains(t, err, "the server refuses what the URL says: ")
			require.ErrorContains(t, err, test.want)
			require.NotErrorIs(t, err, store.ErrUnavailable)
			require.NotContains(t, err.Error(), "hunter2secret")
		})
	}
	t.Run("pooler without a second connection", func(t *testing.T) {
		t.Parallel()
		_, err := postgres.Open(t.Context(), pgtest.Pooler(t, pgtest.DSN(t), "pool_mode = session", "max_db_connections = 1"), postgres.Options{})
		require.ErrorIs(t, err, store.ErrUnavailable)
		require.ErrorContains(t, err, "default_pool_size")
	})
}
