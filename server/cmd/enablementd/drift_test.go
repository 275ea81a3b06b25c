package main_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server/contract/cassette"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

// cassetteOf has the sample's first case in it, as recorded, with replacements.
func cassetteOf(t *testing.T, p *service, oldnew ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sample.cassette")
	recorder, err := cassette.Create(path, p.URL)
	require.NoError(t, err)
	call := http.Client{Transport: recorder.Transport(nil)}
	for range 2 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+clientsPath+"/"+sample.Cases[0].ClientID+"/products", nil)
		require.NoError(t, err)
		r.Header.Set("X-Api-Key", sample.KeyLevel3)
		response, err := call.Do(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
	}
	require.NoError(t, recorder.Close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.NewReplacer(oldnew...).Replace(string(text))), 0o600))
	return path
}

// TestDrift: the command names what recorded traffic breaks, and where the specification says so.
func TestDrift(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample")
	r := command(t, "", "drift", cassetteOf(t, p))
	require.Zero(t, r.code, r.out+r.err)
	require.Contains(t, r.out, "drift: 2 exchanges, 0 differences")
	require.Contains(t, r.out, "not in the traffic: completeDocumentation, createClient, ")

	r = command(t, "", "drift", cassetteOf(t, p, `"missing_requirements"`, `"requirements"`))
	require.Equal(t, 1, r.code)
	before, _, found := strings.Cut(spec.YAML(), "required: [id, client_id, product, status, missing_requirements")
	require.True(t, found)
	line := 1 + strings.Count(before, "\n")
	require.Regexp(t, fmt.Sprintf(`listProducts: schema.required \(2\)\n\tfirst in exchange 1, GET .*/products -> 200: schema.required at /0/missing_requirements \(openapi.yaml:%d\): expected this field`, line), r.out)
	require.Contains(t, r.out, "listProducts: schema.undeclared_field (2)")
	require.Contains(t, r.err, "the traffic is not as the specification says: 4 differences")

	browser, err := filepath.Abs("../../contract/cassette/testdata/browser.har")
	require.NoError(t, err)
	r = command(t, "", "drift", browser)
	require.Equal(t, 1, r.code, r.out+r.err)
	require.Contains(t, r.out, "getClient: schema.required (1)")
	require.Contains(t, r.out, "left out: 3 calls of other hosts or paths, 1 without a response or a body")
	require.NotContains(t, strings.ToLower(r.out+r.err), "canary")
	r = command(t, "", "drift", "--without", "schema.required", browser)
	require.Zero(t, r.code, r.out+r.err)
	r = command(t, "", "drift", "--without", "schema.require", browser)
	require.Equal(t, 2, r.code)
	require.Contains(t, r.err, "schema.required")
	r = command(t, "", "drift", "--url", "https://elsewhere.example", browser)
	require.Zero(t, r.code, r.out+r.err)
	require.Contains(t, r.out, "drift: 0 exchanges")
}

// TestDrift_unreadable: what is no traffic is a mistake of the caller's, and no value of it is shown.
func TestDrift_unreadable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, says string }{
		"no JSON":  {"canary", "HAR: there is no log, so this is neither a HAR file nor a cassette"},
		"nothing":  {"", "HAR: there is no log"},
		"version":  {`{"cassette":2,"spec":"1.0.0"}` + "\n", "the form is 2, and only 1 is known"},
		"exchange": {`{"cassette":1,"spec":"1.0.0"}` + "\n{\"canary\":1}\n", "line 2: this is not an exchange"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "traffic")
			require.NoError(t, os.WriteFile(path, []byte(test.text), 0o600))
			r := command(t, "", "drift", path)
			require.Equal(t, 2, r.code)
			require.Contains(t, r.err, test.says)
			require.NotContains(t, r.err, "canary")
		})
	}
	require.Equal(t, 2, command(t, "", "drift", filepath.Join(t.TempDir(), "none")).code)
	path := cassetteOf(t, serve(t, "--sample"))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, text[:len(text)-20], 0o600))
	r := command(t, "", "drift", path)
	require.Zero(t, r.code)
	require.Contains(t, r.out, "drift: 1 exchanges")
	require.Contains(t, r.err, "the last line is torn")
}
