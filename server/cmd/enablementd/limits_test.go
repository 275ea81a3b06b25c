package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

func TestRateLimit(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample", "--rate-limit", "15")
	var limited answer
	require.Eventually(t, func() bool {
		limited = p.call(http.MethodPost, path("nobody", "nothing"), sample.KeyLevel3)
		return limited.status == http.StatusTooManyRequests
	}, patience, time.Nanosecond)
	seconds, err := strconv.Atoi(limited.header.Get("Retry-After"))
	require.NoError(t, err)
	require.Equal(t, 1, seconds, "the first block lasts a second")
	var body map[string]string
	require.NoError(t, json.Unmarshal([]byte(limited.body), &body))
	require.Equal(t, map[string]string{
		"error_code": "TOO_MANY_REQUESTS",
		"code":       "TOO_MANY_REQUESTS",
		"message":    "Rate limit exceeded. Retry after 1 seconds",
		"trace_id":   limited.header.Get("X-Trace-Id"),
	}, body)
	require.Equal(t, http.StatusOK, p.do(http.MethodGet, p.Admin+"/readyz", http.Header{}).status, "operators are not limited")
}

func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "proxies.db")
	require.Zero(t, command(t, "", "migrate", "--db", db).code)
	require.Zero(t, command(t, dataFile(t), "import", "-", "--db", db).code)
	key := strings.TrimSpace(command(t, "", "keys", "create", "--company", "cmp_1", "--allow", "192.0.2.0/24", "--db", db).out)
	p := serve(t, "--db", db, "--provider-allow-private", "--provider-url", "http://127.0.0.1:1/", "--provider-secret", secret,
		"--trusted-proxies", "127.0.0.0/8,198.51.100.7/32")
	try := func(forwardedFor ...string) int {
		return p.with(http.Header{"X-Api-Key": {key}, "X-Forwarded-For": forwardedFor}, path("cl_1", "rq_9")).status
	}
	require.Equal(t, http.StatusUnauthorized, try(), "the proxy itself is not allowed")
	require.Equal(t, http.StatusNotFound, try("192.0.2.1"))
	require.Equal(t, http.StatusNotFound, try("192.0.2.1, 198.51.100.7"))
	require.Equal(t, http.StatusUnauthorized, try("192.0.2.1, 203.0.113.5"), "what stands left of a stranger is the stranger's word")
	require.Equal(t, http.StatusUnauthorized, try("192.0.2.1, nonsense"))
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample")
	seed, incomplete := sample.Cases[0], sample.Cases[1]
	try := func(c sample.Case, apiKey, key string) answer {
		return p.with(http.Header{"X-Api-Key": {apiKey}, "Idempotency-Key": {key}}, path(c.ClientID, c.RequestID))
	}
	first := try(seed, sample.KeyLevel3, "k-1")
	require.Equal(t, http.StatusOK, first.status, first.body)
	again := try(seed, sample.KeyLevel3, "k-1")
	require.Equal(t, http.StatusOK, again.status)
	require.Equal(t, first.body, again.body, "the same bytes")
	require.NotEqual(t, first.header.Get("X-Trace-Id"), again.header.Get("X-Trace-Id"), "it is another call")
	requireError(t, try(seed, sample.KeyLevel3, "k-2"), api.CodeVal, "")

	mismatch := try(incomplete, sample.KeyLevel3, "k-1")
	require.Equal(t, http.StatusUnprocessableEntity, mismatch.status)
	requireError(t, mismatch, api.CodeIdempotencyMismatch, "This Idempotency-Key was used for another call")
	require.Equal(t, http.StatusNotFound, try(seed, sample.KeyOtherCompany, "k-1").status, "companies don't meet")
	require.Equal(t, http.StatusUnauthorized, try(seed, sample.KeyLevel1, "k-1").status, "a replay needs the level, too")
	for _, bad := range []string{"", "with space", "é", strings.Repeat("k", 256)} {
		got := p.with(http.Header{"X-Api-Key": {sample.KeyLevel3}, "Idempotency-Key": {bad}}, path(seed.ClientID, seed.RequestID))
		require.Equal(t, http.StatusBadRequest, got.status, "%q: %s", bad, got.body)
	}
	p.waitFor(verified)
	require.Zero(t, p.Stop())
	require.Equal(t, 1, strings.Count(p.Output(), verified))
}

