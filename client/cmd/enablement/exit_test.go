package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// build returns the built command.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "enablement")
	built, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(built))
	return binary
}

// program runs the built command: what a shell sees of it.
func program(t *testing.T) func(url string, args ...string) result {
	t.Helper()
	binary := build(t)
	return func(url string, args ...string) result {
		var out, errs bytes.Buffer
		c := exec.CommandContext(t.Context(), binary, append([]string{"submit", clientID, requestID, "--retries=0"}, args...)...)
		c.Env = append(os.Environ(), "CRYPTOMATE_API_KEY="+key, "CRYPTOMATE_BASE_URL="+url)
		c.Stdout, c.Stderr = &out, &errs
		err := c.Run()
		if failed, ok := errors.AsType[*exec.ExitError](err); !ok || failed.ExitCode() < 0 {
			require.NoError(t, err)
		}
		return result{c.ProcessState.ExitCode(), out.String(), errs.String()}
	}
}

// TestExit: every code of --help, of the built program.
func TestExit(t *testing.T) {
	t.Parallel()
	run := program(t)
	status := func(status string) http.HandlerFunc {
		return says(200, strings.Replace(complete, `"in_kyc"`, `"`+status+`"`, 1))
	}
	const closed = "http://127.0.0.1:1" // no test is ever given this port
	documented := command(t, nil, "", "submit", "--help").out
	for name, tt := range map[string]struct {
		url  string
		args []string
		code int
		errs string
	}{
		"in_kyc":                {serve(t, says(200, complete)), nil, 0, `^$`},
		"in_kyc, lists missing": {serve(t, says(200, strings.NewReplacer(`"missing_requirements"`, `"x"`, `"rejected_items"`, `"y"`).Replace(complete))), nil, 0, `^(enablement: unexpected in the response: /\S+: the field is missing\n){3}$`},
		"in_kyc, odd time":      {serve(t, says(200, strings.Replace(complete, "09:20:00", "09:20:00+0000", 1))), nil, 0, `^enablement: unexpected in the response: /product/updated_at: .*; read as 2026-04-16T09:20:00\n$`},
		"in_kyc, yet something missing": {serve(t, says(200, strings.Replace(pending, "pending_documentation", "in_kyc", 1))), nil, 3,
			`^enablement: the request is in KYC, but the response says .*; don't submit it again\n$`},
		"pending":                         {serve(t, says(200, pending)), nil, 3, `^$`},
		"requested":                       {serve(t, status("requested")), nil, 3, `^$`},
		"pending, and nothing is missing": {serve(t, status("pending_documentation")), nil, 3, `^$`},
		"rejected":                        {serve(t, status("rejected")), nil, 7, `^$`},
		"enabled":                         {serve(t, status("enabled")), nil, 8, `^$`},
		"unknown status":                  {serve(t, status("on_hold")), nil, 9, `^enablement: this version does not know the status "on_hold"\n$`},
		"status in another case":          {serve(t, status("IN_KYC")), nil, 9, `does not know the status "IN_KYC"`},
		"not pending":                     {serve(t, says(409, `{"code":"VAL","message":"m"}`)), nil, 4, `409 VAL: m`},
		"not pending by another code":     {serve(t, says(409, `{"code":"CONFLICT"}`)), nil, 4, `409 CONFLICT`},
		"not found":                       {serve(t, says(404, "")), nil, 4, `404: Not Found \(trace \w+\); this is not a response of the API: check the base URL\n$`},
		"the API's not found":             {serve(t, says(404, `{"code":"NOT_FOUND","message":"m"}`)), nil, 4, `404 NOT_FOUND: m \(trace \w+\)\n$`},
		"unknown":                         {serve(t, says(500, "")), nil, 5, `It is unknown whether the request was submitted. Submit it again`},
		"HTML":                            {serve(t, says(200, "<html>")), nil, 5, `this is not JSON`},
		"nobody listens":                  {closed, nil, 6, `connection refused; nothing was sent\n$`},
		"wrong usage":                     {closed, []string{"--no-such-flag"}, 2, `unknown flag`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := run(tt.url, tt.args...)
			require.Equal(t, tt.code, got.code, got)
			require.Regexp(t, tt.errs, got.err)
			require.Equal(t, tt.code, run(tt.url, append(tt.args, "--json")...).code, "as JSON")
			require.Regexp(t, `(?m)^\s+`+string(rune('0'+tt.code))+`  \S`, documented)
		})
	}
	require.NotRegexp(t, `1  [^\n]*nothing was sent`, documented, "go run turns every code into 1")
	require.Contains(t, documented, "go install github.com/cryptomate-go/enablement/client/cmd/enablement@latest")

	t.Run("the response can't be written", func(t *testing.T) {
		t.Parallel()
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Skip(err)
		}
		defer func() { _ = full.Close() }()
		var errs bytes.Buffer
		code := runWith(t, full, &errs, serve(t, says(200, complete)))
		require.Equal(t, 1, code)
		require.Contains(t, errs.String(), `the request's status is "in_kyc", but the response could not be written: `)
		errs.Reset()
		code = runWith(t, full, &errs, serve(t, says(409, `{"code":"VAL","message":"m"}`)), "--json")
		require.Equal(t, 4, code, "what became of the call is known")
		require.Contains(t, errs.String(), "submit product: 409 VAL: m (trace ")
		require.Contains(t, errs.String(), "but the error could not be written: ")
	})
}

