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
	for _, path := range packages {
		require.NotEqual(t, "database/sql", path)
		for _, module := range []string{
			"github.com/riverqueue/", "modernc.org/sqlite", "github.com/jackc/pgx", "github.com/stretchr/testify",
			"github.com/cryptomate-go/enablement/server/", "github.com/cryptomate-go/enablement/client",
		} {
			require.False(t, strings.HasPrefix(path, module), path)
		}
	}
}