// TestIdempotency_twoProcesses races two processes on one database with one key.
func TestIdempotency_twoProcesses(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "two.db")
	processes := []*service{serve(t, "--sample", "--db", db)}
	processes = append(processes, serve(t, "--sample", "--db", db))
	answers := make([]answer, 32)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() {
			answers[i] = processes[i%2].with(http.Header{"X-Api-Key": {sample.KeyLevel3}, "Idempotency-Key": {"one-key"}},
				path(sample.Cases[0].ClientID, sample.Cases[0].RequestID))
		})
	}
	group.Wait()
	bodies := make(map[string]int)
	for _, a := range answers {
		switch a.status {
		case http.StatusOK:
			bodies[a.body]++
		case http.StatusConflict:
			requireError(t, a, api.CodeIdempotencyInProgress, "")
			require.Equal(t, "1", a.header.Get("Retry-After"))
		default:
			require.Fail(t, "unexpected answer", "%d %s", a.status, a.body)
		}
	}
	require.Len(t, bodies, 1, "whoever is answered, is answered the same")
	require.Zero(t, processes[0].Stop())
	require.Zero(t, processes[1].Stop())
	require.Regexp(t, `(?m)^ntf_\S+ +`+sample.Cases[0].RequestID, command(t, "", "notifications", "list", "--db", db).out)
}

func TestTLS(t *testing.T) {
	t.Parallel()
	cert, key, pool := certificate(t)
	p := serve(t, "--sample", "--tls-cert", cert, "--tls-key", key)
	require.True(t, strings.HasPrefix(p.URL, "https://"))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+path(sample.Cases[0].ClientID, sample.Cases[0].RequestID), nil)
	require.NoError(t, err)
	r.Header.Set("X-Api-Key", sample.KeyLevel3)
	resp, err := client.Do(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, 2, resp.ProtoMajor)
	require.NotEmpty(t, resp.Header.Get("Strict-Transport-Security"))

	old, err := tls.Dial("tcp", strings.TrimPrefix(p.URL, "https://"), &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11})
	if err == nil {
		_ = old.Close()
	}
	require.Error(t, err, "old versions of TLS are refused")

	r1 := command(t, "", "serve", "--sample", "--addr", "127.0.0.1:0", "--tls-cert", cert)
	require.Equal(t, 2, r1.code)
	require.Contains(t, r1.err, "--tls-key")
}

// certificate makes a certificate of 127.0.0.1 that the returned pool trusts.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return file
	}
	pool = x509.NewCertPool()
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool.AddCert(parsed)
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", keyDER), pool
}

func TestConfig(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secrets")
	require.NoError(t, os.WriteFile(file, []byte(secret+"\n"), 0o600))
	r := command(t, "", "config", "--provider-url", "https://provider.example/hook", "--provider-secret", secret,
		"--provider-secret-file", file, "--otlp-header", "authorization=hunter2", "--db", "/var/lib/x.db")
	require.Zero(t, r.code, r.err)
	require.NotContains(t, r.out, secret)
	require.NotContains(t, r.out, "hunter2")
	for _, line := range []string{
		`--provider-secret +ENABLEMENTD_PROVIDER_SECRET +\(1, masked\)`,
		`--otlp-header +ENABLEMENTD_OTLP_HEADER +\(1, masked\)`,
		`--provider-url +ENABLEMENTD_PROVIDER_URL +https://provider.example/hook`,
		`--db +ENABLEMENTD_DB +/var/lib/x.db`,
		`--rate-limit +ENABLEMENTD_RATE_LIMIT +15`,
		`--admin-addr +ENABLEMENTD_ADMIN_ADDR +127.0.0.1:8081`,
	} {
		require.Regexp(t, line, r.out)
	}
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	for line := range strings.Lines(r.out) {
		if flag := strings.Fields(line)[0]; strings.HasPrefix(flag, "--") {
			require.True(t, strings.Contains(string(readme), "`"+flag), "the README's table lacks %s", flag)
		}
	}
}
