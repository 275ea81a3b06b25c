package contract_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDownstream runs the tests of another module, offline: its fake of the API drifted from the
// description, and its tests must say so in words.
func TestDownstream(t *testing.T) {
	t.Parallel()
	module, err := filepath.Abs("../..")
	require.NoError(t, err)
	dir := t.TempDir()
	place := func(name, from string) {
		text, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(strings.Replace(string(text), "MODULE", module, 1)), 0o600))
	}
	place("go.mod", "testdata/downstream/go.mod.txt")
	place("go.sum", "../../go.sum")
	place("fake.go", "testdata/downstream/fake.go")
	place("downstream_test.go", "testdata/downstream/downstream_test.go")

	c := exec.CommandContext(t.Context(), "go", "test", "-v", ".")
	c.Dir = dir
	c.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "GOWORK=off", "CGO_ENABLED=0")
	output, err := c.CombinedOutput()
	text := string(output)
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, text)
	t.Log(text)
	for _, words := range []string{
		"contract: schema.required at /rejected_items (openapi.yaml:", "expected this field",
		"contract: schema.value at /product/created_at (openapi.yaml:",
		"contract: submission.ids at /product/client_id (openapi.yaml:", "expected the clientId of the path",
		"contract: trace.missing at header X-Trace-Id (openapi.yaml:", "expected this header in every reply",
		`repeat: curl -sS -i -X POST 'http://127.0.0.1:`, `-H "x-api-key: $CRYPTOMATE_API_KEY"`,
		"--- FAIL: TestFake (", "--- FAIL: TestFake_suite/no_key", `case "no key": reply.status at status`,
		"not run: already in_kyc: no fixture InKYC",
	} {
		require.Contains(t, text, words)
	}
	require.NotContains(t, text, "a-key-of-the-test")
}
