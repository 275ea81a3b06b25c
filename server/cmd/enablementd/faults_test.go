package main_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/sample/faults"
)

func TestFaults_sample(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample")
	require.Contains(t, p.Output(), faults.Header)
	seed := path(sample.Cases[0].ClientID, sample.Cases[0].RequestID)
	header := http.Header{"X-Api-Key": {sample.KeyLevel3}, faults.Header: {"status=503"}}
	require.Equal(t, http.StatusServiceUnavailable, p.with(header, seed).status)
	header.Set(faults.Header, "unknown-status")
	got := p.with(header, seed)
	require.Equal(t, http.StatusOK, got.status)
	require.Contains(t, got.body, `"under_review"`)
}

// TestFaults_notInProduction: without --sample it is a header like any other.
func TestFaults_notInProduction(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "production.db")
	require.Zero(t, command(t, "", "migrate", "--db", db).code)
	require.Zero(t, command(t, dataFile(t), "import", "-", "--db", db).code)
	key := strings.TrimSpace(command(t, "", "keys", "create", "--company", "cmp_1", "--db", db).out)
	p := serve(t, "--db", db, "--provider-allow-private", "--provider-url", "http://127.0.0.1:1/", "--provider-secret", secret)
	require.NotContains(t, p.Output(), faults.Header)
	for _, fault := range []string{"status=503", "lose", "cut=3", "html", "explode"} {
		got := p.with(http.Header{"X-Api-Key": {key}, faults.Header: {fault}}, path("cl_1", "rq_9"))
		require.Equal(t, http.StatusNotFound, got.status, fault)
		require.Equal(t, "application/json", got.header.Get("Content-Type"))
	}
}
