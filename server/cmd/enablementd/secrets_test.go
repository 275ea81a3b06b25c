package main_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

// TestSecrets_notTold: no secret of the command line or the environment is in what config prints, in an error, in the
// log or in a profile.
func TestSecrets_notTold(t *testing.T) {
	t.Parallel()
	const hidden = "hunter2"
	for name, args := range map[string][]string{
		"config": {
			"config", "--db", "postgres://u:hunter2@h/d?sslpassword=hunter2", "--provider-url", "https://hunter2:hunter2@h/hunter2?key=hunter2",
			"--provider-secret", "hunter2", "--otlp-endpoint", "http://hunter2@h/?x=hunter2", "--otlp-header", "authorization=hunter2",
		},
		"config, keywords":       {"config", "--db", "host=h password='a hunter2'"},
		"keywords":               {"keys", "list", "--db", "host=h password=hunter2"},
		"one slash":              {"keys", "list", "--db", "postgres:/u:hunter2@h/d"},
		"another database":       {"serve", "--sample", "--db", "mysql://u:hunter2@h/d"},
		"not encoded":            {"keys", "list", "--db", "postgres://u:hunter2/x@h/d"},
		"nobody there":           {"keys", "list", "--db", "postgres://u:hunter2@127.0.0.1:1/d?password=hunter2"},
		"torn":                   {"serve", "--db", "postgres://u:my", "hunter2@h/d"},
		"secret of wrong form":   {"serve", "--provider-url", "https://p.example", "--provider-secret", "hunter2"},
		"provider of wrong form": {"serve", "--provider-url", "https://u:hunter2@p.example", "--provider-secret", secret},
		"header of wrong form":   {"serve", "--otlp-header", "authorization: hunter2"},
		"endpoint of wrong form": {
			"serve", "--sample", "--addr", "127.0.0.1:0", "--otlp-endpoint", "http://u:hunter2@h/?token=hunter2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := command(t, "", args...)
			require.NotContains(t, r.out+r.err, hidden)
			if args[0] == "config" {
				require.Contains(t, r.out, "--provider-secret")
				require.Contains(t, r.err, "serve would refuse this: ")
			}
			require.NotZero(t, r.code)
			require.Equal(t, 1, strings.Count(r.err, "\n"), r.err)
		})
	}
	t.Run("served from PostgreSQL", func(t *testing.T) {
		t.Parallel()
		u, err := url.Parse(pgtest.DSN(t))
		require.NoError(t, err)
		query := u.Query()
		query.Set("sslpassword", hidden)
		u.RawQuery = query.Encode()
		p := serve(t, newReceiver(t).flags(u.String())...)
		require.Zero(t, p.Stop())
		require.Contains(t, p.Output(), "sslpassword=xxxxx")
		require.NotContains(t, p.Output(), hidden)
	})
	t.Run("served", func(t *testing.T) {
		t.Parallel()
		p := serve(t, "--db", sqliteFile(t), "--pprof", "--provider-secret", secret,
			"--provider-url", "https://provider.example/hunter2?token=hunter2", "--otlp-endpoint", "http://127.0.0.1:1", "--otlp-header", "a=hunter2")
		require.Equal(t, http.StatusOK, p.do(http.MethodGet, p.Admin+"/debug/pprof/", http.Header{}).status)
		for _, path := range []string{"/debug/pprof/cmdline", "/debug/pprof/", "/debug/pprof/goroutine?debug=2", "/metrics"} {
			a := p.do(http.MethodGet, p.Admin+path, http.Header{})
			require.NotContains(t, a.body, hidden, path)
			require.NotContains(t, a.body, secret, path)
		}
		require.Equal(t, http.StatusNotFound, p.do(http.MethodGet, p.Admin+"/debug/pprof/cmdline", http.Header{}).status)
		require.Zero(t, p.Stop())
		require.NotContains(t, p.Output(), hidden)
		require.NotContains(t, p.Output(), secret)
	})
}

// TestSecretFile: one secret a line, however the lines end.
func TestSecretFile(t *testing.T) {
	t.Parallel()
	const another = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
	serving := func(file string) []string {
		return []string{
			"serve", "--addr", "127.0.0.1:0", "--admin-addr", "off", "--db", filepath.Join(filepath.Dir(file), "x.db"),
			"--provider-url", "https://provider.example/", "--provider-secret-file", file,
		}
	}
	for name, content := range map[string]string{
		"one":              secret,
		"a line":           secret + "\n",
		"two":              secret + "\n" + another + "\n",
		"Windows":          secret + "\r\n\r\n" + another + "\r\n",
		"byte order mark":  "\ufeff" + secret + "\n",
		"blanks around it": "\n  " + secret + "\t\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "secret")
			require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
			p := serve(t, serving(file)[5:]...)
			require.Zero(t, p.Stop())
			require.NotContains(t, p.Output(), "level=WARN")
		})
	}
	for name, test := range map[string]struct{ content, want string }{
		"empty":      {"\n", "there is no secret in it"},
		"wrong":      {secret + "\nhunter2\n", "provider secret 2 of 2"},
		"wrong file": {strings.Repeat("x", 1<<20), "too long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "secret")
			require.NoError(t, os.WriteFile(file, []byte(test.content), 0o600))
			r := command(t, "", serving(file)...)
			require.Equal(t, 2, r.code)
			require.Contains(t, r.err, test.want)
			require.NotContains(t, r.err, "hunter2")
		})
	}
}

// TestFileModes: files that others of this machine may read are told of, once.
func TestFileModes(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	db, secrets := filepath.Join(directory, "enablement.db"), filepath.Join(directory, "secret")
	require.NoError(t, os.WriteFile(secrets, []byte(secret), 0o600))
	flags := []string{"--db", db, "--provider-url", "https://provider.example/", "--provider-secret-file", secrets}
	p := serve(t, flags...)
	require.Zero(t, p.Stop())
	require.NotContains(t, p.Output(), "level=WARN", "what it makes itself is private")
	for _, mode := range []os.FileMode{0o644, 0o640, 0o606} {
		require.NoError(t, os.Chmod(db, mode))
		require.NoError(t, os.Chmod(secrets, mode))
		p := serve(t, flags...)
		require.Zero(t, p.Stop())
		require.Equal(t, 2, strings.Count(p.Output(), "other users of this machine may have access"), p.Output())
		require.Contains(t, p.Output(), "file="+db)
		require.Contains(t, p.Output(), "file="+secrets)
	}
}
