package dataset_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

var now = time.Date(2026, time.April, 16, 9, 20, 0, 0, time.UTC)

// photo is the smallest real PNG, as base64.
var photo = base64.StdEncoding.EncodeToString(dataset.Sample(now).Documents[0].Front.Content)

func TestRead(t *testing.T) {
	t.Parallel()
	d, err := dataset.Read(strings.NewReader(`{
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
	}`), now)
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
	large := base64.StdEncoding.EncodeToString(make([]byte, dataset.MaxImageBytes+1))
	document := func(field, value string) string {
		return `{"documents": [{"client_id": "cl_1", "document_type": "passport", "` + field + `": "` + value + `"}]}`
	}
	request := func(fields string) string {
		return `{"requests": [{"id": "rq_0", "client_id": "c", "product": "ramps_pix", "status": "requested"}, ` + fields + `]}`
	}
	for name, test := range map[string]struct{ input, want string }{
		"empty":            {``, "empty input"},
		"not JSON":         {`<html>`, "an import is one JSON object"},
		"a list":           {`[]`, "an import is one JSON object"},
		"unknown list":     {`{"customers": []}`, `"customers"`},
		"trailing data":    {`{} {}`, "data after the value"},
		"unknown field":    {`{"clients": [{"id": "c", "company_id": "x", "iban": "1"}]}`, `clients[0] "c": iban: json: unknown field`},
		"wrong type":       {`{"companies": [{"id": 7}]}`, "companies[0]: id: a JSON number does not fit here"},
		"wrong inner type": {`{"clients": [{"id": "c", "address": {"city": 7}}]}`, "address.city: a JSON number does not fit here"},
		"not an object":    {`{"companies": ["cmp_1"]}`, "companies[0]: must be an object"},
		"null":             {`{"companies": [null]}`, "companies[0]: must be an object"},
		"no id":            {`{"companies": [{"name": "x"}]}`, "companies[0]: id: must be 1 to 64"},
		"bad id":           {`{"companies": [{"id": "a b"}]}`, `companies[0] "a b": id`},
		"long id":          {`{"companies": [{"id": "` + strings.Repeat("a", 65) + `"}]}`, "1 to 64"},
		"twice":            {`{"companies": [{"id": "a"}, {"id": "b"}, {"id": "a"}]}`, `companies[2] "a": is in the file twice`},
		"client type":      {`{"clients": [{"id": "c", "company_id": "x", "type": "business"}]}`, `clients[0] "c": type`},
		"no company":       {`{"clients": [{"id": "c"}]}`, `clients[0] "c": company_id`},
		"bad time":         {request(`{"id": "r", "client_id": "c", "product": "ramps_pix", "status": "requested", "created_at": "yesterday"}`), `requests[1] "r": created_at: timestamp`},
		"bad product":      {request(`{"id": "r", "client_id": "c", "product": "loans", "status": "requested"}`), `requests[1] "r": product: must be cards_individuals, ramps_cards or ramps_pix`},
		"bad status":       {request(`{"id": "r", "client_id": "c", "product": "ramps_pix", "status": "open"}`), `requests[1] "r": status: must be requested,`},
		"two faults":       {request(`{"id": "r", "client_id": "c", "product": "x", "status": "y"}`), `or ramps_pix; status:`},
		"rejection":        {request(`{"id": "r", "client_id": "c", "product": "ramps_pix", "status": "enabled", "rejection_code": "X"}`), "only on a rejected request"},
		"times turned":     {request(`{"id": "r", "client_id": "c", "product": "ramps_pix", "status": "enabled", "created_at": "2026-01-02T00:00:00", "updated_at": "2026-01-01T00:00:00"}`), "before created_at"},
		"no client":        {`{"documents": [{"document_type": "passport"}]}`, "documents[0]: client_id"},
		"image not base64": {document("image_front", "%%%"), `documents[0] "cl_1/passport": image_front: is not base64`},
		"image not photo":  {document("image_back", "JVBERi0xLjcK"), "image_back: is neither a JPG nor a PNG"},
		"image empty":      {document("image_front", ""), "image_front: is empty"},
		"image too large":  {document("image_front", large), "image_front: is larger than 10 MB"},
		"data URI":         {document("image_front", "data:image/png,xyz"), "data URI"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := dataset.Read(strings.NewReader(test.input), now)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "\n", "one line")
		})
	}
}

// TestDataset_JSON: what is written can be read.
func TestDataset_JSON(t *testing.T) {
	t.Parallel()
	written := dataset.Sample(now)
	text, err := json.Marshal(written)
	require.NoError(t, err)
	require.NotContains(t, string(text), dataset.SampleKeyLevel3)
	read, err := dataset.Read(strings.NewReader(string(text)), now)
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
		d, err := dataset.Read(strings.NewReader(input), now)
		if err != nil {
			return
		}
		require.True(t, json.Valid([]byte(input)))
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
