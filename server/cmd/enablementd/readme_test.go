package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/sample"
)

var (
	program  = regexp.MustCompile("(?s)```go\n(package main\n.*?)```")
	testFile = regexp.MustCompile("(?s)```go\n(package yours_test\n.*?)```")
)

// programs returns the complete programs of a README, written to files.
func programs(t *testing.T, readme string) []string {
	t.Helper()
	text, err := os.ReadFile("../../../" + readme)
	require.NoError(t, err)
	var files []string
	for _, match := range program.FindAllSubmatch(text, -1) {
		file := filepath.Join(t.TempDir(), "main.go")
		require.NoError(t, os.WriteFile(file, match[1], 0o600))
		files = append(files, file)
	}
	return files
}

func TestREADME_programsCompile(t *testing.T) {
	t.Parallel()
	for readme, count := range map[string]int{"README.md": 1, "client/README.md": 5, "server/README.md": 1} {
		files := programs(t, readme)
		require.Len(t, files, count, readme)
		for _, file := range files {
			output, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput()
			require.NoError(t, err, string(output))
			output, err = exec.CommandContext(t.Context(), "gofmt", "-l", file).CombinedOutput()
			require.NoError(t, err)
			require.Empty(t, string(output), "the program is not formatted")
		}
	}
}

// TestREADME_testRuns runs the README's test, as a reader would.
func TestREADME_testRuns(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../README.md")
	require.NoError(t, err)
	match := testFile.FindSubmatch(readme)
	require.NotNil(t, match)
	file := filepath.Join(t.TempDir(), "yours_test.go")
	require.NoError(t, os.WriteFile(file, match[1], 0o600))
	output, err := exec.CommandContext(t.Context(), "go", "test", file).CombinedOutput()
	require.NoError(t, err, string(output))
}

// TestREADME_clientRuns runs the clients of both READMEs against the sample, as they say one can.
func TestREADME_clientRuns(t *testing.T) {
	t.Parallel()
	for readme, want := range map[string]string{"README.md": "in_kyc []\n", "client/README.md": "It is with the provider.\n"} {
		p := serve(t, "--sample")
		c := exec.CommandContext(t.Context(), "go", "run", programs(t, readme)[0])
		c.Env = append(os.Environ(), "CRYPTOMATE_API_KEY="+sample.KeyLevel3, "CRYPTOMATE_BASE_URL="+p.URL)
		output, err := c.CombinedOutput()
		require.NoError(t, err, string(output))
		require.Equal(t, want, string(output))
	}
}

func TestREADME_namesTheSample(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../README.md")
	require.NoError(t, err)
	seed := sample.Cases[0]
	require.Contains(t, string(readme), "/management/clients/individuals/"+seed.ClientID+"/products/"+seed.RequestID+"/submit")
	require.Contains(t, string(readme), `-H "x-api-key: `+sample.KeyLevel3+`"`)
	response, err := os.ReadFile("../../../gen/spec/testdata/seed.json")
	require.NoError(t, err)
	_, shown, found := strings.Cut(string(readme), "```json\n")
	require.True(t, found)
	shown, _, _ = strings.Cut(shown, "```")
	require.JSONEq(t, string(response), shown, "the response shown is the seed's")
}
