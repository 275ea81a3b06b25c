package main_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
)

// TestReload_certificate: SIGHUP has the certificate read again, and a bad one changes nothing.
func TestReload_certificate(t *testing.T) {
	t.Parallel()
	cert, key, pool := certificate(t)
	p := serve(t, "--sample", "--tls-cert", cert, "--tls-key", key)
	trusts := func(pool *x509.CertPool) bool {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(p.URL, "https://"), &tls.Config{RootCAs: pool})
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}
	require.True(t, trusts(pool))

	newCert, newKey, newPool := certificate(t)
	require.NoError(t, os.Rename(newCert, cert))
	p.Signal(syscall.SIGHUP) // the key is still the old one
	p.waitFor(`level=ERROR msg="not read again, the old ones stay in use" what="the certificate"`)
	require.True(t, trusts(pool))
	require.NoError(t, os.Rename(newKey, key))
	p.Signal(syscall.SIGHUP)
	p.waitFor(`msg="read again" what="the certificate"`)
	require.True(t, trusts(newPool))
	require.False(t, trusts(pool))
	require.Zero(t, p.Stop())
}

// TestReload_secrets: SIGHUP has the provider's secrets read again, and a bad file changes nothing.
func TestReload_secrets(t *testing.T) {
	t.Parallel()
	const next = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
	signedBy := make(chan [2]bool, 10)
	provider := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var by [2]bool
		for i, secret := range []string{secret, next} {
			verifier, _ := standardwebhooks.NewWebhook(secret)
			by[i] = err == nil && verifier.Verify(body, r.Header) == nil
		}
		signedBy <- by
	}))
	t.Cleanup(provider.Close)
	db, file := sqliteFile(t), filepath.Join(t.TempDir(), "secrets")
	write := func(content string) { require.NoError(t, os.WriteFile(file, []byte(content), 0o600)) }
	write(secret + "\n")
	key := prepare(t, db, 4)
	p := serve(t, "--db", db, "--provider-allow-private", "--provider-url", provider.URL, "--provider-secret-file", file, "--rate-limit", "0")
	submitted := 0
	signatures := func() [2]bool {
		t.Helper()
		submitted++
		require.Equal(t, http.StatusOK, p.submit(key, numbered("rq", submitted), "").status)
		return <-signedBy
	}
	require.Equal(t, [2]bool{true, false}, signatures())
	write(secret + "\n" + next + "\n")
	p.Signal(syscall.SIGHUP)
	p.waitFor(`msg="read again" what="the provider's secrets"`)
	require.Equal(t, [2]bool{true, true}, signatures())
	write("hunter2\n")
	p.Signal(syscall.SIGHUP)
	p.waitFor(`level=ERROR msg="not read again, the old ones stay in use" what="the provider's secrets"`)
	require.Equal(t, [2]bool{true, true}, signatures())
	write(next + "\n")
	p.Signal(syscall.SIGHUP)
	p.waitFor(`(?s)(msg="read again".*){2}`)
	require.Equal(t, [2]bool{false, true}, signatures())
	require.Zero(t, p.Stop())
	for _, secret := range []string{secret, next, "hunter2"} {
		require.NotContains(t, p.Output(), secret)
	}
}

// TestReload_nothing: there is nothing to read again, and that is no reason to end.
func TestReload_nothing(t *testing.T) {
	t.Parallel()
	p := serve(t, "--db", sqliteFile(t), "--provider-url", "https://provider.example/", "--provider-secret", secret)
	p.Signal(syscall.SIGHUP)
	p.waitFor("there are no files to read again")
	require.Equal(t, http.StatusOK, p.ready().status)
	require.Zero(t, p.Stop())
}

// TestStart_pipes: what another program hands over through a pipe is read once.
func TestStart_pipes(t *testing.T) {
	t.Parallel()
	cert, key, _ := certificate(t)
	pipe := func(content []byte) (name string) {
		name = filepath.Join(t.TempDir(), "pipe")
		require.NoError(t, syscall.Mkfifo(name, 0o600))
		go func() { _ = os.WriteFile(name, content, 0o600) }() // it ends when somebody has read it
		return name
	}
	text, err := os.ReadFile(key)
	require.NoError(t, err)
	p := serve(t, "--db", sqliteFile(t), "--provider-url", "https://provider.invalid", "--provider-secret-file", pipe([]byte(secret+"\n")),
		"--tls-cert", cert, "--tls-key", pipe(text))
	require.True(t, strings.HasPrefix(p.URL, "https://"), p.URL)
	require.Zero(t, p.Stop())
}
