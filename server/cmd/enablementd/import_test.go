package main_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

// TestImport_refuses: what one database would repair or refuse in its own words is refused by both in the
// same ones, and nothing is imported.
func TestImport_refuses(t *testing.T) {
	t.Parallel()
	for kind, db := range map[string]string{"sqlite": sqliteFile(t), "postgres": pgtest.DSN(t)} {
		require.Zero(t, command(t, "", "migrate", "--db", db).code)
		for name, test := range map[string]struct{ old, new, want string }{
			"zero":           {`"Canaria"`, `"Canaria\u0000"`, `clients[0] "cl_1": first_name: has the character \u0000, which cannot be stored (line 7, column 6)`},
			"Latin-1":        {`"Canaria"`, "\"Canaria\xe9\"", `clients[0] "cl_1": first_name: this is not UTF-8 (line 7, column 28)`},
			"surrogate":      {`"Canaria"`, `"Canaria\ud800"`, `clients[0] "cl_1": first_name: this is no escape of JSON, or half of a surrogate pair (line 7, column 28)`},
			"field twice":    {`"last_name"`, `"first_name": "x", "last_name"`, `clients[0] "cl_1": first_name: this field stands twice (line 7, column 31)`},
			"other case":     {`"email"`, `"EMAIL": "x", "email"`, `clients[0] "cl_1": EMAIL: there is no such field (line 7, column 55)`},
			"list twice":     {`"documents"`, `"companies": [], "documents"`, `companies: this field stands twice (line 11, column 3)`},
			"trailing comma": {`"name": "Example company"}`, `"name": "Example company"},`, `companies[1]: there must be no comma here (line 3, column 47)`},
			"number":         {`91123456789`, `9223372036854775808`, `clients[0] "cl_1": phone_number: the number does not fit here (line 8, column 48)`},
			"UTF-16":         {"{\n", "{\x00\n\x00", `the text is UTF-16 or UTF-32; JSON is UTF-8`},
			"year":           {`"status": "pending_documentation"`, `"status": "in_kyc", "created_at": "0000-01-01T00:00:00"`, `requests[0] "rq_1": created_at: must be of the years 1970 to 9999 (line 17, column 93)`},
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				t.Parallel()
				faulty := strings.Replace(dataFile(t), test.old, test.new, 1)
				require.NotEqual(t, dataFile(t), faulty)
				file := filepath.Join(t.TempDir(), "data.json")
				require.NoError(t, os.WriteFile(file, []byte(faulty), 0o600))
				r := command(t, "", "import", file, "--db", db)
				require.Equal(t, 2, r.code, r.err)
				require.Contains(t, r.err, test.want)
				require.NotContains(t, r.err, "Canaria")
				require.Equal(t, 1, strings.Count(r.err, "\n"), "one clear line: %s", r.err)
				r = command(t, "", "keys", "create", "--company", "cmp_1", "--db", db)
				require.Contains(t, r.err, "no such company", "nothing was imported")
			})
		}
	}
}

// TestImport_faults: all faults are told at once, a line each; those that only the database can see come when
// the file has no other.
func TestImport_faults(t *testing.T) {
	t.Parallel()
	for kind, db := range map[string]string{"sqlite": sqliteFile(t), "postgres": pgtest.DSN(t)} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			require.Zero(t, command(t, "", "migrate", "--db", db).code)
			strangers := strings.NewReplacer(`"company_id": "cmp_1"`, `"company_id": "cmp_9"`,
				`"requests": [`, `"requests": [{"id": "rq_2", "client_id": "cl_9", "product": "ramps_pix", "status": "requested"},`).Replace(dataFile(t))
			faulty := strings.NewReplacer(`"Canaria"`, "4711", `"X7654321"`, "4711").Replace(strangers)
			r := command(t, faulty, "import", "-", "--db", db)
			require.Equal(t, 2, r.code)
			require.Equal(t, `enablementd: import -: clients[0] "cl_1": first_name: a JSON number does not fit here (line 7, column 20)
enablementd: import -: documents[0] "cl_1/passport": metadata.number: a JSON number does not fit here (line 14, column 29)
enablementd: import -: 2 faults; nothing was imported
`, r.err)
			r = command(t, strangers, "import", "-", "--db", db)
			require.Equal(t, 1, r.code)
			require.Equal(t, `enablementd: import -: clients[0] "cl_1": company_id: no company "cmp_9" (line 6, column 5)
enablementd: import -: requests[0] "rq_2": client_id: no client "cl_9" (line 16, column 16)
enablementd: import -: 2 faults; nothing was imported
`, r.err)
			many := `{"clients": [` + strings.Repeat(`null, `, 21) + `null]}`
			r = command(t, many, "import", "-", "--db", db)
			require.Equal(t, 2, r.code)
			require.Equal(t, 21, strings.Count(r.err, "\n"))
			require.Contains(t, r.err, "\nenablementd: import -: 20 faults, stopped after 20; nothing was imported\n")
			require.Contains(t, command(t, "", "keys", "create", "--company", "cmp_1", "--db", db).err, "no such company")
		})
	}
}

