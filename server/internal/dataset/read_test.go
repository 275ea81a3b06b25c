package dataset_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

var now = time.Date(2026, time.April, 16, 9, 20, 0, 0, time.UTC)

// photo is the smallest real PNG, as base64.
var photo = base64.StdEncoding.EncodeToString(sample.Data(now).Documents[0].Front.Content)

// read is what a file holds.
func read(t testing.TB, text string) (*dataset.Dataset, error) {
	t.Helper()
	file, err := dataset.Open(t.Context(), strings.NewReader(text), now, nil)
	if err != nil {
		return nil, err
	}
	defer func() { require.NoError(t, file.Close()) }()
	d := &dataset.Dataset{At: file.Moment()}
	for entry, err := range file.All() {
		require.NoError(t, err)
		switch value := entry.Value.(type) {
		case *dataset.Company:
			d.Companies = append(d.Companies, *value)
		case *dataset.Client:
			d.Clients = append(d.Clients, *value)
		case *dataset.Document:
			d.Documents = append(d.Documents, *value)
		case *dataset.Request:
			d.Requests = append(d.Requests, *value)
		}
	}
	require.Len(t, d.Companies, file.Count("companies"))
	require.Len(t, d.Clients, file.Count("clients"))
	require.Len(t, d.Documents, file.Count("documents"))
	require.Len(t, d.Requests, file.Count("requests"))
	return d, nil
}

func TestRead(t *testing.T) {
	t.Parallel()
	d, err := read(t, `{
		"companies": [{"id": "cmp_1", "name": "One"}],
		"clients": [{"id": "cl_1", "company_id": "cmp_1", "type": "individual", "status": "active",
			"first_name": "Ana", "last_name": "Example", "email": "ana@example.com", "birth_date": "1984-11-21",
			"phone_country_code": 54, "phone_number": 91123456789,
			"address": {"street_line1": "Calle 1", "city": "Del Viso", "postal_code": "1669", "state": "ARG-B", "country": "ARG"},
			"created_at": "2026-01-02T03:04:05Z"}],
		"documents": [{"client_id": "cl_1", "document_type": "passport", "image_front": "data:image/png;base64,`+photo+`",
			"metadata": {"number": "X1"}},
			{"client_id": "cl_1", "document_type": "national_id", "image_front": "`+photo+`", "image_back": "`+photo+`"}],
		"requests": [{"id": "rq_1", "client_id": "cl_1", "product": "cards_individuals", "status": "pending_documentation"}]
	}`)
	require.NoError(t, err)
	require.Equal(t, int64(91123456789), d.Clients[0].PhoneNumber)
	require.Equal(t, "ARG", d.Clients[0].Address.Country)
	require.Equal(t, "2026-01-02T03:04:05", d.Clients[0].CreatedAt.String())
	require.Equal(t, "image/png", d.Documents[0].Front.MediaType)
	require.True(t, d.Documents[0].Back.IsZero())
	require.False(t, d.Documents[1].Back.IsZero())
	require.Equal(t, enablement.PendingDocumentation, d.Requests[0].Status)
	require.Equal(t, "2026-04-16T09:20:00", d.Requests[0].UpdatedAt.String(), "what has no time gets that of the import")
	require.Equal(t, now, d.At)
}

