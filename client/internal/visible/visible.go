// Package visible makes texts that others wrote safe to show on a terminal or in a log.
package visible

import (
	"strings"
	"unicode"
)

// Line returns text as one line of visible characters. Whatever a reader does not see becomes a space:
// control characters (line breaks and escape sequences, C1 too), those that change the direction of the
// text, of no width, separators of lines and paragraphs, private and unassigned ones. What is not UTF-8
// becomes U+FFFD. A character is replaced, never taken out: what was apart does not come together, so a
// text that held no secret does not hold one afterwards.
func Line(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
			return ' '
		}
		return r
	}, text)
}
