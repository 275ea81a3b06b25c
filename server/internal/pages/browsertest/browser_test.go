//go:build browser

package browsertest_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for what must happen; it is no measure of speed.
const patience = time.Minute

// tab is a page in a browser of its own. It writes down every request and everything that went wrong.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	requests map[network.RequestID]string // URLs
	open     map[network.RequestID]bool
	sent     []string // URLs, in order
	problems []string
}

// open starts a browser without a history and without a window.
func open(t *testing.T) *tab {
	t.Helper()
	b := &tab{t: t, requests: map[network.RequestID]string{}, open: map[network.RequestID]bool{}}
	allocator, stop := chromedp.NewExecAllocator(t.Context(), // in a new directory, removed when the browser ends
		chromedp.Headless,
		chromedp.NoSandbox, // it doesn't work for root, nor in most containers
		chromedp.NoFirstRun,
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.WindowSize(1280, 1600),
	)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocator, chromedp.WithListener(b.note), chromedp.WithErrorf(t.Logf))
	t.Cleanup(end)
	b.ctx = ctx
	// The browser ends with the context that it starts under, so that can't be one with a deadline.
	late := time.AfterFunc(patience, end)
	defer late.Stop()
	require.NoError(t, chromedp.Do(ctx), "starting Chromium")
	return b
}

// do takes steps in the page, which must succeed in time.
func (b *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	run(b, what, chromedp.Steps(steps...))
}

// run is do for what has a result.
func run[T any](b *tab, what string, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	if err != nil {
		b.screenshot("failed")
		require.NoError(b.t, err, "%s; what went wrong so far: %v", what, b.takeProblems())
	}
	return result
}

// text is what a reader sees of the first element that matches, once there is one.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return strings.TrimSpace(run(b, "reading "+selector, chromedp.Text(chromedp.CSS(selector))))
}

// screenshot keeps a picture of the whole page where go test -artifacts says, if it does.
func (b *tab) screenshot(name string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100)) // 100 makes it a PNG
	require.NoError(b.t, err)
	path := filepath.Join(b.t.ArtifactDir(), name+".png")
	require.NoError(b.t, os.WriteFile(path, picture, 0o600))
	b.t.Logf("screenshot: %s", path)
}

// note writes down an event. What the page's own policy refuses comes as a log entry, and where it
// was a request, as one that failed.
func (b *tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.problem("exception: %v", e.ExceptionDetails)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			var words []string
			for _, arg := range e.Args {
				words = append(words, string(arg.Value)+arg.Description)
			}
			b.problem("console.%s: %s", e.Type, strings.Join(words, " "))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.problem("%s %s: %s (%s)", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		b.requests[e.RequestID], b.open[e.RequestID] = e.Request.URL, true
		b.sent = append(b.sent, e.Request.URL)
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			b.problem("status %d: %s", e.Response.Status, e.Response.URL)
		}
	case *network.EventLoadingFinished:
		delete(b.open, e.RequestID)
	case *network.EventLoadingFailed:
		delete(b.open, e.RequestID)
		b.problem("request failed: %s %s: %s", e.ErrorText, e.BlockedReason, b.requests[e.RequestID])
	}
}

func (b *tab) problem(format string, args ...any) {
	b.problems = append(b.problems, fmt.Sprintf(format, args...))
}

// settle waits until no request is under way, and until the browser told what happened before.
func (b *tab) settle() {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.open) == 0
	}, patience, 10*time.Millisecond, "requests never ended")
	// Events come in order: what happened before this was told when it is answered.
	b.do("settling", chromedp.Evaluate[chromedp.Void](
		`new Promise((done) => requestAnimationFrame(() => setTimeout(done)))`, chromedp.EvalAwaitPromise))
}

// takeProblems returns what went wrong since it was last asked.
func (b *tab) takeProblems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.problems
	b.problems = nil
	return taken
}

// requireNoProblems fails the test if anything went wrong since takeProblems.
func (b *tab) requireNoProblems() {
	b.t.Helper()
	b.settle()
	require.Empty(b.t, b.takeProblems())
}

// origins are the places that requests went to, or were meant to go to. Data in a URL goes nowhere.
func (b *tab) origins() []string {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var origins []string
	for _, sent := range b.sent {
		u, err := url.Parse(sent)
		require.NoError(b.t, err)
		if origin := u.Scheme + "://" + u.Host; u.Scheme != "data" && !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	return origins
}
