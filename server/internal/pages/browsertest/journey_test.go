//go:build browser

package browsertest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
)

// TestDocs_journey takes a client from nothing to an enabled product by what the reference fills in, operation by operation in
// the order in which they stand there.
func TestDocs_journey(t *testing.T) {
	t.Parallel()
	_, address := serve(t)
	b := open(t)
	b.do("opening", chromedp.Navigate(address+"/docs/"), chromedp.WaitVisible(chromedp.CSS(".opblock-summary")))
	b.do("waiting for the panel's key", chromedp.WaitVisible(chromedp.CSS(".btn.authorize.locked")))
	require.Equal(t, []string{
		"createClient", "listClients", "getClient", "updateClient", "deleteClient",
		"requestProduct", "listProducts", "completeDocumentation", "submitProduct",
	}, strings.Fields(run(b, "listing the operations", chromedp.Evaluate[string](
		`[...document.querySelectorAll(".opblock")].map((e) => e.id.split("-").pop()).join(" ")`))))

	var client api.Client
	b.try(t, "Clients-createClient", nil, "201", &client)
	var request api.Product
	b.try(t, "Product_enablement-requestProduct", map[string]string{"clientId": client.ID}, "201", &request)
	ids := map[string]string{"clientId": client.ID, "productRequestId": request.ID}
	var evaluated api.EvaluatedProduct
	b.try(t, "Product_enablement-completeDocumentation", ids, "200", &evaluated)
	require.Empty(t, evaluated.Missing())
	require.Empty(t, evaluated.RejectedItems)
	b.try(t, "Product_enablement-submitProduct", ids, "200", &evaluated)
	require.Equal(t, api.InKyc, evaluated.Product.Status)
	require.Eventually(t, func() bool {
		var products []api.Product
		b.try(t, "Product_enablement-listProducts", map[string]string{"clientId": client.ID}, "200", &products)
		return products[0].Status == api.Enabled
	}, patience, 1)
	b.try(t, "Clients-getClient", map[string]string{"clientId": client.ID}, "200", &client)
	require.Equal(t, api.ClientActive, client.Status)
	b.screenshot("journey")
	b.requireNoProblems()
}

// try opens an operation, fills in the ids, executes the call and reads the response.
func (b *tab) try(t *testing.T, operation string, ids map[string]string, want string, response any) {
	t.Helper()
	block := "#operations-" + operation
	if !run(b, "looking whether it is open", chromedp.Evaluate[bool](fmt.Sprintf(`document.querySelector(%q) !== null`, block+" .execute"))) {
		b.do("opening "+operation,
			chromedp.Click(chromedp.CSS(block+" .opblock-summary-control")),
			chromedp.WaitVisible(chromedp.CSS(block+" .try-out__btn")),
			chromedp.Click(chromedp.CSS(block+" .try-out__btn")),
			chromedp.WaitVisible(chromedp.CSS(block+" .execute")))
	}
	for parameter, id := range ids {
		// What is typed is taken a moment later, or when the field is left.
		require.Equal(t, id, run(b, "filling in "+parameter, chromedp.Evaluate[string](fmt.Sprintf(`(() => {
			const field = document.querySelector(%q);
			field.focus();
			Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, %q);
			field.dispatchEvent(new Event("input", { bubbles: true }));
			field.blur();
			return field.value;
		})()`, block+" "+input(parameter), id))))
	}
	const row = " .live-responses-table .response"
	if run(b, "looking for a response", chromedp.Evaluate[bool](fmt.Sprintf(`document.querySelector(%q) !== null`, block+row))) {
		b.do("clearing", chromedp.Click(chromedp.CSS(block+" .btn-clear")), chromedp.WaitNotPresent(chromedp.CSS(block+row)))
	}
	b.do("executing "+operation, chromedp.Click(chromedp.CSS(block+" .execute")), chromedp.WaitVisible(chromedp.CSS(block+row)))
	status, _, _ := strings.Cut(b.text(block+row+" .response-col_status"), "\n")
	body := b.text(block + row + " .response-col_description .highlight-code code")
	require.Equal(t, want, status, body)
	require.NoError(t, json.Unmarshal([]byte(body), response), body)
}
