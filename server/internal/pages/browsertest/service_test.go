//go:build browser

package browsertest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/lab/process"
)

// binary is the built service.
var binary string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "enablementd-browser-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "enablementd")
	command := exec.Command("go", "build", "-o", binary, "github.com/cryptomate-go/enablement/server/cmd/enablementd")
	if output, err := command.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v\n%s", err, output))
	}
	return m.Run()
}

// service is a running one, in a test.
type service struct{ *process.Process }

// waitFor waits until the output matches.
func (s service) waitFor(t *testing.T, pattern string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := s.WaitFor(ctx, pattern)
	require.NoError(t, err)
}

// serve starts the service with sample data and returns it with its address.
func serve(t *testing.T, flags ...string) (s service, address string) {
	t.Helper()
	return start(t, append([]string{"--sample"}, flags...)...)
}

// start starts the service on free ports and returns it with its address.
func start(t *testing.T, flags ...string) (s service, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p, err := process.Serve(ctx, binary, flags...)
	require.NoError(t, err)
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("the service's output:\n%s", p.Output())
		}
	})
	return service{p}, p.URL
}

// command runs the program to its end and returns what it prints.
func command(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	output, err := process.Run(t.Context(), binary, []byte(stdin), args...)
	require.NoError(t, err)
	return output
}
