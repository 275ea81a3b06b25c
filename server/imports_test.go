package server_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The package serves any implementation: what the project's own service needs stays out of it.
func TestImports(t *testing.T) {
	t.Parallel()
	list, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	packages := strings.Fields(string(list))
	require.Contains(t, packages, "github.com/getkin/kin-openapi/openapi3filter")
	require.Contains(t, packages, "go.opentelemetry.io/otel/trace") // the interfaces, to know the call's span
	for _, path := range packages {
		switch path {
		case "github.com/cryptomate-go/enablement/server/internal/fastcheck", "github.com/cryptomate-go/enablement/server/internal/ratelimit",
			"github.com/cryptomate-go/enablement/server/internal/upload", "github.com/cryptomate-go/enablement/server/internal/wire":
			continue // they know net/http and the API's errors at most
		}
		require.NotEqual(t, "database/sql", path)
		for _, module := range []string{
			"github.com/riverqueue/", "modernc.org/sqlite", "github.com/jackc/pgx", "github.com/stretchr/testify",
			"github.com/cryptomate-go/enablement/server/", "github.com/cryptomate-go/enablement/client",
			"github.com/prometheus/", "go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/exporters",
			"go.opentelemetry.io/contrib", "go.opentelemetry.io/proto", "google.golang.org/",
		} {
			require.False(t, strings.HasPrefix(path, module), path)
		}
	}
}
