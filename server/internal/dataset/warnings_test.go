package dataset_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
)

// warningsOf are those of a file that can be imported.
func warningsOf(t *testing.T, text string) dataset.Warnings {
	t.Helper()
	file, err := dataset.Open(t.Context(), strings.NewReader(text), now, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	return file.Warnings()
}

// TestFile_Warnings: what a submission would reject is told with its place, and no value of it.
func TestFile_Warnings(t *testing.T) {
	t.Parallel()
	client := func(fields string) string {
		return "{\"clients\": [\n{\"id\": \"cl_1\", \"company_id\": \"cmp_1\", " + fields + "}]}"
	}
	document := func(kind, fields string) string {
		return "{\"documents\": [\n{\"client_id\": \"cl_1\", \"document_type\": \"" + kind + `", "image_front": "` + photo + `", ` + fields + "}]}"
	}
	const metadata = `"metadata": {"number": "X7654321", "issuing_country": "ARG", "expiration_date": "%s"}`
	for name, test := range map[string]struct {
		input string
		want  []string
	}{
		"nothing":          {client(`"status": "active"`), nil},
		"only missing":     {client(`"first_name": "", "address": {"country": ""}, "phone_number": 0`), nil},
		"under 18":         {client(`"birth_date": "2008-04-17"`), []string{`clients[0] "cl_1": birth_date: The client is under 18 years old (line 2, column 39)`}},
		"18 today":         {client(`"birth_date": "2008-04-16"`), nil},
		"phone":            {client(`"phone_country_code": 54, "phone_number": 4711`), []string{`clients[0] "cl_1": phone_number: The phone number is not valid (line 2, column 65)`}},
		"half a phone":     {client(`"phone_country_code": 54`), []string{`clients[0] "cl_1": phone_number: The phone number is missing (line 2, column 1)`}},
		"country":          {client(`"address": {"country": "Secretland"}`), []string{`clients[0] "cl_1": address.country: The country is not an ISO 3166-1 alpha-3 code (line 2, column 39)`}},
		"expired":          {document("passport", fmt.Sprintf(metadata, "2026-04-15")), []string{`documents[0] "cl_1/passport": The document expired (line 2, column 1)`}},
		"last day":         {document("passport", fmt.Sprintf(metadata, "2026-04-16")), nil},
		"no date":          {document("passport", fmt.Sprintf(metadata, "secret")), []string{`documents[0] "cl_1/passport": The expiration date is not a date of the form yyyy-mm-dd (line 2, column 1)`}},
		"no photo":         {document("national_id", fmt.Sprintf(metadata, "2026-04-16")), []string{`documents[0] "cl_1/national_id": The photo of the back is missing (line 2, column 1)`}},
		"no metadata":      {document("passport", `"metadata": {"number": "X7654321"}`), []string{`documents[0] "cl_1/passport": The issuing country is missing. The expiration date is missing (line 2, column 1)`}},
		"nothing asks for": {document("utility_bill", `"metadata": {}`), nil},
		"in their order": {client("\"email\": \"secret\",\n\"last_name\": \" \",\n\"birth_date\": \"secret\""), []string{
			`clients[0] "cl_1": email: The e-mail address is not valid (line 2, column 39)`,
			`clients[0] "cl_1": last_name: The last name is blank (line 3, column 1)`,
			`clients[0] "cl_1": birth_date: The birth date is not a date of the form yyyy-mm-dd (line 4, column 1)`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			warnings := warningsOf(t, test.input)
			require.Equal(t, test.want, warnings.Told)
			require.Equal(t, len(test.want), warnings.Count)
			for _, value := range []string{"secret", "Secret", "4711", "2026-04-15", "54", "X7654321"} {
				require.NotContains(t, strings.Join(warnings.Told, ""), value)
			}
		})
	}
}

func TestFile_Warnings_many(t *testing.T) {
	t.Parallel()
	var clients []string
	for i := range 1000 {
		clients = append(clients, fmt.Sprintf(`{"id": "cl_%d", "company_id": "cmp_1", "email": "?", "birth_date": "?"}`, i))
	}
	warnings := warningsOf(t, `{"clients": [`+strings.Join(clients, ",\n")+`]}`)
	require.Equal(t, 2000, warnings.Count)
	require.Len(t, warnings.Told, 20)
	require.Contains(t, warnings.Told[19], `clients[9] "cl_9": birth_date: `)
	require.Contains(t, warnings.Told[19], `(line 10, column 53)`)
}
