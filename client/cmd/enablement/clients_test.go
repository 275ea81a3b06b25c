package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	inputJSON = `{"first_name":"Ana","last_name":"Example","email":"ana@example.com","birth_date":"1984-11-21",` +
		`"address":{"street_line1":"Calle 1","city":"Del Viso","postal_code":"1669","state":"ARG-B","country":"ARG"}}`
	clientJSON = `{"id":"` + clientID + `","type":"individual","status":"pending","first_name":"Ana","second_name":"M\u001b[31m","last_name":"Example",` +
		`"email":"ana@example.com","birth_date":"1984-11-21","phone_country_code":54,"phone_number":91123456789,"address":{"street_line1":"Calle 1",` +
		`"city":"Del Viso","postal_code":"1669","state":"ARG-B","country":"ARG"},"created_at":"2026-04-15T10:30:00","updated_at":"2026-04-16T09:20:00"}`
	clientText = `Client   ` + clientID + `
Status   pending
Name     Ana M [31m Example
E-mail   ana@example.com
Born     1984-11-21
Phone    +54 91123456789
Address  Calle 1 1669 Del Viso ARG-B ARG
Created  2026-04-15T10:30:00 UTC
Updated  2026-04-16T09:20:00 UTC
`
	noClient = `{"code":"NOT_FOUND","message":"Company client not found with id: x"}`
	exists   = `{"code":"VAL","message":"Company client already exists for this company"}`
)

// product is one in a list, or by itself.
func product(status string) string {
	text, _, _ := strings.Cut(strings.TrimPrefix(pending, `{"product":`), `,"rejected_items"`)
	return strings.Replace(text, "pending_documentation", status, 1)
}

// plays answers by method, from a script: the last line again and again. It notes what was sent.
type plays struct {
	lines map[string][]http.HandlerFunc
	mu    sync.Mutex
	sent  []string
}

func (p *plays) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	lines := p.lines[r.Method]
	if len(lines) > 1 {
		p.lines[r.Method] = lines[1:]
	}
	p.sent = append(p.sent, r.Method+" "+strings.TrimPrefix(r.RequestURI, "/management/clients/individuals")+" "+string(body))
	p.mu.Unlock()
	lines[0](w, r)
}

func play(t *testing.T, method string, lines ...http.HandlerFunc) (*plays, string) {
	t.Helper()
	p := &plays{lines: map[string][]http.HandlerFunc{method: lines}}
	return p, serve(t, p.ServeHTTP)
}