func TestRead_names(t *testing.T) {
	t.Parallel()
	large := base64.StdEncoding.EncodeToString(make([]byte, enablement.MaxPhotoSize+1))
	document := func(field, value string) string {
		return `{"documents": [{"client_id": "cl_1", "document_type": "passport", "` + field + `": "` + value + `"}]}`
	}
	request := func(fields string) string {
		return `{"requests": [{"id": "rq_0", "client_id": "c", "product": "ramps_pix", "status": "requested"}, ` + fields + `]}`
	}
	for name, test := range map[string]struct{ input, want string }{
		"empty":            {``, "the text is empty"},
		"not JSON":         {`<html>`, "an import is one JSON object"},
		"a list":           {`[]`, "an import is one JSON object"},
		"unknown list":     {`{"customers": []}`, "there is no list customers (line 1, column 2); an import is one JSON object"},
		"trailing data":    {`{} {}`, "data after the value (line 1, column 5)"},
		"unknown field":    {`{"clients": [{"id": "c", "company_id": "x", "iban": "1"}]}`, `clients[0] "c": iban: there is no such field (line 1, column 45)`},
		"wrong type":       {`{"companies": [{"id": 7}]}`, "companies[0]: id: a JSON number does not fit here"},
		"wrong inner type": {`{"clients": [{"id": "c", "address": {"city": 7}}]}`, "address.city: a JSON number does not fit here"},
		"not an object":    {`{"companies": ["cmp_1"]}`, "companies[0]: must be an object"},
		"null":             {`{"companies": [null]}`, "companies[0]: must be an object"},
		"no id":            {`{"companies": [{"name": "x"}]}`, "companies[0]: id: must be 1 to 64"},
		"bad id":           {`{"companies": [{"id": "a b"}]}`, "companies[0]: id: must be 1 to 64 letters, digits, _ or - (line 1, column 17)"},
		"long id":          {`{"companies": [{"id": "` + strings.Repeat("a", 65) + `"}]}`, "1 to 64"},
		"twice":            {`{"companies": [{"id": "a"}, {"id": "b"}, {"id": "a"}]}`, `companies[2] "a": is in the file twice`},
		"client type":      {`{"clients": [{"id": "c", "company_id": "x", "type": "business"}]}`, `clients[0] "c": type`},
		"no company":       {`{"clients": [{"id": "c"}]}`, `clients[0] "c": company_id`},
		"bad time":         {request(`{"id": "r", "client_id": "c", "product": "ramps_pix", "status": "requested", "created_at": "yesterday"}`), `requests[1] "r": created_at: timestamp`},
		"bad product":      {request(`{"id": "r", "client_id": "c", "product": "loans", "status": "requested"}`), `requests[1] "r": product: must be cards_individuals, ramps_cards or ramps_pix`},
		"bad status":       {request(`{"id": "r", "client_id": "c", "product": "ramps_pix", "status": "open"}`), `requests[1] "r": status: must be requested,`},
		"two faults":       {request(`{"id": "r", "client_id": "c", "product": "x", "status": "y"}`), `or ramps_pix (line 1, column 126); requests[1] "r": status:`},
		"rejection":        {request(`{"id": "r", "client_id": "c", "product": "ramps_pix", "status": "enabled", "rejection_code": "X"}`), "only on a rejected request"},
		"times turned":     {request(`{"id": "r", "client_id": "c", "product": "ramps_pix", "status": "enabled", "created_at": "2026-01-02T00:00:00", "updated_at": "2026-01-01T00:00:00"}`), "before created_at"},
		"no client":        {`{"documents": [{"document_type": "passport"}]}`, "documents[0]: client_id"},
		"image not base64": {document("image_front", "%%%"), `documents[0] "cl_1/passport": image_front: is not base64`},
		"image not photo":  {document("image_back", "JVBERi0xLjcK"), "image_back: is neither a JPG nor a PNG"},
		"image empty":      {document("image_front", ""), "image_front: is not base64"},
		"image too large":  {document("image_front", large), "image_front: is larger than 10 MB"},
		"data URI":         {document("image_front", "data:image/png,xyz"), "data URI"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := read(t, test.input)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "\n", "one line")
		})
	}
}

