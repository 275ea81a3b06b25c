// Package downstream_test makes modules that use this one, and looks at what their owners get.
package downstream_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// module makes a module of testdata's folder of the given name, in a folder of its own, which it returns.
// Its requirements are this module's own: a go command there needs no other module than those which
// built this test, so that it works without a network, and on a machine with nothing else in its cache.
func module(t *testing.T, name string) (dir string) {
	t.Helper()
	top, err := filepath.Abs("../../../..")
	require.NoError(t, err)
	dir = t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))))

	own, err := os.ReadFile(filepath.Join(top, "go.mod"))
	require.NoError(t, err)
	line, rest, _ := strings.Cut(string(own), "\n")
	path, ok := strings.CutPrefix(line, "module ")
	require.True(t, ok, line)
	text := fmt.Sprintf("module example.test/%s\n%s\nrequire %s v0.0.0\n\nreplace %s => %s\n", name, rest, path, path, top)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o600))
	sums, err := os.ReadFile(filepath.Join(top, "go.sum"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600))
	return dir
}

// environment is for go commands in such a module. They need no network and no C compiler.
func environment() []string {
	return append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "GOWORK=off", "CGO_ENABLED=0")
}
