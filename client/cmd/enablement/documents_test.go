package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// photoIn writes the smallest that begins as a PNG.
func photoIn(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "front.png")
	require.NoError(t, os.WriteFile(path, []byte("\x89PNG\r\n\x1a\n"), 0o600))
	return path
}

func TestDocuments_add(t *testing.T) {
	t.Parallel()
	const values = `{"number":"CANARY-4711"}`
	photo := photoIn(t, t.TempDir())
	meta := filepath.Join(t.TempDir(), "values.json")
	require.NoError(t, os.WriteFile(meta, []byte(values), 0o600))
	stored := strings.Replace(complete, "in_kyc", "pending_documentation", 1)
	kept := strings.Replace(stored, `"rejected_items":[]`, `"rejected_items":[{"type":"document","key":"passport","reason":"Stored already."}]`, 1)
	const image = `"image_front":"data:image/png;base64,iVBORw0KGgo="`
	for name, tt := range map[string]struct {
		stdin string
		args  []string
		reply http.HandlerFunc
		sent  string
		code  int
		out   string
	}{
		"flags": {
			"", []string{"--meta", "number=CANARY, 4711", "--meta", "issuing_country=ARG"}, says(200, stored),
			`{"document":{"document_type":"passport",` + image + `,"metadata":{"issuing_country":"ARG","number":"CANARY, 4711"}}}`, 0, "Status   pending_documentation\n",
		},
		"a file":         {"", []string{"--meta-file", meta}, says(200, stored), `{"document":{"document_type":"passport",` + image + `,"metadata":` + values + `}}`, 0, ""},
		"standard input": {values, []string{"--meta-file=-", "--back", photo, "--replace"}, says(200, stored), `{"document":{"document_type":"passport",` + image + `,` + strings.Replace(image, "front", "back", 1) + `,"replace":true,"metadata":` + values + `}}`, 0, ""},
		"null and flags": {"null", []string{"--meta-file=-", "--meta=number=CANARY-4711"}, says(200, stored), `{"document":{"document_type":"passport",` + image + `,"metadata":` + values + `}}`, 0, ""},
		"rejected":       {"", nil, says(200, kept), `{"document":{"document_type":"passport",` + image + `}}`, 3, "Stored already."},
		"refused":        {"", nil, says(412, `{"code":"VAL","message":"Invalid document type"}`), `{"document":{"document_type":"passport",` + image + `}}`, 4, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, url := play(t, "POST", tt.reply)
			r := command(t, withKey, tt.stdin, append([]string{"documents", "add", clientID, requestID, "--type=passport", "--front", photo, "--base-url", url}, tt.args...)...)
			require.Equal(t, tt.code, r.code, r.err)
			require.Contains(t, r.out, tt.out)
			require.Equal(t, []string{"POST /" + clientID + "/products/" + requestID + "/documentation " + tt.sent}, p.sent)
			require.NotContains(t, r.out+r.err, "CANARY")
		})
	}
	for want, args := range map[string][]string{
		"missing flags: --front=FILE, --type=KIND":    nil,
		"Document.Front: no such file":                {"--type=passport", "--front=nowhere-CANARY"},
		"--meta-file: line 1, column 1: this is not":  {"--type=passport", "--front", photo, "--meta-file=-"},
		"argument 8 is not UTF-8; convert it":         {"--type=passport", "--front", photo, "--meta=number=CANARY\xe9"},
		"--meta-file: no such file":                   {"--type=passport", "--front", photo, "--meta-file=nowhere-CANARY"},
		"cannot hold both the API key and the values": {"--type=passport", "--front", photo, "--meta-file=-", "--key-file=-"},
	} {
		stdin := "CANARY"
		if strings.Contains(want, "cannot hold") {
			stdin = key
		}
		r := command(t, withKey, stdin, append([]string{"documents", "add", clientID, requestID}, args...)...)
		require.Equal(t, 2, r.code, r.err)
		require.Contains(t, r.err, want)
		require.NotContains(t, r.err, "CANARY")
	}
	lost, url := play(t, "POST", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		says(503, "")(w, r)
	})
	r := command(t, withKey, "", "documents", "add", clientID, requestID, "--type=passport", "--front", photo, "--base-url", url, "--idempotency-key=k")
	require.Equal(t, 5, r.code)
	require.Contains(t, r.err, "it may have stored the document: list the client's products")
	require.True(t, strings.HasSuffix(r.err, "\nTo find out: enablement settle document\n"), r.err)
	require.Len(t, lost.sent, 1, "it does not replace what it may have stored")
}

