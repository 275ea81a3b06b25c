package main_test

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkRefusals shows how much the time of a refusal tells. The kinds take turns, so that what
// the machine does meanwhile falls on all of them; each median is reported. To be compared are a key
// that is not known with one that is but was revoked, and a client of another company with one that
// does not exist.
func BenchmarkRefusals(b *testing.B) {
	db := filepath.Join(b.TempDir(), "timing.db")
	ok := func(stdin string, args ...string) string {
		r := command(b, stdin, append(args, "--db", db)...)
		require.Zero(b, r.code, r.err)
		return strings.TrimSpace(r.out)
	}
	ok("", "migrate")
	ok(dataFile(b), "import", "-")
	ok(`{"companies":[{"id":"cmp_2"}]}`, "import", "-")
	other := ok("", "keys", "create", "--company", "cmp_2")
	expired := ok("", "keys", "create", "--company", "cmp_1", "--expires", "1ms")
	p := serve(b, "--db", db, "--rate-limit", "0", "--log-level", "error",
		"--provider-allow-private", "--provider-url", "http://127.0.0.1:1/", "--provider-secret", secret)
	kinds := []struct {
		name, key, path string
		status          int
	}{
		{"unknown-key", "cm_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", path("cl_1", "rq_1"), http.StatusUnauthorized},
		{"expired-key", expired, path("cl_1", "rq_1"), http.StatusUnauthorized},
		{"other-company", other, path("cl_1", "rq_1"), http.StatusNotFound},
		{"no-such-client", other, path("cl_9", "rq_1"), http.StatusNotFound},
	}
	took := make([][]time.Duration, len(kinds))
	for b.Loop() {
		for i, kind := range kinds {
			started := time.Now()
			got := p.call(http.MethodPost, kind.path, kind.key)
			took[i] = append(took[i], time.Since(started))
			require.Equal(b, kind.status, got.status)
		}
	}
	for i, kind := range kinds {
		slices.Sort(took[i])
		b.ReportMetric(float64(took[i][len(took[i])/2].Microseconds()), "µs-"+kind.name)
	}
	b.ReportMetric(0, "ns/op") // the sum of all kinds says nothing
}