// TestOpen_places: whatever a file has wrong is named with its place, and no value of it is told.
func TestOpen_places(t *testing.T) {
	t.Parallel()
	const head = "{\n\"companies\": [{\"id\": \"cmp_1\"}],\n\"clients\": [\n{\"id\": \"cl_1\", \"company_id\": \"cmp_1\"},\n"
	client := func(fields string) string { return head + `{"id": "cl_2", "company_id": "cmp_1", ` + fields + "}\n]}" }
	for name, test := range map[string]struct{ input, want string }{
		"Latin-1":             {client("\"first_name\": \"secret\xe9\""), `clients[1] "cl_2": first_name: this is not UTF-8 (line 5, column 60)`},
		"Latin-1 in a name":   {client("\"n\xe9\": 1"), `clients[1] "cl_2": this is not UTF-8 (line 5, column 41)`},
		"half a surrogate":    {client(`"first_name": "secret\ud800"`), `clients[1] "cl_2": first_name: this is no escape of JSON, or half of a surrogate pair (line 5, column 60)`},
		"turned surrogates":   {client(`"address": {"city": "\udc00\ud800"}`), `clients[1] "cl_2": address.city: this is no escape`},
		"bad escape":          {client(`"first_name": "\x41"`), `clients[1] "cl_2": first_name: this is no escape of JSON`},
		"control character":   {client("\"first_name\": \"a\tb\""), `clients[1] "cl_2": first_name: this is not JSON`},
		"field twice":         {client(`"email": "secret", "email": "secret"`), `clients[1] "cl_2": email: this field stands twice (line 5, column 58)`},
		"field twice, equal":  {client(`"id": "cl_2"`), `clients[1] "cl_2": id: this field stands twice`},
		"escaped twice":       {client(`"email": "secret", "\u0065mail": "x"`), `clients[1] "cl_2": email: this field stands twice`},
		"twice below":         {client(`"address": {"city": "secret", "city": "b"}`), `clients[1] "cl_2": address.city: this field stands twice (line 5, column 69)`},
		"another case":        {client(`"email": "a", "EMAIL": "secret"`), `clients[1] "cl_2": EMAIL: there is no such field (line 5, column 53)`},
		"another case only":   {client(`"Phone_Number": 123`), `clients[1] "cl_2": Phone_Number: there is no such field`},
		"another case below":  {client(`"address": {"City": "secret"}`), `clients[1] "cl_2": address.City: there is no such field (line 5, column 51)`},
		"lower than it seems": {client(`"\u017ftatus": "secret"`), `clients[1] "cl_2": "\u017ftatus": there is no such field`}, // ſ folds to s
		"control in a name":   {client(`"\u001b[31m\u202e": "secret"`), `clients[1] "cl_2": "\x1b[31m\u202e": there is no such field`},
		"long name":           {client(`"` + strings.Repeat("x", 70) + `": "secret"`), `"` + strings.Repeat("x", 40) + `\u2026": there is no such field`},
		"two on two lines":    {client("\"email\": 4711,\n\"birth_date\": [4711]"), `clients[1] "cl_2": email: a JSON number does not fit here (line 5, column 48); clients[1] "cl_2": birth_date: a JSON array does not fit here (line 6, column 15)`},
		"too large a number":  {client(`"phone_number": 9223372036854775808`), `clients[1] "cl_2": phone_number: the number does not fit here (line 5, column 55)`},
		"part of a number":    {client(`"phone_number": 47.11`), `clients[1] "cl_2": phone_number: the number does not fit here`},
		"a text for a number": {client(`"phone_number": "4711"`), `clients[1] "cl_2": phone_number: a JSON string does not fit here`},
		"no timestamp":        {client(`"created_at": 4711`), `clients[1] "cl_2": created_at: the number does not fit here`},
		"bool for a time":     {client(`"created_at": true`), `clients[1] "cl_2": created_at: timestamp is not a string`},
		"zero character":      {client(`"second_name": "a", "last_name": "secret\u0000"`), `clients[1] "cl_2": last_name: has the character \u0000, which cannot be stored (line 5, column 59)`},
		"zero below":          {client(`"address": {"city": "\u0000"}`), `clients[1] "cl_2": address.city: has the character \u0000`},
		"hidden":              {client(`"address": {"city": "secret\u202e"}`), `clients[1] "cl_2": address.city: has a character that cannot be seen`},
		"year 0":              {client(`"created_at": "0000-01-01T00:00:00"`), `clients[1] "cl_2": created_at: must be of the years 1970 to 9999`},
		"year 1":              {client(`"created_at": "0001-01-01T00:00:00"`), `clients[1] "cl_2": created_at: must be of the years 1970 to 9999`},
		"year 1969":           {client(`"updated_at": "1969-12-31T23:59:59"`), `clients[1] "cl_2": updated_at: must be of the years 1970 to 9999`},
		"year 10000":          {client(`"created_at": "9999-12-31T23:59:59-01:00"`), `clients[1] "cl_2": created_at: timestamp`},
		"long text":           {client(`"last_name": "` + strings.Repeat("é", 1001) + `"`), `clients[1] "cl_2": last_name: is longer than 1000 characters (line 5, column 39)`},
		"long e-mail":         {client(`"email": "` + strings.Repeat("é", 255) + `"`), `clients[1] "cl_2": email: is longer than 254 characters (line 5, column 39)`},
		"huge text":           {client(`"email": "` + strings.Repeat("x", 3<<20) + `"`), `clients[1] "cl_2": email: is too large: a text has at most 1000 characters, a photo 10 MB (line 5, column 46)`},
		"huge name":           {client(`"` + strings.Repeat("x", 3<<20) + `": 1`), `clients[1] "cl_2": is too large`},
		"huge list":           {`{"companies": "` + strings.Repeat("x", 3<<20) + `"}`, `is too large`},
		"a deep one":          {client(`"email": ` + strings.Repeat("[", 1<<18)), `clients[1] "cl_2": email`},
		"trailing comma":      {client(`"email": "secret",`), `clients[1] "cl_2": there must be no comma here (line 5, column 56)`},
		"comma in a list":     {head + "]}", `clients[1]: there must be no comma here (line 4, column 38)`},
		"no comma":            {head[:len(head)-2] + `{"id": "cl_2"}]}`, `clients[1]: this is not JSON (line 4, column 38)`},
		"a comment":           {head + "// secret\n]}", `clients[1]: this is not JSON (line 5, column 1)`},
		"cut in an entry":     {head + `{"id": "cl_2", "email": "sec`, `clients[1] "cl_2": email: the text ends before the value does (line 5, column 29)`},
		"cut between entries": {head, `clients[1]: the text ends before the value does (line 5, column 1)`},
		"cut after the lists": {head[:len(head)-2] + "]", `the text ends before the value does (line 4, column 39)`},
		"list twice":          {"{\"companies\": [{\"id\": \"a\"}],\n \"companies\": []}", "companies: this field stands twice (line 2, column 2)"},
		"list in other case":  {`{"Companies": []}`, "there is no list Companies (line 1, column 2)"},
		"a list in quotes":    {`{"companies": "secret"}`, "companies must be a list (line 1, column 15)"},
		"UTF-16 with a mark":  {"\xff\xfe{\x00}\x00", "the text is UTF-16 or UTF-32; JSON is UTF-8"},
		"UTF-16":              {"{\x00}\x00", "the text is UTF-16 or UTF-32; JSON is UTF-8"},
		"UTF-32":              {"\x00\x00\xfe\xff\x00\x00\x00{", "the text is UTF-16 or UTF-32; JSON is UTF-8"},
		"after a mark":        {"\ufeff" + `{"companies": [{"id": 4711}]}`, "companies[0]: id: a JSON number does not fit here (line 1, column 26)"},
		"two marks":           {"\ufeff\ufeff{}", "this is not JSON (line 1, column 4)"},
		"no good id":          {`{"companies": [{"id": "secret person"}]}`, `companies[0]: id: must be 1 to 64`},
		"many unknown fields": {client(`"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1`), `clients[1] "cl_2": l: there is no such field (line 5, column 105)`},
		"twice":               {client(`"email": ""`)[:len(client(`"email": ""`))-2] + `,{"id": "cl_1", "company_id": "cmp_1"}]}`, `clients[2] "cl_1": is in the file twice (line 6, column 2)`},
		"data name":           {`{"documents": [{"client_id": "c", "document_type": "passport", "metadata": {"a": "b", "c": 4711}}]}`, `documents[0] "c/passport": metadata.c: a JSON number does not fit here`},
		"zero in data":        {`{"documents": [{"client_id": "c", "document_type": "passport", "metadata": {"a\u0000": "b"}}]}`, `documents[0] "c/passport": metadata."a\x00": has the character \u0000`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, in := range []io.Reader{strings.NewReader(test.input), iotest.OneByteReader(iotest.DataErrReader(strings.NewReader(test.input)))} {
				if _, piped := in.(*strings.Reader); !piped && len(test.input) > 1<<20 {
					continue // byte by byte it would take long
				}
				_, err := dataset.Open(t.Context(), in, now, nil)
				require.ErrorContains(t, err, test.want)
				require.NotContains(t, err.Error(), "secret")
				require.NotContains(t, err.Error(), "4711")
				require.NotContains(t, err.Error(), "\n")
				require.Less(t, len(err.Error()), 1000)
			}
		})
	}
}

