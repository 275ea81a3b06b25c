package dataset_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
)

const refused = `; an import is one JSON object with the lists companies, clients, documents and requests`

// TestOpen_faults: all that a file has wrong is told at once, in the order of the file.
func TestOpen_faults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		input string
		want  []string
		end   string
	}{
		"several entries": {
			"{\"companies\": [{\"id\": \"a b\"},\n{\"id\": \"cmp_1\", \"name\": 4711}],\n\"clients\": [null, {\"id\": \"cl_1\", \"company_id\": \"cmp_1\"}, 4711]}",
			[]string{
				`companies[0]: id: must be 1 to 64 letters, digits, _ or - (line 1, column 17)`,
				`companies[1] "cmp_1": name: a JSON number does not fit here (line 2, column 25)`,
				`clients[0]: must be an object (line 3, column 13)`,
				`clients[2]: must be an object (line 3, column 58)`,
			}, "",
		},
		"kinds of one entry": {
			"{\"clients\": [{\"id\": \"cl_1\",\n\"email\": 4711,\n\"last_name\": \"\\u0000\",\n\"iban\": \"secret\",\n\"status\": \"s\", \"status\": \"t\",\n\"first_name\": \"secret\xe9\", \"type\": \"business\"}]}",
			[]string{
				`clients[0] "cl_1": company_id: must be 1 to 64 letters, digits, _ or - (line 1, column 14)`,
				`clients[0] "cl_1": email: a JSON number does not fit here (line 2, column 10)`,
				`clients[0] "cl_1": last_name: has the character \u0000, which cannot be stored (line 3, column 1)`,
				`clients[0] "cl_1": iban: there is no such field (line 4, column 1)`,
				`clients[0] "cl_1": status: this field stands twice (line 5, column 16)`,
				`clients[0] "cl_1": first_name: this is not UTF-8 (line 6, column 22)`,
				`clients[0] "cl_1": type: must be individual, or absent (line 6, column 26)`,
			}, "",
		},
		"fields of a field": {
			`{"clients": [{"id": "cl_1", "company_id": "a", "address": {"city": 4711, "country": "\u0000", "zip": "secret", "state": [], "state": "x"}}]}`,
			[]string{
				`clients[0] "cl_1": address.country: has the character \u0000, which cannot be stored (line 1, column 48)`,
				`clients[0] "cl_1": address.city: a JSON number does not fit here (line 1, column 68)`,
				`clients[0] "cl_1": address.zip: there is no such field (line 1, column 95)`,
				`clients[0] "cl_1": address.state: a JSON array does not fit here (line 1, column 121)`,
				`clients[0] "cl_1": address.state: this field stands twice (line 1, column 125)`,
			}, "",
		},
		"fields of a field that is none": {
			`{"clients": [{"id": "cl_1", "company_id": "a", "home": {"city": 4711, "zip": "secret"}}]}`,
			[]string{`clients[0] "cl_1": home: there is no such field (line 1, column 48)`}, "",
		},
		"values of metadata": {
			`{"documents": [{"client_id": "c", "document_type": "passport", "metadata": {"number": 4711, "issuing_country": "ARG", "expiration_date": null, "x": []}}]}`,
			[]string{
				`documents[0] "c/passport": metadata.number: a JSON number does not fit here (line 1, column 87)`,
				`documents[0] "c/passport": metadata.x: a JSON array does not fit here (line 1, column 149)`,
			}, "",
		},
		"one fault of a field": { // it is not missing besides
			`{"requests": [{"id": 4711, "client_id": "c", "product": 4711, "status": [], "rejection_code": "secret"}]}`,
			[]string{
				`requests[0]: id: a JSON number does not fit here (line 1, column 22)`,
				`requests[0]: product: a JSON number does not fit here (line 1, column 57)`,
				`requests[0]: status: a JSON array does not fit here (line 1, column 73)`,
			}, "",
		},
		"lists": {
			"{\"customers\": [{\"a\": [[], {}]}],\n\"clients\": \"secret\",\n\"companies\": [{\"id\": \"a\"}, {\"id\": \"a\"}],\n\"companies\": [{\"id\": 4711}], \"requests\": null, \"documents\": {\"a\": [1]}}",
			[]string{
				`there is no list customers (line 1, column 2)` + refused,
				`clients must be a list (line 2, column 12)` + refused,
				`companies[1] "a": is in the file twice (line 3, column 28)`,
				`companies: this field stands twice (line 4, column 1)` + refused,
				`documents must be a list (line 4, column 61)` + refused,
			}, "",
		},
		"no JSON any more": {
			`{"companies": [{"id": "a b"}, {"id": "cmp_1", "name": 4711, "x": secret}, {"id": "c d"}]}`,
			[]string{
				`companies[0]: id: must be 1 to 64 letters, digits, _ or - (line 1, column 17)`,
				`companies[1] "cmp_1": name: a JSON number does not fit here (line 1, column 55)`,
				`companies[1] "cmp_1": x: this is not JSON (line 1, column 66)`,
			}, "the rest can't be read",
		},
		"cut between lists": {
			`{"companies": [{"id": "a b"}], `,
			[]string{
				`companies[0]: id: must be 1 to 64 letters, digits, _ or - (line 1, column 17)`,
				`the text ends before the value does (line 1, column 32)` + refused,
			}, "the rest can't be read",
		},
		"a huge value": {
			`{"companies": [{"id": "a b"}, {"id": "cmp_1", "name": "` + strings.Repeat("x", 3<<20) + `"}, {"id": "c d"}]}`,
			[]string{
				`companies[0]: id: must be 1 to 64 letters, digits, _ or - (line 1, column 17)`,
				`companies[1] "cmp_1": name: is too large: a text has at most 1000 characters, a photo 10 MB (line 1, column 53)`,
			}, "the rest can't be read",
		},
		"a huge list that is none": {
			`{"customers": [` + strings.Repeat(`{"name": "secret"}, `, 200_000) + `{}], "companies": [{"id": "a b"}]}`,
			[]string{
				`there is no list customers (line 1, column 2)` + refused,
				`companies[0]: id: must be 1 to 64 letters, digits, _ or - (line 1, column 4000036)`,
			}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := read(t, test.input)
			var faults *dataset.FaultsError
			if len(test.want) == 1 {
				require.EqualError(t, err, test.want[0])
				return
			}
			require.ErrorAs(t, err, &faults)
			var told []string
			for _, fault := range faults.Faults {
				told = append(told, fault.Error())
			}
			require.Equal(t, test.want, told)
			require.Equal(t, test.end, faults.End)
			require.Contains(t, err.Error(), strings.Join(told, "; "))
			require.NotContains(t, err.Error(), "secret")
			require.NotContains(t, err.Error(), "4711")
		})
	}
}

