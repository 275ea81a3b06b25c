package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cryptomate-go/enablement/client/notification"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	key       = "sk_canary_5f1c0b7e"
	clientID  = "4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG"
	requestID = "2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh"
	secret    = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

// result is what a command left behind.
type result struct {
	code     int
	out, err string
}

// command runs a command line in a process that has only this environment.
func command(t *testing.T, environ map[string]string, stdin string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), args, environment{
		strings.NewReader(stdin), &out, &errs, func(name string) string { return environ[name] },
	})
	require.NotContains(t, out.String()+errs.String(), key)
	require.NotContains(t, out.String()+errs.String(), strings.TrimPrefix(secret, "whsec_"))
	return result{code, out.String(), errs.String()}
}

var withKey = map[string]string{"CRYPTOMATE_API_KEY": key}

// serve plays the API.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("x-api-key") != key {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Trace-Id", "4bf92f3577b34da6a3ce929d0e0e4736")
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const (
	head     = `{"product":{"id":"` + requestID + `","client_id":"` + clientID + `","product":"cards_individuals","status":"`
	tail     = `"created_at":"2026-04-15T10:30:00","updated_at":"2026-04-16T09:20:00"},"rejected_items":`
	complete = head + `in_kyc","missing_requirements":{"documents":[],"data":[]},` + tail + `[]}`
	pending  = head + `pending_documentation","missing_requirements":{"documents":[{"id":"identity_document","name":"Identity document",` +
		`"required":true,"valid_documents":[{"id":"passport","name":"Passport"},{"id":"national\u001b[31m_id","name":"National id"}]}],` +
		`"data":[{"id":"personal_information","name":"Personal information","fields":[{"key":"phone","data_type":"PHONE","required":false}]}]},` +
		tail + `[{"type":"document","key":"passport","reason":"The document expired on 2025-12-31."}]}`
)

func TestSubmit(t *testing.T) {
	t.Parallel()
	got := command(t, withKey, "", "submit", clientID, requestID, "--base-url", serve(t, says(200, complete)))
	require.Equal(t, result{0, `Request  ` + requestID + `
Product  cards_individuals
Status   in_kyc
Updated  2026-04-16T09:20:00 UTC
`, ""}, got)

	got = command(t, withKey, "", "submit", clientID, requestID, "--base-url", serve(t, says(200, pending)))
	require.Equal(t, result{3, `Request  ` + requestID + `
Product  cards_individuals
Status   pending_documentation
Updated  2026-04-16T09:20:00 UTC

MISSING                      TYPE      REQUIRED  ACCEPTED
Identity document            document  yes       passport, or national [31m_id
Personal information: phone  data      no        PHONE

REJECTED  TYPE      REASON
passport  document  The document expired on 2025-12-31.
`, ""}, got)

	got = command(t, withKey, "", "submit", clientID, requestID, "--json", "--base-url", serve(t, says(200, pending+"\n")))
	require.Equal(t, result{3, pending + "\n", ""}, got)

	rejected := strings.Replace(complete, `"in_kyc",`, `"rejected","rejection_code":"X","rejection_description":"No.",`, 1)
	got = command(t, withKey, "", "submit", clientID, requestID, "--base-url", serve(t, says(200, rejected)))
	require.Contains(t, got.out, "Rejection  X No.\n")
}

