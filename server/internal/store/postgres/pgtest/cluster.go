package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Cluster is a PostgreSQL server of a test's own, which the test may stop.
type Cluster struct {
	// URL is that of a database in it.
	URL string

	t         testing.TB
	directory string
	binaries  string
	as        []string // runs a command as the user that the server runs as
	postmaster
}

// postmaster is the server's process.
type postmaster struct {
	command *exec.Cmd
	ended   chan struct{}
}

// Installed tells whether there are binaries to start a server with.
func Installed() bool { return installed() != "" }

// NewCluster starts a server with installed binaries, also where TEST_DATABASE_URL names another one: that is
// not to be stopped. It is gone when the test has ended, and it ends with the test program.
func NewCluster(t testing.TB) *Cluster {
	t.Helper()
	directory, err := os.MkdirTemp("/tmp", "enablement-postgres.") //nolint:usetesting // a socket's path may not be as long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	return NewClusterIn(t, directory)
}

// NewClusterIn is NewCluster in a directory of the test's own, whose path is short.
func NewClusterIn(t testing.TB, directory string) *Cluster {
	t.Helper()
	c := &Cluster{t: t, directory: directory, binaries: installed()}
	if c.binaries == "" {
		t.Fatal("pgtest: no PostgreSQL is installed here, and a test has to stop one: install the package postgresql (make test does)")
	}
	c.URL = "postgres://postgres@/postgres?host=" + c.socket()
	c.as = []string{"setpriv", "--pdeathsig", "QUIT"}
	if os.Getuid() == 0 { // it refuses to run as root
		name := "postgres"
		if _, err := user.Lookup(name); err != nil {
			name = "nobody"
		}
		c.as = append(c.as, "--reuid", name, "--regid", groupOf(t, name), "--clear-groups")
		c.run("chown", name, directory)
	}
	c.run(append(slices.Clone(c.as), filepath.Join(c.binaries, "initdb"), "--pgdata", c.data(), "--username", "postgres",
		"--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync")...)
	c.Start()
	t.Cleanup(func() {
		if c.command != nil {
			c.Stop()
		}
	})
	return c
}

func installed() string {
	if found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); err == nil && len(found) > 0 {
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int {
			return strings.Compare(fmt.Sprintf("%60s", a), fmt.Sprintf("%60s", b)) // 9 comes before 18
		}))
	}
	found, err := exec.LookPath("initdb")
	if err != nil {
		return ""
	}
	return filepath.Dir(found)
}

func groupOf(t testing.TB, name string) string {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return u.Gid
}

func (c *Cluster) data() string   { return filepath.Join(c.directory, "data") }
func (c *Cluster) socket() string { return c.directory }

func (c *Cluster) run(args ...string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Dir = "/"
	if output, err := command.CombinedOutput(); err != nil {
		c.t.Fatalf("pgtest: %s: %v\n%s", args[0], err, output)
	}
}

// Start starts the server and returns when it takes connections. It recovers first where it did not end well.
func (c *Cluster) Start() {
	c.t.Helper()
	args := append(slices.Clone(c.as), filepath.Join(c.binaries, "postgres"), "-D", c.data(), "-k", c.socket(),
		"-c", "listen_addresses=", "-c", "shared_buffers=32MB", "-c", "log_min_messages=fatal")
	command := exec.CommandContext(context.Background(), args[0], args[1:]...)
	command.Dir = "/"
	if err := command.Start(); err != nil {
		c.t.Fatalf("pgtest: %v", err)
	}
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }() // how it ends is whoever stops it to say
	c.postmaster = postmaster{command, ended}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	for execute(c.URL, "SELECT 1") != nil {
		select {
		case <-ended:
			c.t.Fatal("pgtest: the server ended")
		case <-ctx.Done():
			c.t.Fatal("pgtest: the server takes no connections")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the server at once, as `pg_ctl stop -m immediate` does: it finishes nothing and recovers when it is
// started again.
func (c *Cluster) Stop() {
	c.t.Helper()
	if err := c.command.Process.Signal(syscall.SIGQUIT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		c.t.Fatalf("pgtest: %v", err)
	}
	<-c.ended
	c.command = nil
}
