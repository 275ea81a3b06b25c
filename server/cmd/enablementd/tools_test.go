package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	want := command(t, "", "version")
	require.Regexp(t, `^enablementd \S+ \(go\S+\)\n$`, want.out)
	for _, args := range [][]string{{"--version"}, {"serve", "--version"}} {
		require.Equal(t, want, command(t, "", args...))
	}
}

// TestGoVersion: CI, releases and the image are built with the same Go.
func TestGoVersion(t *testing.T) {
	t.Parallel()
	version := func(file, pattern string) string {
		text, err := os.ReadFile("../../../" + file)
		require.NoError(t, err)
		found := regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1)
		require.NotEmpty(t, found, file)
		for _, match := range found {
			require.Equal(t, found[0][1], match[1], file)
		}
		return found[0][1]
	}
	image := version("server/deploy/Dockerfile", `golang:([0-9.]+)-`)
	for _, workflow := range []string{"ci", "release", "scheduled"} {
		require.Equal(t, image, version(".github/workflows/"+workflow+".yml", `go-version[a-z-]*: "?([^"\s]+)`), workflow)
	}
}

// TestSecret: serve takes what secret makes, and no two are the same.
func TestSecret(t *testing.T) {
	t.Parallel()
	r := command(t, "", "secret")
	require.Zero(t, r.code, r.err)
	require.Regexp(t, `^whsec_[A-Za-z0-9+/]{43}=\n$`, r.out)
	require.NotEqual(t, r.out, command(t, "", "secret").out)
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte(r.out), 0o600))
	require.Zero(t, serve(t, "--db", sqliteFile(t), "--provider-url", "https://provider.example", "--provider-secret-file", file).Stop())
}

func TestJSON(t *testing.T) {
	t.Parallel()
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := database(t)
			list := func(args ...string) (got map[string]any) {
				t.Helper()
				r := command(t, "", append(args, "--json", "--db", db)...)
				require.Zero(t, r.code, r.err)
				require.Empty(t, r.err)
				require.NoError(t, json.Unmarshal([]byte(r.out), &got))
				return got
			}
			require.Zero(t, command(t, "", "migrate", "--db", db).code)
			require.Equal(t, map[string]any{"keys": []any{}}, list("keys", "list"))
			require.Equal(t, map[string]any{"notifications": []any{}}, list("notifications", "list"))
			provider := newReceiver(t)
			key := prepare(t, db, 3)
			p := serve(t, provider.flags(db)...)
			require.Equal(t, 200, p.submit(key, "rq_0001", "").status)
			require.Equal(t, 200, p.submit(key, "rq_0002", "").status)
			p.waitFor("(?s)notification delivered.*notification delivered")
			require.Zero(t, p.Stop())

			one := list("keys", "list")["keys"].([]any)[0].(map[string]any)
			require.Equal(t, key[:8], one["prefix"])
			require.InDelta(t, 3, one["level"], 0)
			require.Regexp(t, `^\d{4}-\d\d-\d\dT.*Z$`, one["last_used_at"])
			require.NotContains(t, one, "revoked_at")
			page := list("notifications", "list", "--limit", "1")
			require.Len(t, page["notifications"], 1)
			rest := list("notifications", "list", "--after", page["after"].(string))
			require.Len(t, rest["notifications"], 1)
			require.NotContains(t, rest, "after")
			last := rest["notifications"].([]any)[0].(map[string]any)
			require.Equal(t, "delivered", last["state"])
			history := list("audit", last["request_id"].(string))
			require.Equal(t, "in_kyc", history["status"])
			require.Equal(t, last["id"], history["notification_id"])
			require.Equal(t, "in_kyc", history["audit"].([]any)[0].(map[string]any)["to"])
			require.InDelta(t, 200, history["deliveries"].([]any)[0].(map[string]any)["status_code"], 0)
			require.Empty(t, list("audit", "rq_0003")["audit"])
		})
	}
}

// TestCompletion has bash complete command lines.
func TestCompletion(t *testing.T) {
	t.Parallel()
	script := command(t, "", "completion", "bash")
	require.Zero(t, script.code, script.err)
	for line, want := range map[string]string{
		"ser":                          "serve",
		"keys ro":                      "rotate",
		"keys rotate --ov":             "--overlap",
		"keys create --company a --ex": "--expires",
		"notifications list --st":      "--state",
		"serve --addr x --trace":       "--trace-ratio",
		"keys list --over":             "",
		"serve rot":                    "",
	} {
		words := strings.Fields("enablementd " + line)
		c := exec.CommandContext(t.Context(), "bash", append([]string{
			"-c", script.out + `COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _enablementd; echo "${COMPREPLY[*]}"`, "bash",
		}, words...)...)
		got, err := c.CombinedOutput()
		require.NoError(t, err, string(got))
		require.Equal(t, want, strings.TrimSpace(string(got)), line)
	}
	zsh := command(t, "", "completion", "zsh").out
	require.Contains(t, zsh, "bashcompinit\n_enablementd()")
	require.NotContains(t, zsh, ":COMP_CWORD", "zsh takes it for a modifier")
	fish := command(t, "", "completion", "fish").out
	require.Contains(t, fish, `-n "__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from rotate" -l overlap`)
	require.Equal(t, 2, command(t, "", "completion", "tcsh").code)
}
