//go:build browser

package browsertest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

// seedOrder is how a submission begins where nobody sorted its fields.
const seedOrder = `^{\s*"product": {\s*"id": `

// TestDocs opens the reference of a service proper and tries the operation in it, as a reader would.
func TestDocs(t *testing.T) {
	t.Parallel()
	seed := sample.Cases[0]
	provider := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(provider.Close)
	db := filepath.Join(t.TempDir(), "docs.db")
	data, err := os.ReadFile("../../../cmd/enablementd/testdata/import.json")
	require.NoError(t, err)
	command(t, "", "migrate", "--db", db)
	command(t, strings.NewReplacer("cl_1", seed.ClientID, "rq_1", seed.RequestID).Replace(string(data)), "import", "-", "--db", db)
	key := strings.TrimSpace(command(t, "", "keys", "create", "--company", "cmp_1", "--db", db))
	service, address := start(t, "--db", db, "--provider-allow-private", "--provider-url", provider.URL, "--provider-secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	b := open(t)

	b.do("opening", chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS(".opblock-summary")))
	b.requireNoProblems()
	require.Equal(t, address+"/docs/", run(b, "asking where", chromedp.Location()))
	require.Equal(t, "Product enablement: API reference", run(b, "asking for the title", chromedp.Title()))
	b.openOperation(operation)
	// A line may break anywhere in a path: Swagger UI puts invisible spaces there.
	require.Equal(t, "/management/clients/individuals/{clientId}/products/{productRequestId}/submit",
		strings.ReplaceAll(b.text(operation+" .opblock-summary-path"), "\u200b", ""))
	require.False(t, run(b, "looking for a panel", chromedp.Evaluate[bool](`document.getElementById("sample") !== null`)))
	require.Equal(t, "Submit product enablement request", b.text(operation+" .opblock-summary-description"))
	require.Equal(t, "Nothing left missing: the request moves to in_kyc and the provider is notified.", b.text(".opblock-description li"))
	require.Equal(t, address, run(b, "reading the server", chromedp.Value(chromedp.CSS(".servers select"))))
	require.Regexp(t, seedOrder, b.text(".responses-table .highlight-code code"), "fields are where they were written")

	b.do("authorizing",
		chromedp.Click(chromedp.CSS(".btn.authorize")),
		chromedp.SendKeys(chromedp.CSS(".auth-container input"), key),
		chromedp.Click(chromedp.CSS(".auth-btn-wrapper .authorize")),
		chromedp.Click(chromedp.CSS(".auth-btn-wrapper .btn-done")),
		chromedp.WaitNotPresent(chromedp.CSS(".auth-container")),
		chromedp.Click(chromedp.CSS(".try-out__btn")),
		chromedp.WaitEnabled(chromedp.CSS(input("clientId"))),
	)
	for parameter, example := range map[string]string{"clientId": seed.ClientID, "productRequestId": seed.RequestID, "Idempotency-Key": ""} {
		require.Equal(t, example, run(b, "reading "+parameter, chromedp.Value(chromedp.CSS(input(parameter)))), parameter)
	}

	status, body := execute(b, operation)
	require.Equal(t, "200", status)
	var submission api.EvaluatedProduct
	require.NoError(t, json.Unmarshal([]byte(body), &submission))
	require.Equal(t, seed.RequestID, submission.Product.ID)
	require.Equal(t, api.InKyc, submission.Product.Status)
	require.Regexp(t, seedOrder, body, "fields are where the service wrote them")
	b.requireNoProblems()
	service.waitFor(t, "notification delivered")

	status, body = execute(b, operation)
	require.Equal(t, "409", status)
	var refusal api.Error
	require.NoError(t, json.Unmarshal([]byte(body), &refusal))
	require.Equal(t, api.CodeVal, refusal.Code)
	// Nothing but the answer itself.
	b.settle()
	for _, problem := range b.takeProblems() {
		require.Contains(t, problem, "409")
		require.Contains(t, problem, address+"/management/clients/individuals/"+seed.ClientID)
	}

	// A key lives as long as the page does, and no longer.
	b.do("opening again", chromedp.Reload(), chromedp.WaitVisible(chromedp.CSS(".btn.authorize.unlocked")))
	b.requireNoProblems()
	require.Equal(t, []string{address}, b.origins())
}

