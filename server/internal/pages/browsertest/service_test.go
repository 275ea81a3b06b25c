//go:build browser

package browsertest_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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

// service is a running one.
type service struct {
	mu     sync.Mutex
	output bytes.Buffer
}

func (s *service) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.Write(b)
}

func (s *service) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.String()
}

// waitFor waits until the output matches and returns what the pattern's group matched.
func (s *service) waitFor(t *testing.T, pattern string) string {
	t.Helper()
	expression := regexp.MustCompile(pattern)
	var match []string
	require.Eventually(t, func() bool {
		match = expression.FindStringSubmatch(s.text())
		return match != nil
	}, patience, 5*time.Millisecond, "output never matched %s", pattern)
	return match[1]
}

// serve starts the service with sample data on a free port and returns it with its address.
func serve(t *testing.T, args ...string) (s *service, address string) {
	t.Helper()
	return start(t, append([]string{"--sample"}, args...)...)
}

// start starts the service on free ports and returns it with its address.
func start(t *testing.T, args ...string) (s *service, address string) {
	t.Helper()
	s = &service{}
	command := exec.CommandContext(t.Context(), binary,
		append([]string{"serve", "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"}, args...)...)
	command.Stdout, command.Stderr = s, s
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) } // lets it remove its sample
	command.WaitDelay = patience
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Wait() // t.Context has ended, and so does the service
		if t.Failed() {
			t.Logf("the service's output:\n%s", s.text())
		}
	})
	return s, s.waitFor(t, `enablementd listens on (http://\S+)`)
}

// command runs the program to its end and returns what it prints.
func command(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), binary, args...)
	c.Stdin = strings.NewReader(stdin)
	output, err := c.Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(output))
}
