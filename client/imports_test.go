package client_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// heavy must not come into a program with the client.
var heavy = []string{
	"github.com/getkin/kin-openapi",
	"database/sql",
	"github.com/riverqueue",
	"modernc.org/sqlite",
	"github.com/jackc/pgx",
	"github.com/stretchr/testify",
}

const module = "github.com/cryptomate-go/enablement"

// goList returns the lines that go list writes, run in this directory.
func goList(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	return strings.Fields(string(out))
}

// heavyDeps returns what a package needs of the heavy ones, without its tests.
func heavyDeps(t *testing.T, pkg string) []string {
	t.Helper()
	var found []string
	for _, dep := range goList(t, "-deps", pkg) {
		for _, name := range heavy {
			// database/sql/driver are interfaces only; the uuid package implements one.
			if dep == name || dep != "database/sql/driver" && strings.HasPrefix(dep, name+"/") {
				found = append(found, dep)
			}
		}
	}
	return found
}

func TestImports(t *testing.T) {
	t.Parallel()
	packages := goList(t, "./...")
	require.Contains(t, packages, module+"/client")
	for _, pkg := range packages {
		if strings.HasPrefix(pkg, module+"/client/cmd/") {
			continue // programs, not libraries
		}
		found := heavyDeps(t, pkg)
		if pkg == module+"/client/notification" { // its lasting memory is a database of the caller's
			found = slices.DeleteFunc(found, func(dep string) bool { return dep == "database/sql" })
		}
		require.Empty(t, found, "%s brings heavy packages along", pkg)
		for _, dep := range goList(t, "-deps", pkg) {
			require.False(t, strings.HasPrefix(dep, module+"/server"), "%s needs %s", pkg, dep)
		}
	}
	// The check can fail: package spec does need one of them.
	require.NotEmpty(t, heavyDeps(t, module+"/gen/spec"))
}

// direct is what the client imports beyond the standard library: no more than interfaces and types.
var direct = map[string]bool{
	module + "/gen/api":                    true,
	module + "/client/internal/gate":       true, // these three, of the standard library only
	module + "/client/internal/secret":     true,
	module + "/client/internal/visible":    true,
	"go.opentelemetry.io/otel/attribute":   true,
	"go.opentelemetry.io/otel/codes":       true,
	"go.opentelemetry.io/otel/metric":      true,
	"go.opentelemetry.io/otel/propagation": true,
	"go.opentelemetry.io/otel/trace":       true,
}

func TestImports_direct(t *testing.T) {
	t.Parallel()
	for _, dep := range goList(t, "-f", `{{join .Imports "\n"}}`, ".") {
		domain, _, _ := strings.Cut(dep, "/")
		if strings.Contains(domain, ".") {
			require.True(t, direct[dep], "%s is new", dep)
		}
	}
}