func TestOpen_takes(t *testing.T) {
	t.Parallel()
	for name, input := range map[string]string{
		"byte order mark":  "\ufeff" + `{"companies": [{"id": "a"}]}`,
		"in any order":     `{"requests": [{"id": "r", "client_id": "c", "product": "ramps_pix", "status": "requested"}], "clients": [{"id": "c", "company_id": "a"}], "companies": [{"id": "a"}]}`,
		"nothing":          `{}`,
		"null for a list":  `{"clients": null, "companies": [{"id": "a"}]}`,
		"long white space": strings.Repeat(" ", 100_000) + `{"companies": [{"id": "a"}]}` + strings.Repeat("\n", 100_000),
		"escapes":          `{"companies": [{"\u0069d": "\u0061", "name": "\ud83d\ude00 \u00e9"}]}`,
		"longest e-mail":   `{"clients": [{"id": "c", "company_id": "a", "email": "` + strings.Repeat("é", 254) + `"}]}`,
		"longest text":     `{"clients": [{"id": "c", "company_id": "a", "last_name": "` + strings.Repeat("陳", 1000) + `"}]}`,
		"null":             `{"clients": [{"id": "c", "company_id": "a", "last_name": null, "address": null, "created_at": null}]}`,
		"what is judged":   `{"clients": [{"id": "c", "company_id": "a", "first_name": "\u200b", "email": "\u202e", "birth_date": "?", "address": {"country": "\t"}}]}`,
		"last year":        `{"clients": [{"id": "c", "company_id": "a", "created_at": "9999-12-31T23:59:59Z"}]}`,
		"only the update":  `{"requests": [{"id": "r", "client_id": "c", "product": "ramps_pix", "status": "requested", "updated_at": "2020-01-02T03:04:05"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := read(t, input)
			require.NoError(t, err)
			for _, r := range d.Requests {
				require.False(t, r.UpdatedAt.Before(r.CreatedAt.Time))
			}
		})
	}
	d, err := read(t, `{"requests": [{"id": "r", "client_id": "c", "product": "ramps_pix", "status": "requested"}], "companies": [{"id": "a"}]}`)
	require.NoError(t, err)
	require.Len(t, d.Companies, 1)
	require.Len(t, d.Requests, 1)
}

// TestOpen_order: entries come after those that they refer to, as often as they are asked for.
func TestOpen_order(t *testing.T) {
	t.Parallel()
	file, err := dataset.Open(t.Context(), iotest.HalfReader(strings.NewReader(`{"clients": [{"id": "c", "company_id": "a"}, {"id": "d", "company_id": "a"}], "companies": [{"id": "a"}]}`)), now, nil)
	require.NoError(t, err)
	for range 2 {
		var order []string
		for entry, err := range file.All() {
			require.NoError(t, err)
			order = append(order, fmt.Sprintf("%s[%d]", entry.List, entry.Index))
		}
		require.Equal(t, []string{"companies[0]", "clients[0]", "clients[1]"}, order)
	}
	for entry, err := range file.All() { // and no longer than somebody listens
		require.NoError(t, err)
		require.EqualError(t, entry.Fault(errors.New("no")), `companies[0] "a": no (line 1, column 93)`)
		break
	}
	require.NoError(t, file.Close())
}

func TestOpen_fails(t *testing.T) {
	t.Parallel()
	_, err := dataset.Open(t.Context(), iotest.ErrReader(io.ErrClosedPipe), now, nil)
	require.ErrorIs(t, err, io.ErrClosedPipe)
	_, err = dataset.Open(t.Context(), io.MultiReader(strings.NewReader(`{"companies": [`+strings.Repeat(" ", 8<<10)), iotest.ErrReader(io.ErrClosedPipe)), now, nil)
	require.ErrorIs(t, err, io.ErrClosedPipe, "what a pipe failed with is no fault of the text")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, in := range []io.Reader{strings.NewReader(`{"companies": [{"id": "a"}]}`), iotest.HalfReader(strings.NewReader(`{}`))} {
		_, err = dataset.Open(ended, in, now, nil)
		require.ErrorIs(t, err, context.Canceled)
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString(`{"companies": [{"id": "0"}`)
	for i := range 9 {
		fmt.Fprintf(&text, `,{"id": "%d"}`, i+1)
	}
	text.WriteString("]}")
	at := now
	clock := func() time.Time { at = at.Add(time.Second); return at } // a second an entry
	var told []string
	file, err := dataset.Open(t.Context(), strings.NewReader(text.String()), now,
		dataset.NewProgress(4*time.Second, clock, func(line string) { told = append(told, line) }))
	require.NoError(t, err)
	for _, err := range file.All() {
		require.NoError(t, err)
	}
	require.Equal(t, []string{"4 entries checked", "8 entries checked", "2 of 10 entries imported", "6 of 10 entries imported", "10 of 10 entries imported"}, told)
}

// TestDataset_JSON: what is written can be read.
func TestDataset_JSON(t *testing.T) {
	t.Parallel()
	written := sample.Data(now)
	text, err := json.Marshal(written)
	require.NoError(t, err)
	require.NotContains(t, string(text), sample.KeyLevel3)
	read, err := read(t, string(text))
	require.NoError(t, err)
	written.Keys = nil
	require.Equal(t, written, read)
}

// FuzzRead: whatever is read without an error keeps the rules that the store relies on.
func FuzzRead(f *testing.F) {
	f.Add(`{"companies": [{"id": "cmp_1", "name": "One"}]}`)
	f.Add(`{"requests": [{"id": "r", "client_id": "c", "product": "ramps_pix", "status": "requested"}]}`)
	f.Add(`{"documents": [{"client_id": "c", "document_type": "passport", "image_front": "` + photo + `"}]}`)
	f.Fuzz(func(t *testing.T, input string) {
		d, err := read(t, input)
		if err != nil {
			return
		}
		require.True(t, json.Valid([]byte(strings.TrimPrefix(input, "\ufeff"))))
		for _, r := range d.Requests {
			require.True(t, r.Status.Known())
			require.True(t, r.Product.Known())
			require.False(t, r.UpdatedAt.Before(r.CreatedAt.Time))
		}
		for _, document := range d.Documents {
			require.NotEmpty(t, document.ClientID)
			require.Equal(t, document.Front.IsZero(), document.Front.MediaType == "")
		}
	})
}