func TestClients_create(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "client.json")
	require.NoError(t, os.WriteFile(file, []byte("\ufeff"+inputJSON+"\n"), 0o600))
	withPhone := strings.Replace(inputJSON, `,"address"`, `,"phone_country_code":54,"phone_number":91123456789,"address"`, 1)
	for name, tt := range map[string]struct {
		stdin string
		args  []string
		sent  string
	}{
		"file":           {"", []string{file}, inputJSON},
		"standard input": {inputJSON, []string{"-"}, inputJSON},
		"flags over it": {
			inputJSON, []string{"-", "--phone-country-code=54", "--phone-number=91123456789", "--city=Rosario"},
			strings.Replace(withPhone, "Del Viso", "Rosario", 1),
		},
		"a zero before a number": {
			inputJSON, []string{"-", "--phone-country-code=054", "--phone-number=0123456701"},
			strings.Replace(withPhone, "91123456789", "123456701", 1),
		},
		"flags": {"", []string{
			"--first-name=Ana", "--last-name=Example", "--email=ana@example.com", "--birth-date=1984-11-21", "--street-line1=Calle 1",
			"--city=Del Viso", "--postal-code=1669", "--state=ARG-B", "--country=ARG",
		}, inputJSON},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, url := play(t, "POST", says(201, clientJSON))
			args := append([]string{"clients", "create", "--base-url", url}, tt.args...)
			require.Equal(t, result{0, clientText, ""}, command(t, withKey, tt.stdin, args...))
			require.Equal(t, result{0, clientJSON + "\n", ""}, command(t, withKey, tt.stdin, append(args, "--json")...))
			require.Equal(t, []string{"POST  " + tt.sent, "POST  " + tt.sent}, p.sent)
		})
	}
	for name, tt := range map[string]struct {
		stdin string
		args  []string
		lines []http.HandlerFunc
		code  int
		errs  string
	}{
		"nothing":         {"", nil, nil, 2, "there is nothing of the client: name a file, - for standard input, or give flags"},
		"no such file":    {"", []string{"nowhere"}, nil, 2, "the client: no such file"},
		"another field":   {strings.Replace(inputJSON, "last_name", "phone_nubmer", 1), []string{"-"}, nil, 2, "the client: line 1, column 21: /phone_nubmer: there is no such field"},
		"a field twice":   {strings.Replace(inputJSON, "last_name", "first_name", 1), []string{"-"}, nil, 2, "this field stands twice"},
		"another type":    {strings.Replace(inputJSON, `"Ana"`, `5`, 1), []string{"-"}, nil, 2, "/first_name: a JSON number does not fit here"},
		"two values":      {inputJSON + inputJSON, []string{"-"}, nil, 2, "the client: line 1, column"},
		"too large":       {strings.Repeat(" ", 70<<10), []string{"-"}, nil, 2, "larger than"},
		"two on stdin":    {key, []string{"-", "--key-file=-"}, nil, 2, "cannot hold both"},
		"no number":       {"", []string{"--phone-number=x"}, nil, 2, "--phone-number: expected a valid 64 bit int"},
		"no decimal":      {"", []string{"--phone-number=0x1f"}, nil, 2, `expected a valid 64 bit int but got "0x1f"`},
		"too many digits": {"", []string{"--phone-country-code=99999999999"}, nil, 2, "--phone-country-code: expected a valid 32 bit int"},
		"not UTF-8":       {"", []string{"--first-name=Jos\xe9"}, nil, 2, "enablement: argument 5 is not UTF-8; convert it from the encoding that it is in\n"},
		"there is one":    {inputJSON, []string{"-"}, []http.HandlerFunc{says(400, exists)}, 4, "create individual client: 400 VAL: Company client already exists for this company (trace "},
		"unknown":         {inputJSON, []string{"-", "--retries=0", "--idempotency-key=k"}, []http.HandlerFunc{says(503, "")}, 5, "\nIt is unknown whether the client was created. Create it again, within 24 hours with --idempotency-key k\n"},
		"unknown by key":  {inputJSON, []string{"-", "--idempotency-key=k"}, []http.HandlerFunc{says(400, exists)}, 5, "may have created it: list the clients to see what the one with this e-mail is\nTo find out: enablement settle create\n"},
		"unknown by both": {inputJSON, []string{"-"}, []http.HandlerFunc{says(503, ""), says(400, exists)}, 5, "\nTo find out: enablement settle create\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, url := play(t, "POST", tt.lines...)
			got := command(t, withKey, tt.stdin, append([]string{"clients", "create", "--base-url", url}, tt.args...)...)
			require.Equal(t, tt.code, got.code, got.err)
			require.Contains(t, got.err, tt.errs)
			require.NotContains(t, got.err, "Ana")
			require.Empty(t, got.out)
			require.Equal(t, tt.lines == nil, len(p.sent) == 0)
		})
	}
}

func TestClients_update(t *testing.T) {
	t.Parallel()
	p, url := play(t, "PUT", says(200, clientJSON))
	p.lines["GET"] = []http.HandlerFunc{says(200, strings.Replace(clientJSON, `M\u001b[31m`, "María", 1))}
	args := []string{"clients", "update", clientID, "--base-url", url}
	require.Equal(t, result{0, clientText, ""}, command(t, withKey, "", append(args, "--email=new@example.com", "--street-line2=Piso 2")...))
	require.Equal(t, []string{
		"GET /" + clientID + " ",
		"PUT /" + clientID + ` {"first_name":"Ana","second_name":"María","last_name":"Example","email":"new@example.com","birth_date":"1984-11-21",` +
			`"phone_country_code":54,"phone_number":91123456789,"address":{"street_line1":"Calle 1","street_line2":"Piso 2","city":"Del Viso",` +
			`"postal_code":"1669","state":"ARG-B","country":"ARG"}}`,
	}, p.sent, "the rest stays")
	p.sent = nil
	require.Zero(t, command(t, withKey, inputJSON, append(args, "-")...).code)
	require.Equal(t, []string{"PUT /" + clientID + " " + inputJSON}, p.sent, "whole")

	for name, flags := range map[string][]string{
		"all that are optional": {"--second-name=", "--phone-country-code=0", "--phone-number=0", "--street-line2="},
		"one beside another":    {"--second-name=", "--city=Del Viso"},
		"one alone":             {"--second-name="},
	} {
		p.sent = nil
		require.Zero(t, command(t, withKey, "", append(args, flags...)...).code, name)
		require.NotContains(t, p.sent[1], "second_name", name)
		require.Equal(t, name == "all that are optional", !strings.Contains(p.sent[1], "phone"), name)
	}

	p.sent = nil
	require.Equal(t, 2, command(t, withKey, "", args...).code)
	require.Empty(t, p.sent)
	p.lines["PUT"] = []http.HandlerFunc{says(500, "")}
	got := command(t, withKey, inputJSON, append(args, "-", "--retries=0")...)
	require.Equal(t, 5, got.code)
	require.Contains(t, got.err, "\nIt is unknown whether the client was updated. Update it again, or find out: enablement settle update\n")
	p.lines["GET"] = []http.HandlerFunc{says(404, noClient)}
	require.Equal(t, 4, command(t, withKey, "", append(args, "--city=x")...).code)

	p.sent, p.lines["GET"] = nil, []http.HandlerFunc{says(500, "")}
	got = command(t, withKey, "", append(args, "--city=x", "--retries=0")...)
	require.Equal(t, 6, got.code, "only the reading failed")
	require.Contains(t, got.err, "; nothing was sent\n")
	got = command(t, withKey, "", append(args, "--city=x", "--retries=0", "--json")...)
	require.Equal(t, 6, got.code)
	require.Contains(t, got.out, `"outcome":"not sent"`)
	require.NotContains(t, strings.Join(p.sent, ""), "PUT")
}