// TestImport_again walks the way of a request whose data is not complete at first: the same file is imported
// again, with what was missing in it.
func TestImport_again(t *testing.T) {
	t.Parallel()
	for kind, db := range map[string]string{"sqlite": sqliteFile(t), "postgres": pgtest.DSN(t)} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			require.Zero(t, command(t, "", "migrate", "--db", db).code)
			expired := strings.NewReplacer(`"2099-12-31"`, `"2019-12-31"`, `"phone_country_code": 54, "phone_number": 91123456789,`, "").Replace(dataFile(t))
			imported := func(file string) (out, err string) {
				r := command(t, file, "import", "-", "--db", db)
				require.Zero(t, r.code, r.err)
				return r.out, r.err
			}
			const warning = "enablementd: import -: warning: a submission would reject documents[0] \"cl_1/passport\": The document expired (line 12, column 5)\n"
			const stays = "enablementd: import -: 1 request was already there and stays as it is\n"
			out, told := imported(expired)
			require.Equal(t, "imported 1 companies, 1 clients, 1 documents, 1 requests\n", out)
			require.Equal(t, warning, told)
			out, told = imported(expired)
			require.Equal(t, "imported 1 companies, 1 clients, 1 documents, 0 requests\n", out)
			require.Equal(t, warning+stays, told)

			key := strings.TrimSpace(command(t, "", "keys", "create", "--company", "cmp_1", "--db", db).out)
			p := serve(t, "--db", db, "--provider-url", "https://provider.invalid", "--provider-secret", secret)
			got := p.call("POST", path("cl_1", "rq_1"), key)
			require.Equal(t, 200, got.status, got.body)
			require.Contains(t, got.body, "The document expired on 2019-12-31.")
			require.Contains(t, got.body, `"phone"`)
			_, told = imported(dataFile(t))
			require.Equal(t, stays, told)
			got = p.call("POST", path("cl_1", "rq_1"), key)
			require.Equal(t, 200, got.status, got.body)
			require.Contains(t, got.body, `"in_kyc"`)
			history := command(t, "", "audit", "rq_1", "--db", db).out

			_, told = imported(dataFile(t))
			require.Equal(t, stays, told)
			require.Equal(t, 409, p.call("POST", path("cl_1", "rq_1"), key).status, "it stays in KYC, whatever the file says")
			require.Equal(t, strings.Count(history, "pending_documentation"),
				strings.Count(command(t, "", "audit", "rq_1", "--db", db).out, "pending_documentation"), "an import is no transition")

			r := command(t, strings.ReplaceAll(dataFile(t), `"cl_1"`, `"cl_2"`), "import", "-", "--db", db)
			require.Equal(t, 1, r.code)
			require.Contains(t, r.err, `requests[0] "rq_1": id: there is a request of this id already, of another client or for another product (line 17, column 5); nothing was imported`)
		})
	}
}