// runWith submits with an output of its own.
func runWith(t *testing.T, out *os.File, errs *bytes.Buffer, url string, args ...string) int {
	t.Helper()
	return run(t.Context(), append([]string{"submit", clientID, requestID, "--base-url", url}, args...), environment{
		strings.NewReader(""), out, errs, func(name string) string { return withKey[name] },
	})
}

// TestExit_brokenPipe: nobody reads the output any more. A command that changes something says what it did all the same.
func TestExit_brokenPipe(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, reader.Close())
	defer func() { _ = writer.Close() }()
	var errs bytes.Buffer
	c := exec.CommandContext(t.Context(), build(t), "submit", clientID, requestID)
	c.Env = append(os.Environ(), "CRYPTOMATE_API_KEY="+key, "CRYPTOMATE_BASE_URL="+serve(t, says(200, complete)))
	c.Stdout, c.Stderr = writer, &errs
	_ = c.Run()
	require.Equal(t, exitFailed, c.ProcessState.ExitCode(), c.ProcessState)
	require.Contains(t, errs.String(), `the request's status is "in_kyc", but the response could not be written: `)
}

// TestExit_emptyVariables: an empty variable is as if it was not there, as a compose file leaves it.
func TestExit_emptyVariables(t *testing.T) {
	t.Parallel()
	c := exec.CommandContext(t.Context(), build(t), "submit", clientID, requestID)
	c.Env = append(os.Environ(), "CRYPTOMATE_API_KEY="+key, "CRYPTOMATE_BASE_URL="+serve(t, says(200, complete)))
	for _, name := range []string{"SANDBOX", "KEY_FILE", "TIMEOUT", "RETRIES", "JSON", "VERBOSE", "IDEMPOTENCY_KEY"} {
		c.Env = append(c.Env, "ENABLEMENT_"+name+"=")
	}
	out, err := c.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "Status   in_kyc\n")
}

// TestInterrupted: what waits for a text to read ends with a signal, too.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"the client: ":       {"clients", "create", "-"},
		"--key-file: ":       {"clients", "list", "--key-file=-"},
		"--meta-file: ":      {"documents", "add", clientID, requestID, "--type=passport", "--front=x", "--meta-file=-"},
		"the onboarding: ":   {"onboard", "-"},
		"the notification: ": {"verify"},
		"--secret-file: ":    {"verify", "x", "--secret-file=-"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			ctx, interrupt := context.WithCancel(t.Context())
			in, writer := io.Pipe()
			t.Cleanup(func() { _ = writer.Close() })
			var errs bytes.Buffer
			ended := make(chan int, 1)
			go func() {
				ended <- run(ctx, args, environment{in, io.Discard, &errs, func(name string) string {
					return map[string]string{envKey: key, envSecrets: secret}[name]
				}})
			}()
			interrupt()
			select {
			case code := <-ended:
				require.Equal(t, exitFailed, code)
				require.Equal(t, "enablement: "+want+"interrupted while it was read\n", errs.String())
			case <-time.After(10 * time.Second):
				require.Fail(t, "it waits for its input")
			}
		})
	}
}

// TestSubmit_again follows the advice that an unknown outcome comes with, against a server that honors no
// key: what comes of it is still unknown, and there is one piece of advice.
func TestSubmit_again(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{"as documented": `"VAL"`, "another code": `"CONFLICT"`, "no code": `null`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if calls.Add(1) == 1 {
					says(504, "")(w, r)
					return
				}
				says(409, `{"code":`+code+`,"message":"not pending"}`)(w, r)
			})
			got := command(t, withKey, "", "submit", clientID, requestID, "--retries=0", "--base-url", url)
			require.Equal(t, 5, got.code)
			require.NotContains(t, got.err, "list the client's products")
			advised := regexp.MustCompile(`with (--idempotency-key) (\S+)\n$`).FindStringSubmatch(got.err)
			require.Len(t, advised, 3, got.err)

			got = command(t, withKey, "", "submit", clientID, requestID, "--base-url", url, advised[1], advised[2])
			require.Equal(t, 5, got.code, got.err)
			require.Contains(t, got.err, "list the client's products to see its status")
			require.NotContains(t, got.err, "ubmit it again")

			got = command(t, withKey, "", "submit", clientID, requestID, "--base-url", url, "--json", advised[1], advised[2])
			require.Equal(t, 5, got.code)
			require.Contains(t, got.out, `"outcome":"unknown"`)
			require.NotContains(t, got.out, "ubmit it again")

			got = command(t, withKey, "", "submit", clientID, requestID, "--base-url", url)
			require.Equal(t, 4, got.code, "a new submission is refused")
		})
	}
}

