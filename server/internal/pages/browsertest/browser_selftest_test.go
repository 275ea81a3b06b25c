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

// TestTab_layout is the same of what requireLayout looks for.
func TestTab_layout(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ page, problem string }{
		"nothing":          {`<p>Whole words, and <button>a button</button>`, ""},
		"long word":        {`<p style="width: 3ch; overflow-wrap: anywhere">4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG`, ""},
		"overflow":         {`<p style="width: 600px">wide`, "the page is 600 wide"},
		"broken word":      {`<p style="width: 3ch; overflow-wrap: anywhere">product`, `broken: "product"`},
		"button cut":       {`<div style="overflow: hidden"><button style="margin-left: 350px; width: 90px">Cancel</button></div>`, `cut: "Cancel"`},
		"text cut":         {`<button style="width: 40px; overflow: hidden; white-space: nowrap">Authorize</button>`, `cut: "Authorize"`},
		"button left over": {`<button style="margin-left: -30px">Cancel</button>`, `cut: "Cancel"`},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				_, _ = fmt.Fprint(w, `<!DOCTYPE html><title>t</title><link rel="icon" href="data:,"><style>* { margin: 0 }</style>`+test.page)
			}))
			t.Cleanup(server.Close)
			b := open(t)
			b.do("opening", chromedp.EmulateViewport(390, 844), chromedp.Navigate(server.URL))
			problems := strings.Join(b.layoutProblems(), "\n")
			if test.problem == "" {
				require.Empty(t, problems)
				return
			}
			require.Contains(t, problems, test.problem)
		})
	}
}
