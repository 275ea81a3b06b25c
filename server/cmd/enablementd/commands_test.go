package main_test

import (
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// TestCommands walks an operator's way: database, data, key, service, and what became of it.
func TestCommands(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "real.db")
	ok := func(stdin string, args ...string) result {
		t.Helper()
		r := command(t, stdin, append(args, "--db", db)...)
		require.Zero(t, r.code, r.err)
		return r
	}
	ok("", "migrate")
	ok("", "migrate")
	require.Equal(t, "imported 1 companies, 1 clients, 1 documents, 1 requests\n", ok(dataFile(t), "import", "-").out)
	key := strings.TrimSpace(ok("", "keys", "create", "--company", "cmp_1").out)
	require.Regexp(t, `^cm_[A-Za-z0-9_-]{43}$`, key)
	low := strings.TrimSpace(ok("", "keys", "create", "--company", "cmp_1", "--level", "2").out)
	away := strings.TrimSpace(ok("", "keys", "create", "--company", "cmp_1", "--allow", "192.0.2.0/24").out)
	gone := strings.TrimSpace(ok("", "keys", "create", "--company", "cmp_1").out)
	list := ok("", "keys", "list").out
	for _, secret := range []string{key, low, away, gone} {
		require.NotContains(t, list, secret, "a secret is shown once")
		require.Contains(t, list, secret[:8])
	}
	for line := range strings.Lines(list) {
		if strings.Contains(line, gone[:8]) {
			ok("", "keys", "revoke", strings.Fields(line)[0])
		}
	}

	// The provider is not there yet; its address is.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())

	p := serve(t, "--db", db, "--provider-allow-private", "--provider-url", "http://"+address+"/hook", "--provider-secret", secret)
	submitPath := path("cl_1", "rq_1")
	require.Equal(t, http.StatusUnauthorized, p.call(http.MethodPost, submitPath, low).status)
	require.Equal(t, http.StatusUnauthorized, p.call(http.MethodPost, submitPath, away).status)
	require.Equal(t, http.StatusUnauthorized, p.call(http.MethodPost, submitPath, gone).status)
	got := p.call(http.MethodPost, submitPath, key)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Contains(t, got.body, `"in_kyc"`)
	p.waitFor("notification not delivered.*no connection to the provider")
	require.Regexp(t, `rq_1 +pending`, ok("", "notifications", "list").out)

	// Now it is.
	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	received := make(chan error, 10)
	provider := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = verifier.Verify(body, r.Header)
		}
		received <- err
	}))
	require.NoError(t, provider.Listener.Close())
	provider.Listener, err = net.Listen("tcp", address)
	require.NoError(t, err)
	provider.Start()
	defer provider.Close()
	require.NoError(t, <-received)
	p.waitFor("notification delivered")
	require.Regexp(t, `rq_1 +delivered .* 2 `, ok("", "notifications", "list", "--state", "delivered").out)

	require.Zero(t, p.Stop())
	require.Contains(t, p.Output(), "stopped")
	history := ok("", "audit", "rq_1").out
	require.Contains(t, history, "Request rq_1 is in_kyc.")
	require.Regexp(t, `pending_documentation +in_kyc +0 +0 +key_\S+ +[0-9a-f]{32}`, history)
	require.Regexp(t, `- +no connection to the provider +pending`, history)
	require.Regexp(t, `200 +- +delivered`, history)
	require.Equal(t, 2, command(t, "", "audit", "rq_9", "--db", db).code)
	require.Contains(t, ok("", "migrate", "--status").out, "is at schema 4, this program knows 4")
	for line := range strings.Lines(ok("", "keys", "list").out) {
		if strings.Contains(line, key[:8]) {
			require.Regexp(t, `Z$`, strings.TrimSpace(line), "the last use was written")
		}
		if strings.Contains(line, away[:8]) {
			require.Regexp(t, ` -$`, strings.TrimSpace(line), "it was never good")
		}
	}
	for _, canary := range []string{key, low, away, gone, secret, "91123456789", "Canaria", "X7654321"} {
		require.NotContains(t, p.Output(), canary, "keys and personal data are in no log")
	}
}

// dataFile is a complete request, as an operator would import it.
func dataFile(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("testdata/import.json")
	require.NoError(t, err)
	return string(data)
}

