//go:build browser

package browsertest_test

import (
	"encoding/json"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const (
	apiLink     = `header a[href="../docs/"]`
	standInLink = `header a[href="../docs/?stand-in"]`
	decide      = "#operations-Provider-decide"
)

// openReference opens the API's reference or the stand-in's, in one way or another.
func (b *tab) openReference(link string, open chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	b.do("opening the reference", open, chromedp.WaitVisible(chromedp.CSS(link+"[aria-current]")),
		chromedp.WaitVisible(chromedp.CSS(".opblock-summary")),
		// What is clicked on next stays where it is from now on.
		chromedp.Evaluate[chromedp.Void](`import(document.querySelector("script[type=module]").src).then(async (page) => { await page.reference; })`, chromedp.EvalAwaitPromise))
	b.settle()
}

// TestJourney takes a client the whole way in the reference alone, by the examples that it fills in. The provider's
// decision is the stand-in's, in its own reference.
func TestJourney(t *testing.T) {
	t.Parallel()
	_, address := serve(t, "--decide-after", "0s")
	b := open(t)
	b.openReference(apiLink, chromedp.Navigate(address))
	b.do("waiting for the key", chromedp.WaitVisible(chromedp.CSS(".btn.authorize.locked")))

	filled := map[string]string{}
	call := func(operation, status string, parameters ...string) (answer any) {
		t.Helper()
		b.openOperation(operation)
		b.try(operation)
		for _, parameter := range parameters {
			b.fill(operation, parameter, filled[parameter])
		}
		got, body := execute(b, operation)
		require.Equal(t, status, got, body)
		require.NoError(t, json.Unmarshal([]byte(body), &answer), body)
		return answer
	}
	field := func(answer any, name string) string { return answer.(map[string]any)[name].(string) }

	filled["clientId"] = field(call("#operations-Clients-createClient", "201"), "id")
	filled["productRequestId"] = field(call("#operations-Product_enablement-requestProduct", "201", "clientId"), "id")
	completed := call("#operations-Product_enablement-completeDocumentation", "200", "clientId", "productRequestId").(map[string]any)
	require.Empty(t, completed["rejected_items"])
	submitted := call(operation, "200", "clientId", "productRequestId").(map[string]any)
	require.Equal(t, "in_kyc", field(submitted["product"], "status"))
	b.requireNoProblems()

	b.openReference(standInLink, chromedp.Click(chromedp.CSS(standInLink)))
	filled["id"] = filled["productRequestId"]
	require.Equal(t, "enabled", field(call(decide, "200", "id"), "status"))
	calls := call("#operations-Calls-listCalls", "200").([]any)
	require.Len(t, calls, 4)
	require.Equal(t, "submitProduct", field(calls[0], "operation"))
	b.requireNoProblems()

	b.openReference(apiLink, chromedp.Click(chromedp.CSS(apiLink)))
	b.do("waiting for the key", chromedp.WaitVisible(chromedp.CSS(".btn.authorize.locked")))
	products := call("#operations-Product_enablement-listProducts", "200", "clientId").([]any)
	require.Len(t, products, 1)
	require.Equal(t, "enabled", field(products[0], "status"))
	b.requireNoProblems()
	require.Equal(t, []string{address}, b.origins())
}
