package main_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// binary is the built program: these tests run what users run.
var binary string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "enablementd-test-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "enablementd")
	if output, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v\n%s", err, output))
	}
	return m.Run()
}

// patience is how long a test waits for what must happen; it is no measure of speed.
const patience = 2 * time.Minute

// result is what a command that ended left behind.
type result struct {
	code     int
	out, err string
}

// command runs the program to its end.
func command(t testing.TB, stdin string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out, errs bytes.Buffer
	c := exec.CommandContext(ctx, binary, args...)
	c.Dir = t.TempDir()
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &errs
	err := c.Run()
	if err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	return result{c.ProcessState.ExitCode(), out.String(), errs.String()}
}

// process is a running service.
type process struct {
	t       testing.TB
	command *exec.Cmd
	url     string
	admin   string // the operators' listener
	ended   chan struct{}

	mu     sync.Mutex
	output bytes.Buffer
}

// serve starts the service on a free port and waits until it listens.
func serve(t testing.TB, args ...string) *process {
	t.Helper()
	p := &process{t: t, ended: make(chan struct{})}
	p.command = exec.Command(binary, append([]string{"serve", "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"}, args...)...)
	p.command.Stdout, p.command.Stderr = p, p
	require.NoError(t, p.command.Start())
	go func() {
		_ = p.command.Wait() // the exit code tells
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.command.Process.Kill()
		<-p.ended
	})
	p.url = p.waitFor(`listens on (https?://\S+)`)[1]
	p.admin = p.waitFor(`Operators: (http://\S+)`)[1]
	return p
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(b)
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// waitFor waits until the output matches and returns the match.
func (p *process) waitFor(pattern string) []string {
	p.t.Helper()
	expression := regexp.MustCompile(pattern)
	var match []string
	require.Eventually(p.t, func() bool {
		match = expression.FindStringSubmatch(p.text())
		return match != nil
	}, patience, 5*time.Millisecond, "output never matched %s", pattern)
	return match
}

// stop ends the service as an operator would and returns its exit code.
func (p *process) stop() int {
	p.t.Helper()
	require.NoError(p.t, p.command.Process.Signal(syscall.SIGTERM))
	<-p.ended
	return p.command.ProcessState.ExitCode()
}

// kill ends it as a power cut would.
func (p *process) kill() {
	p.t.Helper()
	require.NoError(p.t, p.command.Process.Kill())
	<-p.ended
}

// answer is an HTTP answer.
type answer struct {
	status int
	header http.Header
	body   string
}

// call makes a call with the path as it is.
func (p *process) call(method, path, key string) answer {
	p.t.Helper()
	header := http.Header{}
	if key != "" {
		header.Set("X-Api-Key", key)
	}
	return p.do(method, p.url+path, header)
}

// with submits with these headers.
func (p *process) with(header http.Header, path string) answer {
	p.t.Helper()
	return p.do(http.MethodPost, p.url+path, header)
}

// do makes a call to any of the process's listeners.
func (p *process) do(method, url string, header http.Header) answer {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, nil)
	require.NoError(p.t, err)
	r.Header = header
	resp, err := (&http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}).Do(r)
	require.NoError(p.t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func path(clientID, requestID string) string {
	return "/management/clients/individuals/" + clientID + "/products/" + requestID + "/submit"
}