// TestSubmit_absent: there is no line for what did not come, and a missing list is not an empty one.
func TestSubmit_absent(t *testing.T) {
	t.Parallel()
	bare := `{"product":{"id":"` + requestID + `","status":"%s"}}`
	got := command(t, withKey, "", "submit", clientID, requestID, "--base-url", serve(t, says(200, strings.Replace(bare, "%s", "in_kyc", 1))))
	require.Zero(t, got.code, got.err)
	require.Equal(t, "Request  "+requestID+"\nStatus   in_kyc\n", got.out)
	require.Contains(t, got.err, "/product/product: the field is missing")

	got = command(t, withKey, "", "submit", clientID, requestID, "--base-url", serve(t, says(200, strings.Replace(bare, "%s", "requested", 1))))
	require.Equal(t, 3, got.code)
	require.Equal(t, "Request  "+requestID+"\nStatus   requested\nMissing  the response does not list everything\n", got.out)

	unnamed := strings.Replace(pending, `"fields":[{"key":"phone","data_type":"PHONE","required":false}]`, `"fields":null`, 1)
	unnamed = strings.Replace(unnamed, `"name":"Identity document"`, `"name":5`, 1)
	got = command(t, withKey, "", "submit", clientID, requestID, "--base-url", serve(t, says(200, unnamed)))
	require.Equal(t, 3, got.code)
	require.Regexp(t, `(?m)^identity_document     document  yes       passport`, got.out)
	require.Regexp(t, `(?m)^Personal information  data      no`, got.out)

	marked := "\ufeff" + complete
	got = command(t, withKey, "", "submit", clientID, requestID, "--json", "--base-url", serve(t, says(200, marked)))
	require.Equal(t, result{0, complete + "\n", ""}, got)
}

// TestSubmit_keyRepeated: wherever a server repeats the key, no output shows it; [command] looks.
func TestSubmit_keyRepeated(t *testing.T) {
	t.Parallel()
	escaped := `\u0073` + key[1:]
	for name, body := range map[string]string{
		"in what is shown":    strings.NewReplacer("Identity document", key, "Passport", "a "+key+" b", "expired", key, `"personal_information"`, `"`+key+`"`).Replace(pending),
		"as product":          strings.Replace(complete, "cards_individuals", key, 1),
		"as status":           strings.Replace(complete, "in_kyc", key, 1),
		"as rejection":        strings.Replace(complete, `"in_kyc",`, `"rejected","rejection_code":"`+key+`","rejection_description":"`+escaped+`",`, 1),
		"in an unknown field": strings.Replace(complete, `{"product"`, `{"`+key+`":1,"new":["`+escaped+`"],"product"`, 1),
		"behind an oddity":    strings.Replace(complete, `"rejected_items"`, `"`+key+"\xff"+`":1,"x`+"\xff"+`":"`+key+`","rejected_items"`, 1),
		"in an error":         `{"message":"` + key + `","code":"` + escaped + `"}`,
		"in HTML":             `<p>` + key,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, status := range []int{200, 401, 409, 500} {
				url := serve(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("X-Trace-Id", key)
					w.Header().Set("Content-Type", "application/json+"+key)
					says(status, body)(w, r)
				})
				args := []string{"submit", clientID, requestID, "--retries=0", "-v", "--idempotency-key", key, "--base-url", url}
				require.NotEmpty(t, command(t, withKey, "", args...).err)
				got := command(t, withKey, "", append(args, "--json")...)
				var said any
				require.NoError(t, json.Unmarshal([]byte(got.out), &said), got.out)
				read, err := json.Marshal(said)
				require.NoError(t, err)
				require.NotContains(t, string(read), key, "escaped")
			}
		})
	}

	// What is typed in the wrong place.
	for _, args := range [][]string{{key}, {"submit", key, key, key}, {"submit", "--" + key}, {"submit", clientID, requestID, "--key-file", key}} {
		got := command(t, withKey, "", args...)
		require.Equal(t, 2, got.code)
		require.NotEmpty(t, got.err)
	}
	got := command(t, nil, "", "submit", clientID, requestID, "--key-file", key)
	require.Equal(t, "enablement: --key-file: no such file or directory\n", got.err)
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte(key+"\n"), 0o600))
	url := serve(t, says(200, strings.Replace(complete, "cards_individuals", key, 1)))
	got = command(t, nil, "", "submit", clientID, requestID, "--key-file", file, "--base-url", url)
	require.Zero(t, got.code)
	require.Contains(t, got.out, "Product  [redacted]\n")
}