func TestSubmit_failures(t *testing.T) {
	t.Parallel()
	notPending := `{"code":"VAL","message":"The enablement request is not pending documentation"}`
	const closed = "http://127.0.0.1:1" // no test is ever given this port
	for name, tt := range map[string]struct {
		url  string
		args []string
		code int
		want string
	}{
		"refused":     {serve(t, says(409, notPending)), nil, 4, "enablement: submit product: 409 VAL: The enablement request is not pending documentation (trace"},
		"unknown":     {serve(t, says(500, "")), []string{"--retries", "0"}, 5, "It is unknown whether the request was submitted. Submit it again, within 24 hours with --idempotency-key abc"},
		"not sent":    {closed, []string{"--retries=0"}, 6, "connection refused"},
		"wrong key":   {serve(t, says(401, `{"code":"AUTH","message":"Invalid API key"}`)), nil, 4, "401 AUTH: Invalid API key"},
		"bad id":      {closed, []string{"--", "a b"}, 2, "unexpected argument a b"},
		"no time":     {closed, []string{"--timeout", "0s"}, 2, "--timeout: 0s; it must be above zero"},
		"retries":     {closed, []string{"--retries", "10"}, 2, "--retries: 10; pass 0 to 9"},
		"no server":   {"", nil, 2, "--base-url: not an absolute URL"},
		"empty key":   {closed, []string{"--idempotency-key="}, 2, "invalid input: --idempotency-key must be 1 to 255"},
		"bad key":     {closed, []string{"--idempotency-key", "a b"}, 2, "invalid input: --idempotency-key must be 1 to 255"},
		"two servers": {closed, []string{"--sandbox"}, 2, "can't be used together"},
		"unknown flag": {
			closed, []string{"--api-key", "x"}, 2, "unknown flag --api-key",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"submit", clientID, requestID, "--base-url", tt.url}, tt.args...)
			if tt.code == 5 {
				args = append(args, "--idempotency-key", "abc")
			}
			got := command(t, withKey, "", args...)
			require.Equal(t, tt.code, got.code, got.err)
			require.Contains(t, got.err, tt.want)
			require.Empty(t, got.out)
		})
	}

	got := command(t, withKey, "", "submit", clientID, requestID, "--json", "--base-url", serve(t, says(409, notPending)))
	require.Equal(t, 4, got.code)
	require.Empty(t, got.err)
	var said struct{ Error map[string]any }
	require.NoError(t, json.Unmarshal([]byte(got.out), &said))
	require.Equal(t, "refused", said.Error["outcome"])
	require.Equal(t, "VAL", said.Error["code"])
	require.InDelta(t, 409, said.Error["status"], 0)
	require.InDelta(t, 1, said.Error["attempts"], 0)

	for _, args := range [][]string{{}, {"submit"}, {"submit", clientID}, {"nonsense"}} {
		require.Equal(t, 2, command(t, withKey, "", args...).code)
	}
	got = command(t, withKey, "", "submit", clientID, "a/b", "--base-url", closed)
	require.Equal(t, 2, got.code, got.err)
	got = command(t, withKey, "", "submit", clientID, requestID, "--base-url", "http://user:hunter2@example.com")
	require.Equal(t, 2, got.code)
	require.Contains(t, got.err, "enablement: --base-url: user and password")
	require.NotContains(t, got.err, "hunter2")
}

func TestSubmit_verbose(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	var idempotencyKey atomic.Pointer[string]
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent := r.Header.Get("Idempotency-Key")
		idempotencyKey.Store(&sent)
		if calls.Add(1) == 1 {
			says(503, `{"code":"SERVICE_UNAVAILABLE","message":"later"}`)(w, r)
			return
		}
		says(200, complete)(w, r)
	})
	got := command(t, withKey, "", "submit", clientID, requestID, "-v", "--base-url", url)
	require.Zero(t, got.code, got.err)
	lines := strings.Split(got.err, "\n")
	require.Regexp(t, `^attempt 1: \d\d:\d\d:\d\d, \S+: submit product: 503 SERVICE_UNAVAILABLE: later \(trace \S+\); status 503 may pass; next attempt in \S+$`, lines[0])
	require.Regexp(t, `^attempt 2: .*: 200$`, lines[1])
	require.Equal(t, "idempotency key: "+*idempotencyKey.Load(), lines[2])
	require.Equal(t, "trace id: 4bf92f3577b34da6a3ce929d0e0e4736", lines[3])
}

func TestSubmit_key(t *testing.T) {
	t.Parallel()
	url := serve(t, says(200, complete))
	got := command(t, nil, "", "submit", clientID, requestID, "--base-url", url)
	require.Equal(t, 2, got.code)
	require.Contains(t, got.err, "there is no API key: set CRYPTOMATE_API_KEY, or name a file with --key-file")

	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte(key+"\r\n"), 0o600))
	require.Zero(t, command(t, nil, "", "submit", clientID, requestID, "--base-url", url, "--key-file", file).code)
	require.Zero(t, command(t, nil, key+"\n", "submit", clientID, requestID, "--base-url", url, "--key-file", "-").code)
	require.Equal(t, 2, command(t, nil, "", "submit", clientID, requestID, "--base-url", url, "--key-file", file+"x").code)
	require.Equal(t, 2, command(t, nil, strings.Repeat("x", 5<<10), "submit", clientID, requestID, "--base-url", url, "--key-file", "-").code)
	require.Equal(t, 2, command(t, nil, "", "submit", clientID, requestID, "--base-url", url, "--key-file", "-").code)

	for from, got := range map[string]result{
		"CRYPTOMATE_API_KEY": command(t, map[string]string{"CRYPTOMATE_API_KEY": "a b"}, "", "submit", clientID, requestID, "--base-url", url),
		"--key-file":         command(t, withKey, "a b", "submit", clientID, requestID, "--base-url", url, "--key-file", "-"),
	} {
		require.Equal(t, 2, got.code)
		require.Contains(t, got.err, "enablement: "+from+": the API key is empty, or holds a space")
	}
}