func TestCommands_exitCodes(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	provider := []string{"--admin-addr", "off", "--provider-allow-private", "--provider-url", "http://127.0.0.1:1/hook", "--provider-secret", secret}
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"help":               {[]string{"--help"}, 0, ""},
		"help of a command":  {[]string{"keys", "create", "--help"}, 0, ""},
		"version":            {[]string{"version"}, 0, ""},
		"no command":         {nil, 2, "expected one of"},
		"unknown command":    {[]string{"sreve"}, 2, "sreve"},
		"unknown flag":       {[]string{"serve", "--prot", "1"}, 2, "--prot"},
		"subcommand":         {[]string{"keys", "lst"}, 2, `unknown command lst, did you mean "list"?; see enablementd keys --help`},
		"no id":              {[]string{"keys", "revoke"}, 2, `missing: "<id>"; see enablementd keys revoke --help`},
		"no flag":            {[]string{"keys", "create"}, 2, "missing: --company=ID; see"},
		"no flag value":      {[]string{"keys", "create", "--company"}, 2, "--company: needs a value; see"},
		"flag as value":      {[]string{"keys", "create", "--expires", "--db", "x"}, 2, "--expires: needs a value; see"},
		"no duration":        {[]string{"serve", "--call-timeout"}, 2, "--call-timeout: must be a duration such as 10s, 5m, 12h or 30d; see enablementd serve --help"},
		"no unit":            {[]string{"serve", "--call-timeout", "10"}, 2, "--call-timeout: must be a duration such as"},
		"negative duration":  {append([]string{"serve", "--call-timeout", "-1s"}, provider...), 2, "--call-timeout: must be above zero"},
		"one bad duration":   {[]string{"serve", "--delivery-schedule", "1s,x"}, 2, "--delivery-schedule: must be a duration such as"},
		"no number":          {[]string{"serve", "--rate-limit", "x"}, 2, "--rate-limit: must be a whole number; see"},
		"code of no form":    {[]string{"review", "reject", "rq_1", "--code", "abc"}, 2, "enablementd: --code: must be 1 to 64 capital letters"},
		"huge page":          {[]string{"notifications", "list", "--limit", "9223372036854775807"}, 2, "--limit: must be from 1 to 1000000"},
		"negative seed":      {[]string{"contract", "http://127.0.0.1:1", "--keys", "x", "--seed", "-1"}, 2, "--seed: must be a whole number that is not negative; see"},
		"huge number":        {[]string{"serve", "--max-connections", "99999999999999999999"}, 2, "--max-connections: must be a whole number; see"},
		"negative number":    {append([]string{"serve", "--rate-limit", "-1"}, provider...), 2, "--rate-limit: must be calls per second, or 0 for no limit"},
		"negative level":     {[]string{"keys", "create", "--company", "c", "--level", "-1"}, 2, "--level: must be an access level from 1 to 3; see"},
		"range too long":     {[]string{"keys", "create", "--company", "c", "--allow", "10.0.0.0/40"}, 2, "--allow: must be address ranges such as"},
		"high ratio":         {append([]string{"serve", "--trace-ratio", "2"}, provider...), 2, "--trace-ratio: must be a number from 0 to 1"},
		"negative ratio":     {append([]string{"serve", "--trace-ratio", "-0.1"}, provider...), 2, "--trace-ratio: must be a number from 0 to 1"},
		"ratio not a number": {append([]string{"serve", "--trace-ratio", "NaN"}, provider...), 2, "--trace-ratio: must be a number from 0 to 1"},
		"no ratio":           {[]string{"serve", "--trace-ratio", "half"}, 2, "--trace-ratio: must be a number such as 0.1; see"},
		"bad endpoint":       {append([]string{"serve", "--otlp-endpoint", "ftp://x"}, provider...), 2, "--otlp-endpoint: must be of the form http://host:port"},
		"bad bool":           {[]string{"serve", "--pprof=maybe"}, 2, "--pprof: must be true"},
		"bad state":          {[]string{"notifications", "list", "--state", "lost"}, 2, `--state must be one of "pending","delivered","dead"`},
		"port too high":      {append([]string{"serve", "--addr", "127.0.0.1:99999"}, provider...), 2, "host:port"},
		"no certificate":     {append([]string{"serve", "--tls-cert", "/dev/null", "--tls-key", "/dev/null"}, provider...), 2, "must be PEM files"},
		"plain http":         {[]string{"serve", "--provider-url", "http://p.example", "--provider-secret", secret}, 2, "--provider-url: must begin with https://"},
		"plain http, config": {[]string{"config", "--provider-url", "http://p.example"}, 2, "--provider-url: must begin with https://"},
		"header, config":     {[]string{"config", "--otlp-header", "a(b=hunter2"}, 2, "serve would refuse this: --otlp-header: one has a name that HTTP doesn't allow"},
		"ratio, config":      {[]string{"config", "--trace-ratio", "2"}, 2, "serve would refuse this: --trace-ratio"},
		"file, config":       {[]string{"config", "--provider-secret-file", "/dev/null"}, 2, "serve would refuse this: --provider-secret-file /dev/null: there is no secret in it"},
		"list as import":     {[]string{"import", "-"}, 2, "an import is one JSON object with the lists companies"},
		"nothing missing":    {[]string{"config"}, 0, ""},
		"bad flag value":     {[]string{"serve", "--call-timeout", "soon"}, 2, "--call-timeout"},
		"zero timeout":       {[]string{"serve", "--call-timeout", "0s"}, 2, "--call-timeout"},
		"no provider":        {[]string{"serve"}, 2, "--provider-url is missing"},
		"no provider secret": {[]string{"serve", "--provider-url", "https://p.example"}, 2, "--provider-secret is missing"},
		"bad secret":         {[]string{"serve", "--provider-url", "https://p.example", "--provider-secret", "hunter2"}, 2, "whsec_"},
		"private provider":   {[]string{"serve", "--provider-url", "http://169.254.169.254/", "--provider-secret", secret}, 2, "--provider-allow-private"},
		"bad provider":       {[]string{"serve", "--provider-url", "p.example", "--provider-secret", secret}, 2, "--provider-url: must be of the form https://host/path"},
		"bad address":        {append([]string{"serve", "--addr", "8080"}, provider...), 2, "host:port"},
		"port taken":         {append([]string{"serve", "--addr", taken.Addr().String()}, provider...), 2, "in use"},
		"bad DSN":            {append([]string{"serve", "--addr", "127.0.0.1:0", "--db", "mysql://x"}, provider...), 2, "--db"},
		"no directory":       {[]string{"migrate", "--db", "missing/x.db"}, 2, "no directory"},
		"no database":        {[]string{"keys", "list"}, 2, "enablementd migrate"},
		"sample to everyone": {[]string{"serve", "--sample", "--addr", "0.0.0.0:0"}, 2, "loopback only"},
		"sample to all IPv6": {[]string{"serve", "--sample", "--addr", ":0"}, 2, "loopback only"},
		"sample's operators": {[]string{"serve", "--sample", "--addr", "127.0.0.1:0", "--admin-addr", "0.0.0.0:0"}, 2, "--admin-addr"},
		"operators, IPv6":    {[]string{"serve", "--sample", "--addr", "127.0.0.1:0", "--admin-addr", "[::]:0"}, 2, "loopback only"},
		"operators, any":     {[]string{"serve", "--sample", "--addr", "127.0.0.1:0", "--admin-addr", ":0"}, 2, "loopback only"},
		"operators, name":    {[]string{"serve", "--sample", "--addr", "127.0.0.1:0", "--admin-addr", "ops.example:0"}, 2, "loopback only"},
		"no connections":     {append([]string{"serve", "--addr", "127.0.0.1:0", "--max-connections", "0"}, provider...), 2, "--max-connections"},
		"trusts a half":      {append([]string{"serve", "--addr", "127.0.0.1:0", "--trusted-proxies", "0.0.0.0/1"}, provider...), 2, "such as 10.0.0.0/8"},
		"trusts everybody":   {append([]string{"serve", "--addr", "127.0.0.1:0", "--trusted-proxies", "10.0.0.0/8,::/0"}, provider...), 2, "--trusted-proxies: prefix ::/0"},
		"trusts both halves": {append([]string{"serve", "--addr", "127.0.0.1:0", "--trusted-proxies", "0.0.0.0/1,128.0.0.0/1"}, provider...), 2, "--trusted-proxies"},
		"trusts mapped":      {append([]string{"serve", "--addr", "127.0.0.1:0", "--trusted-proxies", "::ffff:10.0.0.0/104"}, provider...), 2, "write 10.0.0.0/8"},
		"sample + provider":  {append([]string{"serve", "--sample"}, provider...), 2, "--sample brings its own"},
		"import nothing":     {[]string{"import", "missing.json"}, 2, "missing.json"},
		"bad log level":      {[]string{"migrate", "--log-level", "loud"}, 2, "--log-level"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := command(t, "[]", test.args...)
			require.Equal(t, test.code, r.code, r.err)
			if test.code == 0 {
				require.NotEmpty(t, r.out)
				require.Empty(t, r.err)
				return
			}
			require.Contains(t, r.err, test.want)
			require.Equal(t, 1, strings.Count(r.err, "\n"), "one clear line: %s", r.err)
			require.NotContains(t, r.err, "hunter2")
			for _, foreign := range []string{"bit int", "envar", "EOL", "time:", "netip", "strconv", "tls:", "float", "value value", "bit uint"} {
				require.NotContains(t, r.err, foreign)
			}
		})
	}
}