func TestClients_delete(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lines []http.HandlerFunc
		code  int
	}{
		"there": {[]http.HandlerFunc{says(204, "")}, 0}, "gone": {[]http.HandlerFunc{says(404, noClient)}, 4},
		"gone since": {[]http.HandlerFunc{says(503, ""), says(404, noClient)}, 0}, "unknown": {[]http.HandlerFunc{says(500, "")}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, json := range []bool{false, true} {
				_, url := play(t, "DELETE", tt.lines...)
				args := []string{"clients", "delete", clientID, "--base-url", url}
				if json {
					args = append(args, "--json")
				}
				got := command(t, withKey, "", args...)
				require.Equal(t, tt.code, got.code, got)
				switch {
				case tt.code == 0 && json:
					require.Empty(t, got.out)
				case tt.code == 0:
					require.Equal(t, "The client is deleted.\n", got.out)
				case !json:
					require.Empty(t, got.out)
				}
			}
		})
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		body string
		out  string
	}{
		"get":  {[]string{"clients", "get", clientID}, clientJSON, clientText},
		"list": {[]string{"clients", "list"}, "[" + clientJSON + "]", "CLIENT                            STATUS   NAME                E-MAIL\n" + clientID + "  pending  Ana M [31m Example  ana@example.com\n"},
		"none": {[]string{"clients", "list"}, "[]", "CLIENT  STATUS  NAME  E-MAIL\n"},
		"products": {
			[]string{"products", "list", clientID}, "[" + product("pending_documentation") + "," + strings.Replace(product("rejected"), "missing_requirements", "x", 1) + "]",
			"REQUEST                           PRODUCT            STATUS                 MISSING\n" +
				requestID + "  cards_individuals  pending_documentation  Identity document, Personal information: phone\n" +
				requestID + "  cards_individuals  rejected               \n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, url := play(t, "GET", says(200, tt.body))
			args := slices.Concat(tt.args, []string{"--base-url", url})
			require.Equal(t, result{0, tt.out, ""}, command(t, withKey, "", args...))
			require.Equal(t, result{0, tt.body + "\n", ""}, command(t, withKey, "", append(args, "--json")...))
			_, url = play(t, "GET", says(500, ""))
			got := command(t, withKey, "", append(tt.args, "--retries=0", "--base-url", url)...)
			require.Equal(t, 5, got.code)
			require.NotContains(t, got.err, "It is unknown", "there is nothing that may have happened")
		})
	}
}

func TestProducts_request(t *testing.T) {
	t.Parallel()
	p, url := play(t, "POST", says(201, product("pending_documentation")))
	args := []string{"products", "request", clientID, "cards_individuals", "--base-url", url}
	got := command(t, withKey, "", args...)
	require.Equal(t, result{0, `Request  ` + requestID + `
Product  cards_individuals
Status   pending_documentation
Updated  2026-04-16T09:20:00 UTC

MISSING                      TYPE      REQUIRED  ACCEPTED
Identity document            document  yes       passport, or national [31m_id
Personal information: phone  data      no        PHONE
`, ""}, got)
	require.Equal(t, []string{"POST /" + clientID + `/products {"subproduct":"cards_individuals"}`}, p.sent)
	active := says(409, `{"code":"VAL","message":"An enablement request is already active for this product"}`)
	p.lines["POST"] = []http.HandlerFunc{active}
	require.Equal(t, 4, command(t, withKey, "", args...).code)
	got = command(t, withKey, "", append(args, "--idempotency-key=k")...)
	require.Equal(t, 5, got.code)
	require.Contains(t, got.err, "\nTo find out: enablement settle request\n")
}

