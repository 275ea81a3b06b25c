package main_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/sample"
)

const sampleKeys = `{"key": "` + sample.KeyLevel3 + `", "low_level_key": "` + sample.KeyLevel1 + `", "other_company_key": "` + sample.KeyOtherCompany + `"}`

func keysIn(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// TestContractCommand: the kit as a command, against a server that is right and one that is not.
func TestContractCommand(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample")
	keys := keysIn(t, sampleKeys)
	before := len(p.calls(p.Admin))

	r := command(t, "", "contract", "--keys", keys, "--pace", "0s", "--seed", "42", p.URL)
	require.Zero(t, r.code, r.out+r.err)
	require.Regexp(t, `contract: [0-9]{2,} cases ran, [0-9]+ did not, 0 findings; [0-9]{3} derived steps with seed 42`, r.out)
	require.Contains(t, r.out, "it may change something, and only read-safe cases were asked for")
	require.NotContains(t, r.out+r.err, sample.KeyLevel3)
	require.Greater(t, len(p.calls(p.Admin)), before)

	wrong := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	t.Cleanup(wrong.Close)
	junit := filepath.Join(t.TempDir(), "contract.xml")
	r = command(t, "", "contract", "--keys", keys, "--pace", "0s", "--junit", junit, wrong.URL)
	require.Equal(t, 1, r.code)
	require.Contains(t, r.out, "response.status")
	require.Contains(t, r.err, "the server is not as the specification says")
	require.NotContains(t, r.out+r.err, sample.KeyLevel3)
	written, err := os.ReadFile(junit)
	require.NoError(t, err)
	require.Contains(t, string(written), `name="response.status"`)
}

// TestContractCommand_mistakes: what is wrong with the command line or the file is said without a key.
func TestContractCommand_mistakes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, keys, url, says string }{
		{"no JSON", `{"key": cm_canary}`, "http://127.0.0.1:1", "must be a JSON object of texts with the fields key,"},
		{"unknown field", `{"kee": "cm_canary"}`, "http://127.0.0.1:1", "must be a JSON object of texts with the fields key,"},
		{"field twice", `{"key": "cm_canary", "key": "cm_canary"}`, "http://127.0.0.1:1", "each once at most"},
		{"text after it", `{"key": "cm_canary"} x`, "http://127.0.0.1:1", "must be a JSON object of texts"},
		{"no key", `{}`, "http://127.0.0.1:1", "the field key is missing"},
		{"no URL", sampleKeys, "127.0.0.1:1", "the base URL"},
		{"no host", sampleKeys, "http://", "must be of the form http://host or https://host"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := command(t, "", "contract", "--keys", keysIn(t, test.keys), test.url)
			require.Equal(t, 2, r.code, r.err)
			require.Contains(t, r.err, test.says)
			require.NotContains(t, r.err, "canary")
		})
	}
}
