package clienttest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// unwanted is what a program with the client must not hold: the specification, SQL, the queue.
var unwanted = []string{
	"github.com/getkin/kin-openapi", "database/sql.", "github.com/riverqueue", "modernc.org/", "github.com/jackc/pgx",
	"github.com/stretchr/testify", "github.com/cryptomate-go/enablement/gen/spec", "github.com/cryptomate-go/enablement/server",
	"go.opentelemetry.io/otel/sdk", "github.com/alecthomas/kong",
}

// TestConsumer builds a module of its own with the client, without a network, runs it against the
// service, and looks into the binary.
func TestConsumer(t *testing.T) {
	t.Parallel()
	module, err := filepath.Abs("../../..")
	require.NoError(t, err)
	dir := t.TempDir()
	place := func(name, from string, edit func(string) string) {
		text, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(edit(string(text))), 0o600))
	}
	same := func(text string) string { return text }
	place("main.go", "testdata/consumer/main.go", same)
	place("go.sum", filepath.Join(module, "go.sum"), same)
	place("go.mod", "testdata/consumer/go.mod.txt", func(text string) string { return strings.Replace(text, "MODULE", module, 1) })
	run := func(name string, args ...string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), name, args...)
		c.Dir = dir
		c.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "GOWORK=off", "CGO_ENABLED=0")
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

	s := start(t, 1, "--rate-limit", "0")
	c := exec.CommandContext(t.Context(), filepath.Join(dir, "consumer"), "cl_1", "rq_1")
	c.Env = append(os.Environ(), "CRYPTOMATE_API_KEY="+s.key, "CRYPTOMATE_BASE_URL="+s.url)
	output, err := c.CombinedOutput()
	require.NoError(t, err, string(output))
	require.Equal(t, "in_kyc true 0\n", string(output))
}