// TestCommands_ranges: what a key can't be is refused in the same words whatever the database is, and says what
// to write.
func TestCommands_ranges(t *testing.T) {
	t.Parallel()
	dbs := []string{sqliteFile(t), pgtest.DSN(t)}
	for _, db := range dbs {
		require.Zero(t, command(t, "", "migrate", "--db", db).code)
		require.Zero(t, command(t, dataFile(t), "import", "-", "--db", db).code)
	}
	create := []string{"keys", "create", "--company", "cmp_1"}
	rotate := []string{"keys", "rotate", "key_1"}
	serveTo := []string{"serve", "--provider-allow-private", "--provider-url", "http://127.0.0.1:1/hook", "--provider-secret", secret}
	for _, test := range []struct {
		args []string
		flag string
		want string
	}{
		{create, "--level=2147483648", "--level: must be an access level from 1 to 3"},
		{create, "--level=99999999999999999999", "--level: must be an access level from 1 to 3"},
		{create, "--level=4", "--level: must be an access level from 1 to 3"},
		{create, "--level=9", "--level: must be an access level from 1 to 3"},
		{create, "--level=0", "--level: must be an access level from 1 to 3"},
		{create, "--level=-1", "--level: must be an access level from 1 to 3"},
		{create, "--level=3.5", "--level: must be an access level from 1 to 3"},
		{create, "--level=0x3", "--level: must be an access level from 1 to 3"},
		{create, "--level=", "--level: must be an access level from 1 to 3"},
		{create, "--expires=0s", "--expires: must be above zero"},
		{create, "--expires=-1h", "--expires: must be a duration such as 12h or 30d, not negative and at most 36500d"},
		{create, "--expires=876001h", "--expires: must be a duration such as 12h or 30d"},
		{create, "--expires=99999999999h", "--expires: must be a duration such as 12h or 30d"},
		{create, "--expires=36501d", "--expires: must be a duration such as 12h or 30d"},
		{create, "--expires=d", "--expires: must be a duration"},
		{create, "--expires=1.5d", "--expires: must be a duration"},
		{create, "--expires=1d-1h", "--expires: must be a duration"},
		{create, "--expires=1h1d", "--expires: must be a duration"},
		{create, "--expires=99999999999999999999d", "--expires: must be a duration"},
		{create, "--expires=", "--expires: must be a duration such as 12h or 30d"},
		{rotate, "--overlap=-1s", "--overlap: must be a duration such as 12h or 30d"},
		{rotate, "--overlap=9999999h", "--overlap: must be a duration such as 12h or 30d"},
		{rotate, "--expires=0s", "--expires: must be above zero"},
		{rotate, "--expires=9999999h", "--expires: must be a duration such as 12h or 30d"},
		{create, "--allow=", "--allow: is empty; leave it out"},
		{create, "--company=a\xff", "is not UTF-8"},
		{create, "--company=" + strings.Repeat("a", 10_000), "no such company"},
		{[]string{"keys", "revoke"}, "key_\xff", "is not UTF-8"},
		{[]string{"keys", "rotate"}, "key_\xff", "is not UTF-8"},
		{[]string{"audit"}, "rq_\xff", "is not UTF-8"},
		{[]string{"notifications", "retry"}, "ntf_\xff", "is not UTF-8"},
	} {
		for _, db := range dbs {
			t.Run(strings.Join(test.args, " ")+" "+test.flag[:min(40, len(test.flag))], func(t *testing.T) {
				t.Parallel()
				r := command(t, "", append(slices.Clone(test.args), test.flag, "--db", db)...)
				require.Equal(t, 2, r.code, r.err)
				require.Contains(t, r.err, test.want)
				require.Equal(t, 1, strings.Count(r.err, "\n"), "one clear line: %s", r.err)
			})
		}
	}
	for value, want := range map[string]string{
		"::ffff:127.0.0.1/128":   "write 127.0.0.1/32",
		"::ffff:10.0.0.0/104":    "write 10.0.0.0/8",
		"::ffff:10.1.2.3/104":    "write 10.0.0.0/8",
		"127.0.0.1":              "write the range 127.0.0.1/32",
		"::1":                    "write the range ::1/128",
		"::ffff:127.0.0.1":       "write the range 127.0.0.1/32",
		"10.0.0.1/8":             "write 10.0.0.0/8, or 10.0.0.1/32",
		"2001:db8::1/32":         "write 2001:db8::/32, or 2001:db8::1/128",
		"fe80::1%eth0/128":       "such as 192.0.2.0/24",
		"fe80::1%eth0":           "such as 192.0.2.0/24",
		"10.0.0.0/33":            "such as 192.0.2.0/24",
		"10.0.0.0/-1":            "such as 192.0.2.0/24",
		"010.0.0.0/8":            "such as 192.0.2.0/24",
		"10.0.0.0/255.0.0.0":     "such as 192.0.2.0/24",
		"[::1]/128":              "such as 192.0.2.0/24",
		"localhost":              "such as 192.0.2.0/24",
		"10.0.0.0/8,":            "such as 192.0.2.0/24",
		"10.0.0.0/8 192.0.2.0/8": "such as 192.0.2.0/24",
	} {
		for flag, args := range map[string][]string{"--allow": create, "--trusted-proxies": serveTo} {
			t.Run(flag+" "+value, func(t *testing.T) {
				t.Parallel()
				r := command(t, "", append(slices.Clone(args), flag+"="+value, "--db", dbs[0])...)
				require.Equal(t, 2, r.code, r.err)
				require.Contains(t, r.err, flag+": ")
				require.Contains(t, r.err, want)
				require.NotContains(t, r.err, "netip")
			})
		}
	}
	for _, db := range dbs {
		r := command(t, "", append(slices.Clone(create), "--allow", "10.0.0.0/8, 127.0.0.1/32 ,10.0.0.0/8", "--allow=::1/128",
			"--level", "3", "--expires", "36500d", "--db", db)...)
		require.Zero(t, r.code, r.err)
		key := strings.TrimSpace(r.out)
		require.Regexp(t, ` 3 +10\.0\.0\.0/8,127\.0\.0\.1/32,::1/128 `, command(t, "", "keys", "list", "--db", db).out)
		p := serve(t, "--db", db, "--provider-url", "https://provider.invalid", "--provider-secret", secret)
		require.Equal(t, http.StatusOK, p.call(http.MethodPost, path("cl_1", "rq_1"), key).status, "it works from where it may")
	}
}