// TestOpen_mostFaults: so many are told, wherever they are, and a file with exactly so many is read to its end.
func TestOpen_mostFaults(t *testing.T) {
	t.Parallel()
	const most = 20
	for name, test := range map[string]struct {
		fault      func(i int) string
		head, tail string
	}{
		"entries":            {func(int) string { return `{"id": 1}` }, `{"companies": [`, `]}`},
		"fields":             {func(i int) string { return fmt.Sprintf(`"field_%d": 1`, i) }, `{"companies": [{"id": "a", `, `}]}`},
		"values of metadata": {func(i int) string { return fmt.Sprintf(`"%d": 1`, i) }, `{"documents": [{"client_id": "c", "document_type": "d", "metadata": {`, `}}]}`},
		"lists":              {func(i int) string { return fmt.Sprintf(`"list_%d": []`, i) }, `{`, `}`},
	} {
		for count, end := range map[int]string{most: "", most + 1: "stopped after 20", 40: "stopped after 20"} {
			t.Run(fmt.Sprint(name, " ", count), func(t *testing.T) {
				t.Parallel()
				var all []string
				for i := range count {
					all = append(all, test.fault(i))
				}
				_, err := read(t, test.head+strings.Join(all, ", ")+test.tail)
				var faults *dataset.FaultsError
				require.ErrorAs(t, err, &faults)
				require.Len(t, faults.Faults, most)
				require.Equal(t, end, faults.End)
			})
		}
	}
}
