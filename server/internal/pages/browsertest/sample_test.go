//go:build browser

package browsertest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/sample/faults"
)

// openSample opens the page of a service with the sample, on a screen of the given width.
func openSample(t *testing.T, width int64) (b *tab, service service, address string) {
	t.Helper()
	service, address = serve(t)
	b = open(t)
	b.do("opening", chromedp.EmulateViewport(width, 844), chromedp.Navigate(address),
		chromedp.WaitVisible(chromedp.CSS(".opblock-summary")),
		chromedp.WaitVisible(chromedp.CSS(".btn.authorize.locked")))
	b.requireNoProblems()
	return b, service, address
}

// choose chooses a key or a fault.
func (b *tab) choose(name, value string) {
	b.t.Helper()
	b.do("choosing "+value, chromedp.Click(chromedp.CSS(fmt.Sprintf(`#sample input[name=%q][value=%q]`, name, value))))
}

// press presses a button of the panel and returns what is shown once the call ended.
func (b *tab) press(selector string) (status, body, curl string) {
	b.t.Helper()
	b.do("pressing "+selector,
		chromedp.Evaluate[chromedp.Void](`document.getElementById("sample-status").textContent = ""`),
		chromedp.Click(chromedp.CSS(selector)),
		chromedp.WaitReady(chromedp.CSS("#sample-status:not(:empty)")))
	shown := func(id string) string {
		return run(b, "reading "+id, chromedp.Evaluate[string](fmt.Sprintf(`document.getElementById("sample-%s").textContent`, id)))
	}
	return shown("status"), shown("body"), shown("curl")
}

func button(c sample.Case) string { return fmt.Sprintf(`#sample button[data-path=%q]`, c.Path()) }

// TestSample tries all that the panel offers.
func TestSample(t *testing.T) {
	t.Parallel()
	b, service, address := openSample(t, 1280)
	seed := sample.Cases[0]

	for i, want := range []struct{ status, contains string }{
		{"200", `"status": "in_kyc"`},
		{"200", `"id": "personal_information"`},
		{"200", `"reason": "The client is under 18 years old."`},
		{"409", `"code": "VAL"`},
		{"409", `"code": "VAL"`},
		{"200", `"status": "in_kyc"`},
	} {
		c := sample.Cases[i]
		status, body, curl := b.press(button(c))
		require.Regexp(t, "^"+want.status, status, c.Title)
		require.Contains(t, body, want.contains, c.Title)
		require.Equal(t, fmt.Sprintf("curl -i -X POST \"%s%s\" \\\n  -H \"x-api-key: %s\"", address, c.Path(), sample.KeyLevel3), curl)
	}
	service.waitFor(t, "provider: notification verified")

	status, body, curl := b.press("#sample-reset")
	require.Equal(t, "200 OK", status)
	require.Equal(t, "The sample is as it was at the start.\n", body)
	require.Equal(t, fmt.Sprintf("curl -i -X POST \"%s%s\"", address, sample.ResetPath), curl)
	status, body, _ = b.press(button(seed))
	require.Equal(t, "200 OK", status)
	require.Contains(t, body, `"status": "in_kyc"`)

	b.choose("key", sample.KeyLevel1)
	status, _, _ = b.press(button(seed))
	require.Equal(t, "401 Unauthorized", status)
	b.choose("key", sample.KeyOtherCompany)
	status, _, _ = b.press(button(seed))
	require.Equal(t, "404 Not Found", status)
	b.choose("key", sample.KeyLevel3)
	for fault, want := range map[string]string{
		"delay=2s": "409", "status=503": "503 Service Unavailable", "unknown-status": "200", "added-field": "200", "zoned-times": "200",
		"html": "200", "cut=20": "200 OK: the connection ended early", "lose": "No response: the connection ended early",
	} {
		b.choose("fault", fault)
		c := sample.Cases[1] // a 200 each time, so that there is something to alter
		if want == "409" {
			c = sample.Cases[3]
		}
		status, _, curl = b.press(button(c))
		require.Regexp(t, "^"+want, status, fault)
		require.Contains(t, curl, fmt.Sprintf("-H %q", faults.Header+": "+fault))
	}
	require.Len(t, faults.Kinds, 8, "all of them were tried")

	// What was answered as asked for is all that went wrong.
	b.settle()
	for _, problem := range b.takeProblems() {
		require.Regexp(t, `/management/clients/|ERR_EMPTY_RESPONSE|ERR_CONTENT_LENGTH_MISMATCH`, problem)
	}
	require.Equal(t, []string{address}, b.origins())
}