// TestCommands_rotated: a key that is rotated lives no longer than it would have, and is told to.
func TestCommands_rotated(t *testing.T) {
	t.Parallel()
	db := sqliteFile(t)
	prepare(t, db, 1)
	require.Zero(t, command(t, "", "keys", "create", "--company", "cmp_1", "--expires", "1h", "--db", db).code)
	lines := strings.Split(strings.TrimSpace(command(t, "", "keys", "list", "--db", db).out), "\n")
	for _, line := range lines[1:] {
		id, expires := strings.Fields(line)[0], strings.Fields(line)[6]
		if expires == "-" {
			continue
		}
		r := command(t, "", "keys", "rotate", id, "--overlap", "7d", "--db", db)
		require.Zero(t, r.code, r.err)
		require.Contains(t, r.err, "Key "+id+" stays good until "+expires+".\n")
		require.Contains(t, command(t, "", "keys", "list", "--db", db).out, line)
		return
	}
	require.Fail(t, "no key expires", lines)
}

func TestCommands_importIsAtomic(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "import.db")
	require.Zero(t, command(t, "", "migrate", "--db", db).code)
	faulty := strings.Replace(dataFile(t), `"client_id": "cl_1", "product"`, `"client_id": "cl_9", "product"`, 1)
	require.NotEqual(t, dataFile(t), faulty)
	r := command(t, faulty, "import", "-", "--db", db)
	require.Equal(t, 1, r.code)
	require.Contains(t, r.err, `requests[0] "rq_1": client_id: no client "cl_9" (line 17, column 5); nothing was imported`)
	r = command(t, "", "keys", "create", "--company", "cmp_1", "--db", db)
	require.Equal(t, 2, r.code)
	require.Contains(t, r.err, "no such company", "not even the company was imported")
}

