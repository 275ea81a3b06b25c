package main_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

// TestOutage_log: of a database that goes, by an end or by silence, the log has a line, and another one when it is
// back, whatever works in the background meanwhile and whoever asks.
func TestOutage_log(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(*testing.T) (dsn string, stop, start func()){
		"stopped": stoppable,
		"silent": func(t *testing.T) (string, func(), func()) {
			t.Helper()
			proxy := newDatabaseProxy(t, pgtest.DSN(t))
			return proxy.URL, proxy.silence, proxy.speak
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, stop, start := database(t)
			provider := newReceiver(t)
			key := prepare(t, db, 10)
			p := serve(t, provider.flags(db)...)
			ready := func() int { return p.ready().status }
			require.Equal(t, http.StatusOK, ready())
			require.Equal(t, http.StatusOK, p.submit(key, "rq_0001", "").status) // the key's last use is to be written
			before := len(p.Output())
			stop()
			require.Eventually(t, func() bool { return ready() != http.StatusOK }, patience, 50*time.Millisecond)
			p.waitFor("the database is unavailable")
			require.Never(t, func() bool { return ready() == http.StatusOK }, 4*outageOf(t), 200*time.Millisecond)
			p.do(http.MethodGet, p.Admin+"/metrics", http.Header{})
			start()
			p.waitFor("the database is back")
			require.Eventually(t, func() bool { return ready() == http.StatusOK }, patience, 50*time.Millisecond)
			require.Equal(t, http.StatusOK, p.submit(key, "rq_0002", "").status)
			require.Zero(t, p.Stop())
			problems := regexp.MustCompile(`(?m)^.*level=(WARN|ERROR) .*$`).FindAllString(p.Output()[before:], -1)
			require.Len(t, problems, 2, strings.Join(problems, "\n"))
			require.Contains(t, problems[0], `level=ERROR msg="the database is unavailable: calls are answered with 503 and deliveries wait until it is back" err=`)
			require.Contains(t, problems[1], `level=WARN msg="the database is back" away=`)
		})
	}
}
