package main_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

// TestPooler: behind a pooler that keeps sessions apart, every command does what it does without.
func TestPooler(t *testing.T) {
	t.Parallel()
	db := pgtest.Pooler(t, pgtest.DSN(t), "pool_mode = session")
	provider := newReceiver(t)
	key := prepare(t, db, 3)
	first, second := serve(t, provider.flags(db)...), serve(t, provider.flags(db)...)
	ids := map[string]bool{}
	for i, p := range []*service{first, second, first} {
		id := numbered("rq", i+1)
		require.Equal(t, http.StatusOK, p.submit(key, id, id).status)
		ids[id] = true
	}
	requireSettled(t, db, provider, ids)
	require.Contains(t, command(t, "", "migrate", "--status", "--db", db).out, "is at schema")
	require.Contains(t, command(t, "", "audit", "rq_0001", "--db", db).out, "Request rq_0001 is in_kyc.")
	require.Zero(t, first.Stop())
	require.Zero(t, second.Stop())
}

// TestPooler_transactions: behind one that does not, every command ends at its start and says what to do.
func TestPooler_transactions(t *testing.T) {
	t.Parallel()
	db := pgtest.Pooler(t, pgtest.DSN(t), "pool_mode = transaction")
	for name, args := range map[string][]string{
		"serve":   {"serve", "--addr", "127.0.0.1:0", "--admin-addr", "off", "--provider-allow-private", "--provider-url", "http://127.0.0.1:1/hook", "--provider-secret", secret},
		"migrate": {"migrate"},
		"status":  {"migrate", "--status"},
		"import":  {"import", "-"},
		"keys":    {"keys", "list"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := command(t, dataFile(t), append(args, "--db", db)...)
			require.Equal(t, 2, r.code, r.err)
			require.Contains(t, r.err, "set pool_mode = session for this database (PgBouncer), or connect to PostgreSQL itself")
			require.Equal(t, 1, strings.Count(r.err, "\n"), "one clear line: %s", r.err)
		})
	}
}