func TestSubmit_server(t *testing.T) {
	t.Parallel()
	url := serve(t, says(200, complete))
	require.Zero(t, command(t, map[string]string{"CRYPTOMATE_API_KEY": key, "CRYPTOMATE_BASE_URL": url}, "", "submit", clientID, requestID).code)
	env := environment{getenv: func(name string) string {
		return map[string]string{"CRYPTOMATE_API_KEY": key, "CRYPTOMATE_BASE_URL": "nonsense"}[name]
	}}
	_, err := (&caller{Timeout: time.Second}).client(env, key)
	require.EqualError(t, err, "CRYPTOMATE_BASE_URL: not an absolute URL; write it like https://api.cryptomate.me")
	_, err = (&caller{Timeout: time.Second, Sandbox: true}).client(env, key)
	require.NoError(t, err, "the flag overrides the environment")
}

// TestSubmit_sandbox sets the environment, so it does not run beside others.
func TestSubmit_sandbox(t *testing.T) {
	t.Setenv("ENABLEMENT_SANDBOX", "true")
	environ := map[string]string{"CRYPTOMATE_API_KEY": key, "ENABLEMENT_SANDBOX": "true"}
	got := command(t, environ, "", "submit", clientID, requestID, "--base-url", serve(t, says(200, complete)))
	require.Zero(t, got.code, got.err)
}

