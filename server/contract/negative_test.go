package contract_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/contract"
	"github.com/cryptomate-go/enablement/server/contract/internal/minimal"
)

// only runs these cases.
func only(names ...string) contract.SuiteOption {
	var others []string
	for _, one := range contract.Cases() {
		if !slices.Contains(names, one.Name) {
			others = append(others, one.Name)
		}
	}
	return contract.WithoutCases(others...)
}

// TestSeed: the same seed makes the same calls, another one makes others.
func TestSeed(t *testing.T) {
	t.Parallel()
	sent := func(seed uint64) (calls []string) {
		handler, fixtures := minimal.New()
		coverage := contract.Suite(t, contract.InProcess(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls = append(calls, r.Method+" "+r.URL.String()+" "+r.Header.Get("Idempotency-Key"))
			handler.ServeHTTP(w, r)
		})), fixtures, only("submitProduct: parameters"), contract.Seed(seed))
		require.Equal(t, seed, coverage.Seed)
		require.Greater(t, coverage.Derived, 10)
		require.Contains(t, coverage.String(), "derived steps with seed")
		require.Empty(t, coverage.Findings)
		return calls
	}
	first := sent(1)
	require.Equal(t, first, sent(1))
	require.NotEqual(t, first, sent(2))
}

// TestDerived_readSafe: where nothing may be created, derived cases are about nothing that is there.
func TestDerived_readSafe(t *testing.T) {
	t.Parallel()
	handler, fixtures := minimal.New()
	coverage := contract.Suite(t, contract.InProcess(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		if r.Method != http.MethodGet {
			require.GreaterOrEqual(t, answer.Code, 400, r.URL.Path)
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})), fixtures, contract.ReadSafe())
	require.Empty(t, coverage.Findings)
	require.Greater(t, coverage.Derived, 500)
}

// TestDerived_repeat sends what a finding says once more, by its line for a shell: the very same call comes in, with the key.
func TestDerived_repeat(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	require.NoError(t, err)
	_, fixtures := minimal.New()
	var sent []*http.Request
	var bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent, bodies = append(sent, r), append(bodies, string(body))
		w.WriteHeader(http.StatusTeapot) // which is a finding whatever was sent
	}))
	t.Cleanup(server.Close)
	for name, headers := range map[string][]string{
		"createClient: headers twice":                   {"X-Api-Key", "Idempotency-Key", "Content-Type"},
		"createClient: fields twice":                    {"Content-Type"},
		"updateClient: key out of place":                {"Authorization", "Cookie"},
		"createClient: something left out":              {"Content-Type"},
		"completeDocumentation: parameters":             {"Idempotency-Key"},
		"completeDocumentation: values of another type": {"Content-Type"},
	} {
		sent, bodies = nil, nil
		coverage, err := contract.Inspect(t.Context(), contract.At(server.URL), fixtures, contract.Pace(0), contract.ReadSafe(), only(name))
		require.NoError(t, err)
		require.Positive(t, coverage.Derived, name)
		var lines []string
		for _, found := range coverage.Findings {
			require.Equal(t, name, found.Case)
			require.NotEmpty(t, found.Step)
			require.NotContains(t, found.Curl, fixtures.Key)
			if !slices.Contains(lines, found.Curl) {
				lines = append(lines, found.Curl)
			}
		}
		require.NotEmpty(t, lines)
		for _, curl := range lines {
			c := exec.CommandContext(t.Context(), shell, "-c", `curl() { printf '%s\0' "$@"; }; `+curl)
			c.Env = append(os.Environ(), "CRYPTOMATE_API_KEY="+fixtures.Key)
			out, err := c.Output()
			require.NoError(t, err, curl)
			call := readCurl(t, strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"))
			require.True(t, slices.ContainsFunc(sent, func(r *http.Request) bool {
				same := r.Method == call.method && server.URL+r.RequestURI == call.url && bodies[slices.Index(sent, r)] == call.body
				for _, header := range headers {
					same = same && slices.Equal(r.Header.Values(header), call.header.Values(header))
				}
				return same
			}), "%s: %s", name, curl)
		}
	}
}

type curled struct {
	method, url, body string
	header            http.Header
}

// readCurl reads the arguments of curl as it does.
func readCurl(t *testing.T, args []string) curled {
	t.Helper()
	call := curled{header: http.Header{}}
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-sS", "-i", "-g", "--path-as-is":
		case "-X":
			i++
			call.method = args[i]
		case "-H":
			i++
			name, value, ok := strings.Cut(args[i], ":")
			switch {
			case !ok:
				call.header.Add(strings.TrimSuffix(name, ";"), "")
			case value != "":
				call.header.Add(name, strings.TrimSpace(value))
			}
		case "--data-binary":
			i++
			call.body = args[i]
		default:
			require.Regexp(t, regexp.MustCompile("^http://"), args[i])
			call.url = args[i]
		}
	}
	return call
}
