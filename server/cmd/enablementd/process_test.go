package main_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/lab/process"
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
	if err := os.Chmod(dir, 0o755); err != nil { // some tests run it as somebody else
		panic(err)
	}
	binary = filepath.Join(dir, "enablementd")
	if output, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v\n%s", err, output))
	}
	if err := flag.Set("test.parallel", atOnce); err != nil { // which -parallel still changes
		panic(err)
	}
	return m.Run()
}

// atOnce is how many tests run at the same time: most of them wait, some for a minute.
const atOnce = "8"

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
	return run(t, stdin, binary, args...)
}

// run runs any program to its end.
func run(t testing.TB, stdin, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out, errs bytes.Buffer
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = t.TempDir()
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &errs
	err := c.Run()
	if err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	return result{c.ProcessState.ExitCode(), out.String(), errs.String()}
}

// service is a running one, in a test.
type service struct {
	*process.Process
	t testing.TB
}

// serve starts the service on free ports and waits until it listens.
func serve(t testing.TB, flags ...string) *service {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p, err := process.Serve(ctx, binary, flags...)
	require.NoError(t, err)
	t.Cleanup(func() { p.Stop() }) // not killed: it removes its sample
	return &service{p, t}
}

// waitFor waits until the output matches.
func (p *service) waitFor(pattern string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	_, err := p.WaitFor(ctx, pattern)
	require.NoError(p.t, err)
}

// answer is an HTTP answer.
type answer struct {
	status int
	header http.Header
	body   string
}

// call makes a call with the path as it is.
func (p *service) call(method, path, key string) answer {
	p.t.Helper()
	header := http.Header{}
	if key != "" {
		header.Set("X-Api-Key", key)
	}
	return p.do(method, p.URL+path, header)
}

// ready asks whether calls should be sent to the process.
func (p *service) ready() answer { return p.do(http.MethodGet, p.Admin+"/readyz", http.Header{}) }

// with submits with these headers.
func (p *service) with(header http.Header, path string) answer {
	p.t.Helper()
	return p.do(http.MethodPost, p.URL+path, header)
}

// do makes a call to any of the process's listeners.
func (p *service) do(method, url string, header http.Header) answer {
	p.t.Helper()
	return p.doBody(method, url, header, "")
}

// doBody is do with a body.
func (p *service) doBody(method, url string, header http.Header, sent string) answer {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(sent))
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
