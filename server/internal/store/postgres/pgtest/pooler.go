package pgtest

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Pooler starts PgBouncer in front of a database, with settings such as pool_mode=session, and returns the
// database's URL through it. It is gone when the test has ended, and it ends with the test program.
func Pooler(t testing.TB, dsn string, settings ...string) string {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer" // of Debian, which only root's PATH has
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatal("pgtest: no PgBouncer is installed here, and a test has to connect through one: install the package pgbouncer (make test does)")
	}
	address, err := url.Parse(dsn)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	directory, err := os.MkdirTemp("/tmp", "enablement-pgbouncer.") //nolint:usetesting // a socket's path may not be as long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	name := strings.TrimPrefix(address.Path, "/")
	parts := []string{"dbname=" + name, "user=" + address.User.Username()}
	if password, ok := address.User.Password(); ok {
		parts = append(parts, "password='"+password+"'")
	}
	if host := address.Query().Get("host"); host != "" {
		parts = append(parts, "host="+host)
	} else {
		parts = append(parts, "host="+address.Hostname())
	}
	if port := address.Port(); port != "" {
		parts = append(parts, "port="+port)
	}
	lines := []string{
		"[databases]", name + " = " + strings.Join(parts, " "),
		"[pgbouncer]", "unix_socket_dir = " + directory, "listen_port = 6432", "auth_type = any", "default_pool_size = 50",
	}
	file := filepath.Join(directory, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(strings.Join(append(lines, settings...), "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"setpriv", "--pdeathsig", "QUIT"}
	if os.Getuid() == 0 { // it refuses to run as root
		who := "postgres"
		if _, err := user.Lookup(who); err != nil {
			who = "nobody"
		}
		args = append(args, "--reuid", who, "--regid", groupOf(t, who), "--clear-groups")
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		if output, err := exec.CommandContext(ctx, "chown", "-R", who, directory).CombinedOutput(); err != nil {
			t.Fatalf("pgtest: %v\n%s", err, output)
		}
	}
	var said strings.Builder
	command := exec.CommandContext(context.Background(), args[0], append(args[1:], program, file)...)
	command.Dir, command.Stderr, command.Stdout = "/", &said, &said
	if err := command.Start(); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }() // how it ends is the clean-up's to say
	t.Cleanup(func() {
		_ = command.Process.Kill() // or it has ended
		<-ended
	})
	through := &url.URL{Scheme: "postgres", User: url.User(address.User.Username()), Host: ":6432", Path: address.Path}
	through.RawQuery = url.Values{"host": {directory}}.Encode()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	for execute(through.String(), "SELECT 1") != nil {
		select {
		case <-ended:
			t.Fatalf("pgtest: PgBouncer ended:\n%s", said.String())
		case <-ctx.Done():
			t.Fatal("pgtest: PgBouncer takes no connections")
		case <-time.After(20 * time.Millisecond):
		}
	}
	return through.String()
}