// TestDocs_otherPlaces makes sure that the page can't be led to another specification or service.
func TestDocs_otherPlaces(t *testing.T) {
	t.Parallel()
	const elsewhere = "http://127.0.0.1:9" // discard: nobody listens
	_, address := serve(t)
	b := open(t)
	b.do("opening",
		chromedp.Navigate(fmt.Sprintf("%s/docs/?url=%[2]s/a.yaml&configUrl=%[2]s/a.json", address, elsewhere)),
		chromedp.WaitVisible(chromedp.CSS(".opblock-summary")))
	b.requireNoProblems()
	require.Equal(t, []string{address}, b.origins())

	b.openOperation(operation)
	// The others are listed, but the page calls none of them.
	b.do("choosing another server",
		chromedp.Click(chromedp.CSS(".try-out__btn")),
		chromedp.WaitEnabled(chromedp.CSS(input("clientId"))),
		chromedp.Focus(chromedp.CSS(".servers select")),
		chromedp.KeyEvent(kb.ArrowDown))
	require.Equal(t, "https://api.cryptomate.me", run(b, "reading the server", chromedp.Value(chromedp.CSS(".servers select"))))
	b.do("executing",
		chromedp.Click(chromedp.CSS(".btn.execute")),
		chromedp.WaitVisible(chromedp.CSS(".live-responses-table .response")))
	b.settle()
	require.Contains(t, strings.Join(b.takeProblems(), "\n"), "Content Security Policy")
}

// operation is where the reference has the operation that most of these tests try.
const operation = "#operations-Product_enablement-submitProduct"

// openOperation opens one, as a reader would.
func (b *tab) openOperation(operation string) {
	b.t.Helper()
	b.do("opening the operation",
		chromedp.Click(chromedp.CSS(operation+" .opblock-summary-control")),
		chromedp.WaitVisible(chromedp.CSS(operation+" .try-out__btn")))
}

// try begins to try the operation that is open.
func (b *tab) try(operation string) {
	b.t.Helper()
	b.do("trying", chromedp.Click(chromedp.CSS(operation+" .try-out__btn")), chromedp.WaitVisible(chromedp.CSS(operation+" .btn.execute")))
}

// input is the field that a parameter's value is typed into.
func input(parameter string) string {
	return fmt.Sprintf(`tr[data-param-name=%q] input`, parameter)
}

// fill types a parameter's value, in the place of its example.
func (b *tab) fill(operation, parameter, value string) {
	b.t.Helper()
	field := operation + " " + input(parameter)
	b.do("typing "+parameter,
		chromedp.Focus(chromedp.CSS(field)),
		chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelector(%q).select()`, field)),
		chromedp.KeyEvent(value),
		chromedp.Blur(chromedp.CSS(field)))
	require.Equal(b.t, value, run(b, "reading "+parameter, chromedp.Value(chromedp.CSS(field))))
}

// execute sends the call, forgetting what an earlier one answered, and returns what is shown of the
// answer: its status and its body.
func execute(b *tab, operation string) (status, body string) {
	b.t.Helper()
	row := operation + " .live-responses-table .response"
	if run(b, "looking for an answer", chromedp.Evaluate[bool](fmt.Sprintf(`document.querySelector(%q) !== null`, row))) {
		b.do("clearing", chromedp.Click(chromedp.CSS(operation+" .btn-clear")), chromedp.WaitNotPresent(chromedp.CSS(row)))
	}
	b.do("executing", chromedp.Click(chromedp.CSS(operation+" .btn.execute")), chromedp.WaitVisible(chromedp.CSS(row)))
	// The first line is the status; "Undocumented" may follow.
	status, _, _ = strings.Cut(b.text(row+" .response-col_status"), "\n")
	return status, b.text(row + " .response-col_description .highlight-code code")
}