// TestImport_ranges: what is allowed to be as large as can be is the same on both when it is read again.
func TestImport_ranges(t *testing.T) {
	t.Parallel()
	for kind, db := range map[string]string{"sqlite": sqliteFile(t), "postgres": pgtest.DSN(t)} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			require.Zero(t, command(t, "", "migrate", "--db", db).code)
			r := command(t, "\ufeff"+`{
				"requests": [
					{"id": "rq_1", "client_id": "cl_1", "product": "ramps_pix", "status": "requested", "created_at": "1970-01-01T00:00:00", "updated_at": "9999-12-31T23:59:59Z"},
					{"id": "rq_2", "client_id": "cl_1", "product": "ramps_pix", "status": "rejected", "rejection_code": "`+strings.Repeat("陳", 1000)+`"}],
				"documents": [{"client_id": "cl_1", "document_type": "passport", "metadata": {"number": "`+strings.Repeat("\U0001F600", 1000)+`"}}],
				"clients": [{"id": "cl_1", "company_id": "cmp_1", "phone_country_code": -9223372036854775808, "phone_number": 9223372036854775807,
					"first_name": "\u0001\u200b", "address": {"city": "陳大文"}}],
				"companies": [{"id": "cmp_1"}]}`, "import", "-", "--db", db)
			require.Zero(t, r.code, r.err)
			require.Equal(t, "imported 1 companies, 1 clients, 1 documents, 2 requests\n", r.out)
			history := command(t, "", "audit", "rq_1", "--db", db)
			require.Contains(t, history.out, "Request rq_1 is requested.")
			key := strings.TrimSpace(command(t, "", "keys", "create", "--company", "cmp_1", "--db", db).out)
			p := serve(t, "--db", db, "--provider-url", "https://provider.invalid", "--provider-secret", secret)
			got := p.call("POST", path("cl_1", "rq_1"), key)
			require.Equal(t, 200, got.status, got.body)
			require.Contains(t, got.body, `"1970-01-01T00:00:00"`)
			require.Contains(t, got.body, "The first name is blank.")
			require.Contains(t, got.body, "The phone country code is not a calling code.")
			require.Equal(t, 409, p.call("POST", path("cl_1", "rq_2"), key).status)
		})
	}
}

// TestImport_memory: neither a large file nor a large value is in memory as a whole, also from a pipe.
func TestImport_memory(t *testing.T) {
	t.Parallel()
	const most = 120 << 10 // kB
	db := sqliteFile(t)
	require.Zero(t, command(t, "", "migrate", "--db", db).code)
	imported := func(in io.Reader) (code int, output string) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var out bytes.Buffer
		c := exec.CommandContext(ctx, binary, "import", "-", "--db", db)
		c.Stdin, c.Stdout, c.Stderr = in, &out, &out
		require.NoError(t, c.Start())
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		// What the kernel tells of a process that has ended counts the memory of the test, too, which it is
		// forked from.
		for peak := int64(0); ; {
			select {
			case err := <-ended:
				if err != nil {
					require.ErrorAs(t, err, new(*exec.ExitError))
				}
				require.Positive(t, peak)
				require.Less(t, peak, int64(most))
				return c.ProcessState.ExitCode(), out.String()
			case <-time.After(time.Millisecond):
				peak = max(peak, peakMemory(c.Process.Pid))
			}
		}
	}

	code, output := imported(io.MultiReader(strings.NewReader(`{"companies": [{"id": "cmp_1", "name": "`),
		io.LimitReader(endless('x'), 300<<20), strings.NewReader(`"}]}`)))
	require.Equal(t, 2, code)
	require.Contains(t, output, `companies[0] "cmp_1": name: is too large`)

	fields, unknown := io.Pipe()
	go func() {
		buffered := bufio.NewWriterSize(unknown, 64<<10) // a pipe passes each write on by itself
		for i := 0; ; i++ {
			if _, err := fmt.Fprintf(buffered, `"field_%d": 1, `, i); err != nil {
				return // its reader has had enough
			}
		}
	}()
	code, output = imported(io.MultiReader(strings.NewReader(`{"companies": [{"id": "cmp_1", `), io.LimitReader(fields, 100<<20)))
	require.Equal(t, 2, code)
	require.Contains(t, output, "field_9: there is no such field")
	require.NoError(t, fields.Close())

	const clients, padding = 10_000, 10_000
	entries, written := io.Pipe()
	go func() {
		defer func() { _ = written.Close() }() // its reader sees the end
		for i := range clients {
			_, _ = fmt.Fprintf(written, `,{"id": "cl_%d", "company_id": "cmp_1", "email": "?", "address": {%s"city": "Del Viso"}}`, i+1, strings.Repeat(" ", padding))
		}
	}()
	code, output = imported(io.MultiReader(
		strings.NewReader(`{"companies": [{"id": "cmp_1"}], "clients": [{"id": "cl_0", "company_id": "cmp_1"}`), entries, strings.NewReader(`]}`)))
	require.Zero(t, code, output)
	require.Contains(t, output, fmt.Sprintf("warnings that are not shown: %d\n", clients-20))
	require.Contains(t, output, fmt.Sprintf("imported 1 companies, %d clients, 0 documents, 0 requests\n", clients+1))
}

type endless byte

// Read implements [io.Reader].
func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

// peakMemory is the most that a running process has had in memory, in kB.
func peakMemory(pid int) (kB int64) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0 // it has ended
	}
	_, rest, _ := strings.Cut(string(status), "\nVmHWM:")
	_, _ = fmt.Sscan(rest, &kB)
	return kB
}
