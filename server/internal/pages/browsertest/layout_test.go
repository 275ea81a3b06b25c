//go:build browser

package browsertest_test

import (
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// layout lists what a reader could not read or reach: a page wider than the screen, a word that is broken between
// two lines although it is no id, and a button that is cut.
const layout = `(() => {
	const problems = [];
	if (document.scrollingElement.scrollWidth > innerWidth) {
		problems.push("the page is " + document.scrollingElement.scrollWidth + " wide, and not " + innerWidth);
	}
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	const range = document.createRange();
	while (texts.nextNode()) {
		for (const { 0: word, index } of texts.currentNode.data.matchAll(/(?<![\w-])\p{L}{3,16}(?![\w-])/gu)) {
			range.setStart(texts.currentNode, index);
			range.setEnd(texts.currentNode, index + word.length);
			if (new Set([...range.getClientRects()].filter((r) => r.width > 0).map((r) => r.top)).size > 1) {
				problems.push("broken: " + JSON.stringify(word));
			}
		}
	}
	for (const button of document.querySelectorAll("button, select, input")) {
		const { left, right, width } = button.getBoundingClientRect();
		const short = button.matches("button") && button.scrollWidth > button.clientWidth;
		if (width > 0 && (left < 0 || right > innerWidth || short)) {
			problems.push("cut: " + JSON.stringify(button.textContent || button.name));
		}
	}
	return problems;
})()`

func (b *tab) layoutProblems() []string {
	b.t.Helper()
	return run(b, "measuring", chromedp.Evaluate[[]string](layout))
}

// requireLayout fails the test if a reader could not read or reach all of the page.
func (b *tab) requireLayout() {
	b.t.Helper()
	require.Empty(b.t, b.layoutProblems())
}
