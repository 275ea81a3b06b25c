package servertest_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A user's tests get what the service needs in a test, and nothing that only the program has.
func TestImports(t *testing.T) {
	t.Parallel()
	list, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	const own = "github.com/cryptomate-go/enablement/server/internal/"
	packages := strings.Fields(string(list))
	require.Contains(t, packages, own+"app/core")
	for _, path := range packages {
		for _, unwanted := range []string{
			own + "store/postgres", own + "telemetry", own + "admin", own + "pages", own + "lab", "github.com/jackc/pgx/v5/pgxpool",
			"github.com/prometheus/", "go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/exporters",
			"google.golang.org/grpc", "github.com/alecthomas/kong", "github.com/stretchr/testify",
		} {
			require.False(t, strings.HasPrefix(path, unwanted), path)
		}
	}
}
