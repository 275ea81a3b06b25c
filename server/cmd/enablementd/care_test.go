package main_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

// care returns the commands that CARE.md has under a heading.
func care(t *testing.T, heading string) (commands []string) {
	t.Helper()
	page, err := os.ReadFile("../../deploy/CARE.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(page), "\n## "+heading+"\n")
	require.True(t, found, heading)
	section, _, _ = strings.Cut(section, "\n## ")
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(section, -1) {
		commands = append(commands, block[1])
	}
	return commands
}

// shell runs commands of a page in a directory.
func shell(t *testing.T, directory, commands string, variables ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", commands)
	c.Dir = directory
	c.Env = append([]string{"PATH=" + filepath.Dir(binary) + ":" + os.Getenv("PATH"), "HOME=" + directory}, variables...)
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	require.NoError(t, c.Run(), "%s\n%s", commands, &output)
	return output.String()
}

// TestCare_restore: a backup that was made while the service runs brings back what was there then, photos included.
func TestCare_restore(t *testing.T) {
	t.Parallel()
	backup, restore := care(t, "Backup"), care(t, "Restore")
	require.Len(t, backup, 2)
	require.Len(t, restore, 2)
	for kind, test := range map[string]struct {
		at     int
		db     func(directory string) string
		target func(db string) string // where it is restored to
	}{
		"sqlite":   {0, func(directory string) string { return filepath.Join(directory, "enablement.db") }, func(db string) string { return db }},
		"postgres": {1, func(string) string { return pgtest.DSN(t) }, func(string) string { return pgtest.DSN(t) }},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			directory := t.TempDir()
			db := test.db(directory)
			p := serve(t, "--sample", "--rate-limit", "0", "--decide-after", "0s", "--db", db)
			before := p.send(http.MethodPost, clientsPath, person("before@example.com"))
			require.Equal(t, http.StatusCreated, before.status, before.body)
			shell(t, directory, backup[test.at], "DATABASE_URL="+db)
			after := p.send(http.MethodPost, clientsPath, person("after@example.com"))
			require.Equal(t, http.StatusCreated, after.status, after.body)
			p.Stop()

			db = test.target(db)
			require.Contains(t, shell(t, directory, restore[test.at], "DATABASE_URL="+db), "is at schema")
			p = serve(t, "--db", db, "--provider-url", "https://provider.example/hook", "--provider-secret", secret, "--rate-limit", "0")
			list := p.call(http.MethodGet, clientsPath, sample.KeyLevel3)
			require.Equal(t, http.StatusOK, list.status, list.body)
			require.Contains(t, list.body, "before@example.com")
			require.NotContains(t, list.body, "after@example.com")
			require.Equal(t, http.StatusOK, p.ready().status)
		})
	}
}

// TestCare_rotate: after the commands, notifications are signed with both secrets.
func TestCare_rotate(t *testing.T) {
	t.Parallel()
	rotate := care(t, "Rotate the provider secret")
	require.Len(t, rotate, 1)
	signatures := make(chan string, 2)
	provider := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		signatures <- r.Header.Get("webhook-signature")
	}))
	t.Cleanup(provider.Close)
	directory := t.TempDir()
	file := filepath.Join(directory, "provider-secret")
	require.NoError(t, os.WriteFile(file, []byte(secret+"\n"), 0o600))
	db := sqliteFile(t)
	key := prepare(t, db, 2)
	p := serve(t, "--db", db, "--provider-allow-private", "--provider-url", provider.URL, "--provider-secret-file", file)
	for i, want := range []int{1, 2} {
		if i > 0 {
			shell(t, directory, rotate[0], "ENABLEMENTD_PID="+strconv.Itoa(p.PID()))
			p.waitFor(`msg="read again" what="the provider's secrets"`)
		}
		require.Equal(t, http.StatusOK, p.submit(key, numbered("rq", i+1), "").status)
		require.Len(t, strings.Fields(<-signatures), want)
	}
}

// TestBackup_refused: a backup never takes the place of a file, and leaves nothing behind where it fails.
func TestBackup_refused(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	db, there := filepath.Join(directory, "enablement.db"), filepath.Join(directory, "there.db")
	require.Zero(t, command(t, "", "migrate", "--db", db).code)
	require.NoError(t, os.WriteFile(there, []byte("mine"), 0o600))
	r := command(t, "", "backup", "--db", db, there)
	require.Equal(t, 2, r.code)
	require.Contains(t, r.err, "file already exists")
	content, err := os.ReadFile(there)
	require.NoError(t, err)
	require.Equal(t, "mine", string(content))

	r = command(t, "", "backup", "--db", db, filepath.Join(directory, "nowhere", "backup.db"))
	require.Equal(t, 2, r.code)
	require.Contains(t, r.err, "no such file or directory")
	r = command(t, "", "backup", "--db", pgtest.DSN(t), filepath.Join(directory, "backup.db"))
	require.Equal(t, 2, r.code)
	partial, err := filepath.Glob(filepath.Join(directory, "*.partial"))
	require.NoError(t, err)
	require.Empty(t, partial)
}

// TestCare_watch: the rules and the dashboard ask for figures that the service has.
func TestCare_watch(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample")
	p.call(http.MethodGet, clientsPath, sample.KeyLevel3)
	figures := p.do(http.MethodGet, p.Admin+"/metrics", http.Header{}).body
	for _, file := range []string{"alerts.yaml", "dashboard.json"} {
		text, err := os.ReadFile("../../deploy/" + file)
		require.NoError(t, err)
		names := regexp.MustCompile(`\b(enablement|process)_[a-z_]+`).FindAllString(string(text), -1)
		require.NotEmpty(t, names, file)
		for _, name := range names {
			require.Contains(t, figures, "\n"+name, "%s asks for %s", file, name)
		}
	}
}