func TestProducts_wait(t *testing.T) {
	t.Parallel()
	list := func(status string) http.HandlerFunc { return says(200, "["+product(status)+"]") }
	for name, tt := range map[string]struct {
		lines []http.HandlerFunc
		args  []string
		code  int
		out   string
		errs  string
	}{
		"enabled":        {[]http.HandlerFunc{list("in_kyc"), says(503, ""), list("on_hold"), list("enabled")}, nil, 8, "Status   enabled\n", "^$"},
		"rejected":       {[]http.HandlerFunc{list("rejected")}, nil, 7, "Status   rejected\n", "^$"},
		"not in time":    {[]http.HandlerFunc{list("in_kyc")}, []string{"--for=50ms"}, 1, "", "^enablement: the request was not decided within 50ms\n$"},
		"gone":           {[]http.HandlerFunc{says(404, noClient)}, nil, 4, "", "404 NOT_FOUND"},
		"never there":    {[]http.HandlerFunc{says(200, "[]")}, nil, 4, "", "the client has no such request"},
		"wrong usage":    {[]http.HandlerFunc{list("in_kyc")}, []string{"--every=0s"}, 2, "", "--every and --for must be above zero"},
		"no time at all": {[]http.HandlerFunc{list("in_kyc")}, []string{"--for=0s"}, 2, "", "--every and --for must be above zero"},
		"less than that": {[]http.HandlerFunc{list("in_kyc")}, []string{"--for=-1s"}, 2, "", "--every and --for must be above zero"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, url := play(t, "GET", tt.lines...)
			args := append([]string{"products", "wait", clientID, requestID, "--every=1ms", "--base-url", url}, tt.args...)
			got := command(t, withKey, "", args...)
			require.Equal(t, tt.code, got.code, got)
			require.Contains(t, got.out, tt.out)
			require.Regexp(t, tt.errs, got.err)
			if name == "not in time" {
				got = command(t, withKey, "", append(args, "--json")...)
				require.Equal(t, 1, got.code)
				var said struct{ Error struct{ Message string } }
				require.NoError(t, json.Unmarshal([]byte(got.out), &said))
				require.Equal(t, "the request was not decided within 50ms", said.Error.Message)
			}
			if tt.code >= 7 {
				got = command(t, withKey, "", append(args, "--json")...)
				require.Equal(t, tt.code, got.code)
				var said struct{ ID, Status string }
				require.NoError(t, json.Unmarshal([]byte(got.out), &said), "one, not the list")
				require.Equal(t, requestID, said.ID)
				require.Contains(t, tt.out, said.Status)
			}
		})
	}
}

