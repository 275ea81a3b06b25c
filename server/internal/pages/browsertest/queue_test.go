//go:build browser

package browsertest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestQueue opens the operators' view of the queue: it shows a notification that was delivered and
// one that fails.
func TestQueue(t *testing.T) {
	t.Parallel()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "rq_2") {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(provider.Close)
	db := filepath.Join(t.TempDir(), "queue.db")
	data, err := os.ReadFile("../../../cmd/enablementd/testdata/import.json")
	require.NoError(t, err)
	const first = `{"id": "rq_1", `
	two := strings.Replace(string(data), first,
		`{"id": "rq_2", "client_id": "cl_1", "product": "cards_individuals", "status": "requested"}, `+first, 1)
	require.NotEqual(t, string(data), two)
	command(t, "", "migrate", "--db", db)
	command(t, two, "import", "-", "--db", db)
	key := command(t, "", "keys", "create", "--company", "cmp_1", "--db", db)
	service, address := start(t, "--db", db, "--delivery-schedule", "1h", "--provider-allow-private", "--provider-url", provider.URL, "--provider-secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	for _, request := range []string{"rq_1", "rq_2"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			address+"/management/clients/individuals/cl_1/products/"+request+"/submit", nil)
		require.NoError(t, err)
		r.Header.Set("x-api-key", key)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
	service.waitFor(t, "notification delivered")
	service.waitFor(t, "notification not delivered")

	operators := service.Admin
	b := open(t)
	for state, name := range map[string]string{"completed": "delivered", "retryable": "failing"} {
		b.do("opening the "+state+" jobs",
			chromedp.Navigate(operators+"/riverui/jobs?state="+state),
			chromedp.WaitVisible(chromedp.Search(`//*[contains(text(), "notification_deliver")]`)))
		b.screenshot(name)
	}
	b.do("opening the queue", chromedp.Navigate(operators),
		chromedp.WaitVisible(chromedp.Search(`//*[contains(text(), "notification_deliver")]`)))
	require.Equal(t, operators+"/riverui/jobs?state=retryable", run(b, "asking where", chromedp.Location()), "what fails comes first")
	b.requireNoProblems()
	require.Equal(t, []string{operators}, b.origins(), "nothing is fetched from anywhere else")
}
