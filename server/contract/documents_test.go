package contract_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/contract"
)

const documentationPath = "/management/clients/individuals/cl_1/products/rq_1/documentation"

func upload(body io.Reader) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://api.test"+documentationPath, body)
	r.Header.Set("x-api-key", key)
	r.Header.Set("Content-Type", "application/json")
	return r
}

func documentOf(photo string) string {
	return `{"document":{"document_type":"passport","image_front":"` + photo + `"}}`
}

// TestCheckRequest_photo holds uploads to what is described, and shows no part of them.
func TestCheckRequest_photo(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("QUJD", 10<<20/3)
	for name, test := range map[string]struct {
		body string
		want string // a rule and what its place begins with
	}{
		"base64":             {documentOf("QUJDRA=="), ""},
		"data URI":           {documentOf("data:image/png;base64,QUJDRA"), ""},
		"line breaks":        {documentOf(`QUJD\nRA==`), ""},
		"of 10 MiB":          {documentOf(large), ""},
		"text":               {documentOf("a photo"), "schema.value request /document/image_front"},
		"empty":              {documentOf(""), "schema.value request /document/image_front"},
		"in a wrong place":   {documentOf(`QUJD","metadata":{"number":"` + large[:64<<10] + `"},"image_back":"QUJD`), "schema.value request /document/metadata/number"},
		"as a name":          {documentOf(`QUJD","` + large[:64<<10] + `":"`), "schema.undeclared_field request /document/QUJDQUJD"},
		"more than is taken": {documentOf(strings.Repeat(large, 3)), "request.body request"},
		"more, and no JSON":  {strings.Repeat(" ", 29<<20), "request.body request"},
	} {
		for _, known := range []bool{true, false} {
			r := upload(strings.NewReader(test.body))
			if !known {
				r = upload(io.MultiReader(strings.NewReader(test.body)))
			}
			findings := newContract(t, contract.WithValues()).CheckRequest(r)
			require.Equal(t, test.want != "", len(findings) == 1, "%s: %d", name, len(findings))
			for _, f := range findings {
				require.True(t, strings.HasPrefix(f.Rule+" "+f.Pointer, test.want), "%s: %s", name, f)
				require.Less(t, len(f.String()), 2000, name)
			}
			after, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			require.True(t, test.body == string(after), name)
		}
	}
}

// TestHandler_photo has a photo of 10 MiB arrive as it was sent.
func TestHandler_photo(t *testing.T) {
	t.Parallel()
	sent := documentOf(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), 10<<20)))
	c := newContract(t)
	var received string
	c.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		received = string(body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Trace-Id", trace)
		_, _ = fmt.Fprint(w, strings.Replace(good, "in_kyc", "pending_documentation", 1))
	})).ServeHTTP(httptest.NewRecorder(), upload(strings.NewReader(sent)))
	require.Empty(t, c.Findings())
	require.True(t, sent == received)
}
