package downstream_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/servertest"
)

// unwanted is what a program with the client must not hold: the specification, SQL, the queue.
var unwanted = []string{
	"github.com/getkin/kin-openapi", "database/sql.", "github.com/riverqueue", "modernc.org/", "github.com/jackc/pgx",
	"github.com/stretchr/testify", "github.com/cryptomate-go/enablement/gen/spec", "github.com/cryptomate-go/enablement/server",
	"go.opentelemetry.io/otel/sdk", "github.com/alecthomas/kong",
}

// TestClient builds a module of its own with the client, without a network, runs it against the
// service, and looks into the binary.
func TestClient(t *testing.T) {
	t.Parallel()
	dir := module(t, "client")
	run := func(name string, args ...string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), name, args...)
		c.Dir = dir
		c.Env = environment()
		output, err := c.CombinedOutput()
		require.NoError(t, err, string(output))
		return string(output)
	}
	run("go", "build", "-o", "consumer", ".")

	symbols := run("go", "tool", "nm", "consumer")
	require.Contains(t, symbols, "github.com/cryptomate-go/enablement/client.", "the check does look at the symbols")
	for _, name := range unwanted {
		require.NotContains(t, symbols, name)
	}
	required := regexp.MustCompile(`(?m)^\tdep\t(\S+)`).FindAllStringSubmatch(run("go", "version", "-m", "consumer"), -1)
	require.NotEmpty(t, required)
	modules := make([]string, len(required))
	for i, match := range required {
		modules[i] = match[1]
	}
	run("go", "build", "-ldflags=-s -w", "-trimpath", "-o", "stripped", ".")
	size := func(name string) int64 {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		return info.Size()
	}
	t.Logf("modules %v; %.1f MB, stripped %.1f MB", modules, float64(size("consumer"))/1e6, float64(size("stripped"))/1e6)
	require.Less(t, size("stripped"), int64(9_000_000))

	s := servertest.New(t)
	clientID, requestID := s.CompleteRequest()
	c := exec.CommandContext(t.Context(), filepath.Join(dir, "consumer"), clientID, requestID)
	c.Env = append(os.Environ(), "CRYPTOMATE_API_KEY="+s.DefaultKey(), "CRYPTOMATE_BASE_URL="+s.URL())
	output, err := c.CombinedOutput()
	require.NoError(t, err, string(output))
	require.Equal(t, "in_kyc true 0\n", string(output))
}