// TestSample_reference: the key that is chosen is the reference's, too.
func TestSample_reference(t *testing.T) {
	t.Parallel()
	b, _, _ := openSample(t, 1280)
	b.openOperation(operation)
	b.try(operation)
	status, _ := execute(b, operation)
	require.Equal(t, "200", status)
	b.requireNoProblems()
	b.choose("key", sample.KeyOtherCompany)
	status, _ = execute(b, operation)
	require.Equal(t, "404", status)
}

// TestSample_keyboard goes through the panel without a mouse.
func TestSample_keyboard(t *testing.T) {
	t.Parallel()
	b, _, _ := openSample(t, 1280)
	focused := func() string {
		return run(b, "looking for the focus", chromedp.Evaluate[string](`(() => {
			const at = document.activeElement;
			if (getComputedStyle(at).outlineStyle === "none") return "unseen";
			return at.ariaLabel ?? at.labels?.[0]?.innerText ?? at.innerText;
		})()`))
	}
	var stops []string
	b.do("going to the start", chromedp.Focus(chromedp.CSS(`#sample input[name="key"]:checked`)))
	b.do("choosing", chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.ArrowUp))
	for range 3 {
		stops = append(stops, focused())
		b.do("going on", chromedp.KeyEvent(kb.Tab))
	}
	require.Equal(t, []string{sample.KeyLevel3 + " " + sample.Keys[0].Does, "none", "Submit: " + sample.Cases[0].Title}, stops)
	b.do("pressing", chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(chromedp.CSS("#sample-response")),
		chromedp.WaitEnabled(chromedp.CSS(button(sample.Cases[1]))))
	require.Equal(t, "Submit: "+sample.Cases[1].Title, focused(), "the focus is where it was")
	require.Equal(t, "409 Conflict", func() string { s, _, _ := b.press(button(sample.Cases[3])); return s }())
}

// TestSample_layout looks at the page as it is opened, and with all that can be opened in it, on a wide screen and on a
// narrow one. The screenshots are for people.
func TestSample_layout(t *testing.T) {
	t.Parallel()
	for _, width := range []int64{1280, 390} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			t.Parallel()
			b, _, _ := openSample(t, width)
			b.requireLayout()
			b.screenshot(fmt.Sprintf("docs-%d", width))

			status, _, _ := b.press(button(sample.Cases[2]))
			require.Equal(t, "200 OK", status)
			b.openOperation(operation)
			b.try(operation)
			status, _ = execute(b, operation)
			require.Equal(t, "200", status)
			b.requireNoProblems()
			b.requireLayout()
			b.screenshot(fmt.Sprintf("submitted-%d", width))

			b.do("opening the schemas", chromedp.Click(chromedp.CSS(".models button.models-control")),
				chromedp.Click(chromedp.CSS(".model-box .model-box-control, .models .json-schema-2020-12-accordion, .models .model-toggle")))
			b.requireLayout()
			b.do("opening the keys", chromedp.Click(chromedp.CSS(".btn.authorize")), chromedp.WaitVisible(chromedp.CSS(".auth-container")))
			b.requireLayout()
			b.screenshot(fmt.Sprintf("keys-%d", width))
			require.Empty(t, strings.Join(b.takeProblems(), "\n"))

			b.do("closing the keys", chromedp.Click(chromedp.CSS(".auth-container .btn-done")))
			b.openReference(standInLink, chromedp.Click(chromedp.CSS(standInLink)))
			b.openOperation(decide)
			b.requireLayout()
			b.screenshot(fmt.Sprintf("stand-in-%d", width))
		})
	}
}
