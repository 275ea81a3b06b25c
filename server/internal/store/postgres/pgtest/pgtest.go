// Package pgtest gives tests PostgreSQL databases of their own.
//
// The server is the one of TEST_DATABASE_URL, whose user must be allowed to create databases; `make test`
// sets it. Without it, a test program starts a cluster for itself, with the script that `make test` uses,
// .ci/postgres; it is gone when the test program is, however that ends.
package pgtest

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// timeout bounds all that happens to a database here.
const timeout = time.Minute

// DSN returns the URL of a new, empty database, which is dropped when the test ends.
func DSN(t testing.TB) string {
	t.Helper()
	return create(t, "template0")
}

// Copy is [DSN] with the content of another database, to which nobody may be connected.
func Copy(t testing.TB, dsn string) string {
	t.Helper()
	address, err := url.Parse(dsn)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return create(t, strings.TrimPrefix(address.Path, "/"))
}

func create(t testing.TB, template string) string {
	t.Helper()
	server, err := theServer()
	if err != nil {
		t.Fatalf("pgtest: no PostgreSQL: %v", err)
	}
	address, err := url.Parse(server.url)
	if err != nil {
		t.Fatal("pgtest: TEST_DATABASE_URL is not a URL") // the error would tell a password
	}
	name := "enablement_test_" + strings.ToLower(rand.Text()[:16])
	quoted := pgx.Identifier{name}.Sanitize()
	statement := fmt.Sprintf("CREATE DATABASE %s ENCODING 'UTF8' TEMPLATE %s", quoted, pgx.Identifier{template}.Sanitize())
	if err := execute(server.url, statement); err != nil {
		t.Fatalf("pgtest: making a database: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(server.url, "DROP DATABASE "+quoted+" WITH (FORCE)"); err != nil {
			t.Errorf("pgtest: dropping a database: %v", err)
		}
	})
	address.Path = "/" + name
	return address.String()
}

// execute runs a statement that can't be part of a transaction.
func execute(server, statement string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, statement)
	return err
}

// server is where databases are made.
type server struct {
	url string
	// lifeline is the input of the script. It stays open for as long as this program lives; its end
	// tells the script to stop the cluster.
	lifeline io.Closer
}

// theServer is started first where that is needed.
var theServer = sync.OnceValues(func() (*server, error) {
	if given := os.Getenv("TEST_DATABASE_URL"); given != "" {
		return &server{url: given}, nil
	}
	return start()
})

func start() (*server, error) {
	script, err := find(filepath.Join(".ci", "postgres"))
	if err != nil {
		return nil, err
	}
	// It must not hold this program's own output: `go test` waits for whoever does.
	output, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.Background(), script, "run", "sh", "-c", `echo "$TEST_DATABASE_URL"; cat >/dev/null`)
	cmd.Stdout, cmd.Stderr = theirs, theirs
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if err := theirs.Close(); err != nil {
		return nil, err
	}
	var told []string
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "postgres://") {
			return &server{url: lines.Text(), lifeline: lifeline}, nil
		}
		told = append(told, lines.Text())
	}
	return nil, fmt.Errorf("%s: %w\n%s", script, cmd.Wait(), strings.Join(told, "\n"))
}

// find looks for a file of the module from the working directory upwards; a test's is its package's.
func find(name string) (string, error) {
	directory, err := os.Getwd()
	for err == nil {
		path := filepath.Join(directory, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		above := filepath.Dir(directory)
		if above == directory {
			err = fmt.Errorf("no %s above the working directory; run `make test`, or set TEST_DATABASE_URL", name)
		}
		directory = above
	}
	return "", err
}