// TestOnboard: each step is told, and the result decides what the process ends with.
func TestOnboard(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	photoIn(t, dir)
	file := filepath.Join(dir, "onboarding.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"key":"person-1","client":`+inputJSON+`,"product":"cards_individuals",
		"documents":[{"type":"passport","front":"front.png","metadata":{"number":"CANARY-4711"}},{"type":"id_card","front":"front.png"}]}`), 0o600))
	made := strings.Replace(clientJSON, `,"phone_country_code":54,"phone_number":91123456789`, "", 1)
	made = strings.Replace(made, `"second_name":"M\u001b[31m",`, "", 1)
	stored := strings.Replace(complete, "in_kyc", "pending_documentation", 1)
	lacksNothing, _, _ := strings.Cut(strings.TrimPrefix(stored, `{"product":`), `,"rejected_items"`)
	serving := func() string {
		p := &plays{lines: map[string][]http.HandlerFunc{
			"POST": {says(201, made), says(201, product("pending_documentation")), says(200, stored), says(200, complete)},
			"GET":  {says(200, made), says(200, "[]"), says(200, "["+lacksNothing+"]")},
		}}
		return serve(t, p.ServeHTTP)
	}
	r := command(t, withKey, "", "onboard", file, "--base-url", serving())
	require.Equal(t, 0, r.code, r.err)
	require.Contains(t, r.out, "Status   in_kyc\n")
	require.Equal(t, `createClient: made, no request yet
requestProduct: made, pending_documentation
completeDocumentation passport: made, pending_documentation
completeDocumentation id_card: skipped, as nothing that is missing takes it, pending_documentation
submitProduct: made, in_kyc
`, r.err)
	r = command(t, withKey, "", "onboard", file, "--json", "--base-url", serving())
	require.Equal(t, 0, r.code, r.err)
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	require.Len(t, lines, 6, r.out)
	require.JSONEq(t, `{"operation":"createClient","did":"made","client_id":"`+clientID+`"}`, lines[0])
	require.Contains(t, lines[5], `"status":"in_kyc"`)
	require.NotContains(t, r.out+r.err, "CANARY")

	r = command(t, withKey, "", "onboard", file, "--verbose", "--base-url", serving())
	require.Equal(t, []string{
		"create individual client: 201", "get individual client: 200", "list client products: 200", "request product: 201",
		"complete product documentation: 200", "list client products: 200", "submit product: 200",
	}, attempted(r.err), "each call")
	r = command(t, withKey, "", "onboard", file, "--verbose", "--retries=1", "--base-url", serve(t, says(503, "")))
	require.Equal(t, 5, r.code)
	for _, attempt := range attempted(r.err) {
		require.Contains(t, attempt, ": 503: Service Unavailable")
	}
	require.Len(t, attempted(r.err), 4, "create, and list to find out")

	for text, want := range map[string]string{
		`{"client":{}}`:               "the onboarding: /key: is missing",
		`{"key":"a","clients":{}}`:    "/clients: there is no such field",
		`{"key":"a","product":5}`:     "/product: a JSON number does not fit here",
		`{"key":"a","documents":[{}]`: "the text ends before the value does",
		`{"key":"a"}`:                 "the onboarding: /product: is missing",
		`{"key":"a","product":"p","documents":[{"front":"x"}]}`:                                "the onboarding: /documents/0/type: is missing",
		`{"key":"a","product":"p","documents":[{"type":"x","front":"y"},{"type":"passport"}]}`: "the onboarding: /documents/1/front: is missing",
	} {
		r := command(t, withKey, text, "onboard", "-")
		require.Equal(t, 2, r.code, r.err)
		require.Contains(t, r.err, want)
	}
	r = command(t, nil, key, "onboard", "-", "--key-file=-")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.err, "cannot hold both the API key and the onboarding")
}

// attempted returns what --verbose says of each attempt, without its number and times.
func attempted(text string) (attempts []string) {
	for _, attempt := range regexp.MustCompile(`(?m)^attempt \d: [\d:]{8}, \S+: (.*)$`).FindAllStringSubmatch(text, -1) {
		attempts = append(attempts, attempt[1])
	}
	return attempts
}

// TestProgress: an error begins a line of its own, wherever the call ended.
func TestProgress(t *testing.T) {
	t.Parallel()
	for sent, want := range map[int64]string{1: "sent   0 % of 2.0 MB\r", 1e6: "sent  50 % of 2.0 MB\r", 2e6: "sent 100 % of 2.0 MB\n"} {
		var out strings.Builder
		progress(&out)(sent, 2e6)
		require.Equal(t, want, out.String())
	}
}