// TestSettle: what a script does after exit code 5. Only what was found is told by a code; that nothing could be found is
// 5 again, whatever the reading ended with.
func TestSettle(t *testing.T) {
	t.Parallel()
	aMinuteAgo := "--since=" + time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
	stored := strings.NewReplacer(`"second_name":"M\u001b[31m",`, "", `"phone_country_code":54,"phone_number":91123456789,`, "").Replace(clientJSON)
	for name, tt := range map[string]struct {
		args []string
		line http.HandlerFunc
		code int
		out  string
	}{
		"created":         {[]string{"create", "-"}, says(200, "["+stored+"]"), 0, "done: a client has the e-mail and the data of the call\nClient   " + clientID},
		"not created":     {[]string{"create", "-"}, says(200, "[]"), 6, "not done: no client has the e-mail\n"},
		"another":         {[]string{"create", "-"}, says(200, "["+clientJSON+"]"), 5, "unclear: a client has the e-mail and other data"},
		"another, before": {[]string{"create", "-", aMinuteAgo}, dated(says(200, "["+clientJSON+"]")), 6, "not done: another client had the e-mail before the call"},
		"updated":         {[]string{"update", clientID, "-"}, says(200, stored), 0, "done: the client has the data of the call"},
		"updated, flags":  {[]string{"update", clientID, "--city=Del Viso"}, says(200, clientJSON), 0, "done: the client has the data of the call"},
		"not, flags":      {[]string{"update", clientID, "--city=Rosario"}, says(200, clientJSON), 5, "unclear: the client has other data"},
		"not since":       {[]string{"update", clientID, "--city=Rosario", aMinuteAgo}, dated(says(200, clientJSON)), 6, "not done: the client was not updated since"},
		"still to come":   {[]string{"update", clientID, "--city=Rosario", "--since=2999-01-01T00:00:00Z"}, dated(says(200, clientJSON)), 5, "unclear: the client has other data"},
		"update: gone":    {[]string{"update", clientID, "-"}, says(404, noClient), 5, "unclear: the client is not there"},
		"flags: gone":     {[]string{"update", clientID, "--city=x"}, says(404, noClient), 5, ""},
		"deleted":         {[]string{"delete", clientID}, says(404, noClient), 0, "done: there is no such client\n"},
		"not deleted":     {[]string{"delete", clientID}, says(200, clientJSON), 6, "not done: the client is there\n"},
		"another server":  {[]string{"delete", clientID}, says(404, "<html>"), 5, ""},
		"requested":       {[]string{"request", clientID, "cards_individuals"}, says(200, "["+product("in_kyc")+"]"), 0, "done: the client has a request for the product\nRequest"},
		"not requested":   {[]string{"request", clientID, "ramps_pix"}, says(200, "["+product("in_kyc")+"]"), 6, "not done: "},
		"submitted":       {[]string{"submit", clientID, requestID}, says(200, "["+product("rejected")+"]"), 0, "done: the request was submitted\n"},
		"stored":          {[]string{"document", clientID, requestID, "--type=driver_license"}, says(200, "["+product("pending_documentation")+"]"), 0, "done: no document of the kind is missing\n"},
		"replaced, maybe": {[]string{"document", clientID, requestID, "--type=driver_license", "--replace"}, says(200, "["+product("in_kyc")+"]"), 5, "unclear: a document of the kind is stored"},
		"not stored":      {[]string{"document", clientID, requestID, "--type=passport"}, says(200, "["+product("pending_documentation")+"]"), 6, "not done: a document of the kind is missing\n"},
		"no kind":         {[]string{"document", clientID, requestID, "--type="}, says(500, ""), 2, ""},
		"not submitted":   {[]string{"submit", clientID, requestID}, says(200, "["+product("pending_documentation")+"]"), 6, "not done: the request is pending\n"},
		"a new status":    {[]string{"submit", clientID, requestID}, says(200, "["+product("on_hold")+"]"), 5, "unclear: this version does not know"},
		"down":            {[]string{"submit", clientID, requestID}, says(500, ""), 5, ""},
		"refused":         {[]string{"submit", clientID, requestID}, says(401, `{"code":"AUTH"}`), 5, ""},
		"wrong usage":     {[]string{"submit", "a b", requestID}, says(500, ""), 2, ""},
		"no such time":    {[]string{"submit", clientID, requestID, "--since=now"}, says(500, ""), 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, url := play(t, "GET", tt.line)
			args := append([]string{"settle"}, append(tt.args, "--retries=0", "--base-url", url)...)
			got := command(t, withKey, inputJSON, args...)
			require.Equal(t, tt.code, got.code, got)
			require.Contains(t, got.out, tt.out)
			require.Equal(t, tt.out == "", got.err != "")
			got = command(t, withKey, inputJSON, append(args, "--json")...)
			require.Equal(t, tt.code, got.code, got)
			if tt.out != "" {
				var said struct{ Effect, Reason string }
				require.NoError(t, json.Unmarshal([]byte(got.out), &said))
				require.Contains(t, tt.out, said.Effect+": ")
			}
		})
	}
	got := command(t, withKey, "", "settle", "submit", clientID, requestID, "--retries=0", "--base-url=http://127.0.0.1:1")
	require.Equal(t, 5, got.code, "that nothing was sent is about the reading")
	require.Contains(t, got.err, "connection refused")
}

// dated answers long after the call that is looked for.
func dated(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC).Format(http.TimeFormat))
		next(w, r)
	}
}

// TestCalls_keyRepeated: as of submit, in what the other commands show.
func TestCalls_keyRepeated(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 400, 500} {
		body := strings.NewReplacer("Ana", key, `"type"`, `"`+key+`":1,"type"`).Replace(clientJSON)
		url := serve(t, says(status, body))
		list := serve(t, says(status, "["+body+"]"))
		for _, args := range [][]string{
			{"clients", "create", "-", "--base-url", url}, {"clients", "get", clientID, "--base-url", url},
			{"clients", "update", clientID, "-", "--base-url", url}, {"clients", "list", "--base-url", list},
			{"settle", "create", "-", "--base-url", list}, {"settle", "delete", clientID, "--base-url", url},
		} {
			command(t, withKey, inputJSON, append(args, "--retries=0", "-v")...) // which looks
			command(t, withKey, inputJSON, append(args, "--retries=0", "--json")...)
		}
	}
}