func TestVerify(t *testing.T) {
	t.Parallel()
	body := `{"type":"product.in_kyc","timestamp":"2026-04-16T09:20:00","data":{"id":"r","client_id":"c","company_id":"m",` +
		`"product":"cards_individuals","status":"in_kyc","submitted_at":"2026-04-16T09:20:00"}}`
	at := time.Now()
	header, err := notification.Sign(secret, "ntf_1", at, []byte(body))
	require.NoError(t, err)
	var headers bytes.Buffer
	require.NoError(t, header.Write(&headers))
	message := headers.String() + "\r\n" + body
	withSecret := map[string]string{"ENABLEMENT_WEBHOOK_SECRET": "whsec_" + strings.Repeat("YWFh", 10) + " " + secret}

	sent := at.UTC().Format(time.RFC3339)
	want := result{0, "genuine: ntf_1, sent " + sent + "\nproduct.in_kyc: request r of client c is in_kyc\n", ""}
	require.Equal(t, want, command(t, withSecret, message, "verify"))
	require.Equal(t, want, command(t, withSecret, "POST /notifications HTTP/1.1\r\nHost: x\r\n"+message, "verify", "-"))
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	require.Equal(t, want, command(t, nil, "", "verify", write("message", message), "--secret-file", write("secret", secret+"\n")))
	require.Equal(t, want, command(t, withSecret, body, "verify", "-H", "webhook-id: ntf_1", "-H", "Webhook-Timestamp:"+header.Get("webhook-timestamp"),
		"-H", "webhook-signature: "+header.Get("webhook-signature")))

	got := command(t, withSecret, message, "verify", "--json")
	require.Zero(t, got.code)
	require.JSONEq(t, `{"id":"ntf_1","sent_at":"`+sent+`","notification":`+body+`}`, got.out)
	marked := "\ufeff" + body
	header, err = notification.Sign(secret, "ntf_1", at, []byte(marked))
	require.NoError(t, err)
	require.Equal(t, got, command(t, withSecret, marked, "verify", "--json", "-H", "webhook-id: ntf_1",
		"-H", "webhook-timestamp: "+header.Get("webhook-timestamp"), "-H", "webhook-signature: "+header.Get("webhook-signature")))

	for name, tt := range map[string]struct {
		environ map[string]string
		stdin   string
		args    []string
		code    int
		want    string
	}{
		"forged":               {withSecret, message + " ", nil, 4, "the signature does not match"},
		"another secret":       {map[string]string{"ENABLEMENT_WEBHOOK_SECRET": "whsec_" + strings.Repeat("YWFh", 10)}, message, nil, 4, "the signature does not match"},
		"no secret":            {nil, message, nil, 2, "there is no secret"},
		"malformed secret":     {map[string]string{"ENABLEMENT_WEBHOOK_SECRET": "x"}, message, nil, 2, "enablement: ENABLEMENT_WEBHOOK_SECRET: secret 1 of 1 must be whsec_"},
		"malformed in a file":  {nil, message, []string{"--secret-file", write("malformed", "x")}, 2, "enablement: --secret-file: secret 1 of 1 must be whsec_"},
		"no headers":           {withSecret, body, nil, 2, "must begin with its headers"},
		"header without colon": {withSecret, body, []string{"-H", "x"}, 2, "--header: write it like"},
		"no such file":         {withSecret, "", []string{"nowhere"}, 2, "no such file"},
		"no such secret file":  {nil, message, []string{"--secret-file", "nowhere"}, 2, "--secret-file: "},
		"standard input twice": {nil, message, []string{"--secret-file", "-"}, 2, "cannot hold both"},
		"no tolerance":         {withSecret, message, []string{"--tolerance", "0s"}, 2, "--tolerance: 0s; it must be above zero"},
		"too large":            {withSecret, strings.Repeat("x", 300<<10), nil, 2, "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := command(t, tt.environ, tt.stdin, append([]string{"verify"}, tt.args...)...)
			require.Equal(t, tt.code, got.code, got.err)
			require.Contains(t, got.err, tt.want)
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	got := command(t, nil, "", "--help")
	require.Zero(t, got.code)
	require.Contains(t, strings.Join(strings.Fields(got.out), " "), "Exit codes: 0 done; the request is in KYC (submit), or the notification is genuine (verify)")
	for _, name := range []string{
		"submit", "verify", "completion", "version", "clients create", "clients get", "clients list", "clients update", "clients delete",
		"products request", "products list", "products wait", "settle create", "settle update", "settle delete", "settle request", "settle submit",
		"documents add", "onboard", "settle document",
	} {
		require.Contains(t, command(t, nil, "", "--help").out, "\n  "+name+" ")
		got := command(t, nil, "", append(strings.Fields(name), "--help")...)
		require.Zero(t, got.code)
		require.Contains(t, got.out, "Usage: enablement "+name)
		if first, _, _ := strings.Cut(name, " "); slices.Contains([]string{"submit", "clients", "products", "documents", "onboard", "settle"}, first) {
			require.Contains(t, got.out, "Exit codes:")
			require.Contains(t, got.out, "--key-file")
		}
	}
	require.Contains(t, command(t, nil, "", "version").out, "enablement ")
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		got := command(t, nil, "", "completion", shell)
		require.Zero(t, got.code)
		for _, word := range []string{"submit", "verify", "idempotency-key", "secret-file", "clients", "create", "settle", "wait", "street-line1", "documents", "meta-file", "onboard"} {
			require.Contains(t, got.out, word, shell)
		}
		require.NotContains(t, got.out, ":COMP_CWORD", "zsh takes it for a modifier")
	}
	require.Equal(t, 2, command(t, nil, "", "completion", "dos").code)
}

// TestCompletion_bash asks a bash what it would complete.
func TestCompletion_bash(t *testing.T) {
	t.Parallel()
	script := command(t, nil, "", "completion", "bash").out
	for line, want := range map[string]string{
		"enablement ":                          "clients products documents submit onboard settle verify completion version --help",
		"enablement cl":                        "clients",
		"enablement clients ":                  "create get list update delete --help",
		"enablement clients c":                 "create",
		"enablement clients create --pos":      "--postal-code",
		"enablement clients create a.json --v": "--verbose",
		"enablement products wait --ev":        "--every",
		"enablement settle submit a b --sin":   "--since",
		"enablement submit a --id":             "--idempotency-key",
		"enablement verify --sec":              "--secret-file",
	} {
		ask := script + `
			COMP_WORDS=(` + line + `)
			[[ "` + line + `" == *" " ]] && COMP_WORDS+=("")
			COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
			_enablement; echo "${COMPREPLY[@]}"`
		out, err := exec.CommandContext(t.Context(), "bash", "-c", ask).CombinedOutput()
		require.NoError(t, err, string(out))
		require.Equal(t, want, strings.TrimSpace(string(out)), line)
	}
}
