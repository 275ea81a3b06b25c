package main_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

// TestSample_reset: a request can be submitted again after a reset, under the same idempotency key, and the provider
// is told of each submission.
func TestSample_reset(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample")
	seed := sample.Cases[0]
	keyed := http.Header{"X-Api-Key": {sample.KeyLevel3}, "Idempotency-Key": {"same"}}
	first := p.with(keyed, path(seed.ClientID, seed.RequestID))
	require.Equal(t, http.StatusOK, first.status, first.body)
	require.Equal(t, first.body, p.with(keyed, path(seed.ClientID, seed.RequestID)).body, "replayed")
	require.Equal(t, http.StatusConflict, p.call(http.MethodPost, path(seed.ClientID, seed.RequestID), sample.KeyLevel3).status)

	require.Equal(t, http.StatusForbidden, p.with(http.Header{"Origin": {"https://example.com"}}, sample.ResetPath).status)
	require.Equal(t, http.StatusConflict, p.call(http.MethodPost, path(seed.ClientID, seed.RequestID), sample.KeyLevel3).status)
	require.Equal(t, http.StatusMisdirectedRequest, p.raw(host(p.URL), "POST "+sample.ResetPath+" HTTP/1.1\r\nHost: example.com\r\n\r\n").status)

	reset := p.call(http.MethodPost, sample.ResetPath, "")
	require.Equal(t, http.StatusOK, reset.status, reset.body)
	p.waitFor("the sample is as it was at the start")
	require.Equal(t, http.StatusOK, p.with(keyed, path(seed.ClientID, seed.RequestID)).status)
	require.Equal(t, http.StatusConflict, p.call(http.MethodPost, path(seed.ClientID, seed.RequestID), sample.KeyLevel3).status)
	p.waitFor("(?s)" + verified + ".*" + verified)
	require.Zero(t, p.Stop())
	require.Equal(t, 2, strings.Count(p.Output(), verified))
}

// TestReset_withoutSample: a service proper has none of the stand-in, on no listener.
func TestReset_withoutSample(t *testing.T) {
	t.Parallel()
	p := serve(t, newReceiver(t).flags(sqliteFile(t))...)
	for _, listener := range []string{p.URL, p.Admin} {
		refused := p.do(http.MethodPost, listener+sample.ResetPath, http.Header{})
		require.Equal(t, http.StatusNotFound, refused.status)
		requireError(t, refused, api.CodeNotFound, "")
	}
	require.NotContains(t, p.call(http.MethodGet, "/docs/", "").body, "sample")
}