// TestCommands_pages goes through a list page by page, as its second line of advice says.
func TestCommands_pages(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "many.db")
	require.Zero(t, command(t, "", "migrate", "--db", path).code)
	require.Zero(t, command(t, dataFile(t), "import", "-", "--db", path).code)
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	const n = 2500
	for _, statement := range []string{
		`INSERT INTO requests SELECT 'rq_' || i, client_id, product, 'in_kyc', evaluation, '', '', created_at, updated_at
			FROM series, requests WHERE id = 'rq_1' AND i > 1000`,
		`INSERT INTO notifications SELECT 'ntf_' || i, 'rq_' || i, 'cl_1', 'cmp_1', 'cards_individuals', 'in_kyc',
			'2026-04-16 09:20:00.' || i || '+00:00', CASE WHEN i % 5 = 0 THEN 'delivered' ELSE 'dead' END FROM series WHERE i > 1000`,
	} {
		_, err = db.ExecContext(t.Context(), fmt.Sprintf(`WITH RECURSIVE series (i) AS (SELECT 1001 UNION ALL SELECT i + 1 FROM series WHERE i < %d) `, 1000+n)+statement)
		require.NoError(t, err)
	}
	require.NoError(t, db.Close())

	for state, want := range map[string]int{"delivered": n / 5, "": n} {
		args := []string{"notifications", "list", "--db", path, "--limit", "400", "--state", state}
		var ids []string
		for more := []string{}; more != nil; {
			r := command(t, "", append(args, more...)...)
			require.Zero(t, r.code, r.err)
			lines := strings.Split(strings.TrimSpace(r.out), "\n")[1:]
			require.LessOrEqual(t, len(lines), 400)
			for _, line := range lines {
				ids = append(ids, strings.Fields(line)[0])
			}
			_, advice, found := strings.Cut(strings.TrimSpace(r.err), "For the next page, add: ")
			if more = nil; found {
				more = strings.Fields(advice)
			}
		}
		require.Len(t, ids, want)
		require.True(t, slices.IsSortedFunc(ids, func(a, b string) int { return strings.Compare(b, a) }), "newest first, none twice")
	}

	r := command(t, "", "notifications", "list", "--db", path, "--after", "ntf_unknown")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.err, `--after "ntf_unknown": notification not found`)

	r = command(t, "", "notifications", "retry", "--dead", "--db", path)
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.out, fmt.Sprintf("\n%d queued\n", n-n/5), "all of them, whatever fits on a page")
	require.Contains(t, command(t, "", "notifications", "retry", "--dead", "--db", path).out, "0 queued")
}

// TestArguments: the library that reads flags would open a file of another name.
func TestArguments(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	refused := command(t, "", "migrate", "--db", filepath.Join(directory, "Jos\xe9.db"))
	require.Equal(t, 2, refused.code)
	require.Equal(t, "enablementd: argument 3 is not UTF-8; convert it from the encoding that it is in\n", refused.err)
	files, err := os.ReadDir(directory)
	require.NoError(t, err)
	require.Empty(t, files)
}
