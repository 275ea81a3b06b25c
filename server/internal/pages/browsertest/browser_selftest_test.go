//go:build browser

package browsertest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestTab makes sure that what the other tests find nothing of is found where there is something.
func TestTab(t *testing.T) {
	t.Parallel()
	const elsewhere = "http://127.0.0.1:9" // discard: nobody listens
	for name, test := range map[string]struct {
		policy, page string
		problem      string
	}{
		"nothing":         {"", `<p>`, ""},
		"exception":       {"", `<script>throw new Error("broken")</script>`, "exception: "},
		"rejection":       {"", `<script>Promise.reject(new Error("broken"))</script>`, "exception: "},
		"console":         {"", `<script>console.error("broken")</script>`, `console.error: "broken"`},
		"missing":         {"", `<img src="/missing.png">`, "status 404: "},
		"unreachable":     {"", `<img src="` + elsewhere + `/a.png">`, "request failed: "},
		"inline script":   {"script-src 'self'", `<script>1</script>`, "Content Security Policy"},
		"inline style":    {"style-src 'self'", `<p style="color: red">`, "Content Security Policy"},
		"refused request": {"img-src 'self'", `<img src="` + elsewhere + `/a.png">`, "Content Security Policy"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/" {
					http.NotFound(w, r)
					return
				}
				w.Header().Set("Content-Type", "text/html")
				w.Header().Set("Content-Security-Policy", test.policy)
				_, _ = fmt.Fprint(w, `<!DOCTYPE html><title>t</title><link rel="icon" href="data:,">`+test.page)
			}))
			t.Cleanup(server.Close)
			b := open(t)
			b.do("opening", chromedp.Navigate(server.URL))
			b.settle()
			problems := strings.Join(b.takeProblems(), "\n")
			if test.problem == "" {
				require.Empty(t, problems)
				require.Equal(t, []string{server.URL}, b.origins())
				return
			}
			require.Contains(t, problems, test.problem)
			if name == "unreachable" {
				require.Equal(t, []string{server.URL, elsewhere}, b.origins())
			}
		})
	}
}
