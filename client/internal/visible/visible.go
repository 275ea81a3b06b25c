// Package visible makes foreign text safe to show on a terminal or in a log.
package visible

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Line returns text as one line of visible characters. Whatever a reader does not see becomes a space:
// control characters (line breaks and escape sequences, C1 too), those that change the direction of the
// text, of no width, separators of lines and paragraphs, private and unassigned ones. What is not UTF-8
// becomes U+FFFD. A character is replaced, never taken out: what was apart does not come together, so a
// text that held no secret does not hold one afterwards.
func Line(text string) string {
	return strings.Map(func(r rune) rune {
		if hidden(r) {
			return ' '
		}
		return r
	}, text)
}

// JSON returns a JSON document with the same characters escaped. It says what it said before: outside of
// its strings a document has none of them but white space, which stays.
func JSON(document []byte) []byte {
	escaped := make([]byte, 0, len(document))
	for _, r := range string(document) {
		switch {
		case r == '\n', r == '\r', r == '\t', !hidden(r):
			escaped = utf8.AppendRune(escaped, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			escaped = fmt.Appendf(escaped, `\u%04x\u%04x`, high, low)
		default:
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
		}
	}
	return escaped
}

func hidden(r rune) bool {
	return !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// WithoutPath leaves out of an error the path of a file: it may be somebody's name, or a secret in the wrong place.
func WithoutPath(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	return err
}
