package servertest_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNew(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	clientID, requestID := s.CompleteRequest()
	submission, err := s.Client().SubmitProduct(t.Context(), clientID, requestID)
	require.NoError(t, err)
	require.Equal(t, api.InKyc, submission.Product.Status)
	s.CheckStatus(requestID, api.InKyc)
	s.CheckAudit(requestID, api.InKyc)
	s.CheckNotified(requestID, 1)
}

// BenchmarkNew reports the median, which is what somebody waits for. The first server of a process
// also makes the template, so it comes before.
func BenchmarkNew(b *testing.B) {
	servertest.New(b)
	var starts, stops []time.Duration
	for b.Loop() {
		inner := &scope{TB: b}
		began := time.Now()
		servertest.New(inner)
		started := time.Now()
		inner.end()
		starts, stops = append(starts, started.Sub(began)), append(stops, time.Since(started))
	}
	for name, list := range map[string][]time.Duration{"start": starts, "stop": stops} {
		slices.Sort(list)
		b.ReportMetric(list[len(list)/2].Seconds()*1000, name+"-median-ms")
	}
}

// scope is a test within a test: it ends when it is told to.
type scope struct {
	testing.TB
	cleanups []func()
	failures []string
}

func (s *scope) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

func (s *scope) TempDir() string {
	dir, err := os.MkdirTemp("", "servertest-scope-")
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (s *scope) Errorf(format string, args ...any) {
	s.failures = append(s.failures, fmt.Sprintf(format, args...))
}

func (s *scope) end() {
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
	s.cleanups = nil
}
