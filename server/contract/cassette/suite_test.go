package cassette_test

import (
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/contract"
	"github.com/cryptomate-go/enablement/server/contract/cassette"
	"github.com/cryptomate-go/enablement/server/servertest"
)

// TestSuite: all that the kit's suite asks of the real service, right calls and wrong ones, is as right in a cassette as
// it was, and has no key and no photo.
func TestSuite(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	path := filepath.Join(t.TempDir(), "suite.cassette")
	r, err := cassette.Create(path, "")
	require.NoError(t, err)
	target, err := url.Parse(s.URL())
	require.NoError(t, err)
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }, Transport: r.Transport(nil)})
	t.Cleanup(proxy.Close)
	var derived []string // which send words such as DOCUMENT as names of fields: they would be taken out wherever else they stand
	for _, one := range contract.Cases() {
		if one.Derived {
			derived = append(derived, one.Name)
		}
	}
	coverage, err := contract.Inspect(t.Context(), contract.At(proxy.URL), contract.Fixtures{Key: s.DefaultKey()},
		contract.AllCases(), contract.Pace(0), contract.WithoutCases(derived...))
	require.NoError(t, err)
	require.Empty(t, coverage.Findings)
	require.NoError(t, r.Close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(text), s.DefaultKey())
	require.Less(t, len(text), 4<<20, "the photos are gone")

	c, err := cassette.Load(path)
	require.NoError(t, err)
	require.Greater(t, c.Len(), 100)
	findings, err := c.Check(contract.ResponsesOnly())
	require.NoError(t, err)
	require.Empty(t, findings)
	require.NotContains(t, strings.ToLower(string(text)), "ana@")
}
