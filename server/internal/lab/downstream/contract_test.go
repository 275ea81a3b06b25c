package downstream_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestContract runs the tests of another module, offline: its fake of the API drifted from the
// specification, and its tests must say so in words.
func TestContract(t *testing.T) {
	t.Parallel()
	dir := module(t, "contract")
	c := exec.CommandContext(t.Context(), "go", "test", "-v", ".")
	c.Dir = dir
	c.Env = environment()
	output, err := c.CombinedOutput()
	text := string(output)
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, text)
	t.Log(text)
	for _, words := range []string{
		"contract: schema.required at /rejected_items (openapi.yaml:", "expected this field",
		"contract: schema.value at /product/created_at (openapi.yaml:",
		"contract: product.ids at /product/client_id (openapi.yaml:", "expected the clientId of the path",
		"contract: trace.missing at header X-Trace-Id (openapi.yaml:", "expected this header in every response",
		`repeat: curl -sS -i -X POST 'http://127.0.0.1:`, `-H "x-api-key: $CRYPTOMATE_API_KEY"`,
		"--- FAIL: TestFake (", "--- FAIL: TestFake_suite/submitProduct:_no_key", `case "submitProduct: no key", without an API key: response.status at status`,
		"not run: submitProduct: revoked key: no fixture RevokedKey",
	} {
		require.Contains(t, text, words)
	}
	require.NotContains(t, text, "a-key-of-the-test")
}
