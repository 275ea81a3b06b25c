package visible_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client/internal/visible"
)

func TestLine(t *testing.T) {
	t.Parallel()
	for _, as := range []string{
		"", "plain", "José Ñandú", "東京", "Ελλάδα", "שלום", "مرحبا", "e\u0301", "€ – “x” …", "a\ufffdb", "😀", "\U0001F1E6\U0001F1F7",
	} {
		require.Equal(t, as, visible.Line(as))
	}
	for _, hidden := range []rune{
		0, '\a', '\b', '\t', '\n', '\v', '\f', '\r', 0x1b, 0x7f, // C0 and delete
		0x80, 0x85, 0x90, 0x9b, 0x9d, 0x9f, // C1: CSI and OSC without an escape
		0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069, 0x200e, 0x200f, 0x061c, // directions
		0x200b, 0x200c, 0x200d, 0x2060, 0xfeff, 0x00ad, 0x180e, 0x2061, 0x2064, 0x206a, 0x206f, // no width
		0x2028, 0x2029, // separators
		0x00a0, 0x2003, 0x3000, // spaces that look like one
		0x115f, 0x1160, 0x3164, 0xffa0, 0x034f, 0x17b4, // fillers
		0xfe0f, 0x180b, 0xe0100, // variations
		0xe0001, 0xe0041, 0xfff9, 0xfffb, // tags, annotations
		0xe000, 0xf0000, 0x0378, 0xffff, // private, unassigned, no character
	} {
		require.Equal(t, "a b", visible.Line("a"+string(hidden)+"b"), "%U", hidden)
	}
	for _, broken := range []string{"\xff", "\x9b31m", "\xe2\x80", "\xed\xa0\x80", "\xc0\x8a"} {
		got := visible.Line("a" + broken + "b")
		require.True(t, utf8.ValidString(got))
		require.Contains(t, got, "a\ufffd")
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	const document = "{\n\t\"a\": \"Jos\u00e9 \u202egnp.exe\u202c\", \"\U000e0041\": \"\u200b\xff\\n\"\r\n}"
	escaped := string(visible.JSON([]byte(document)))
	require.Equal(t, "{\n\t\"a\": \"Jos\u00e9 \\u202egnp.exe\\u202c\", \"\\udb40\\udc41\": \"\\u200b\ufffd\\n\"\r\n}", escaped)
	var before, after any
	require.NoError(t, json.Unmarshal([]byte(strings.ToValidUTF8(document, "\ufffd")), &before))
	require.NoError(t, json.Unmarshal([]byte(escaped), &after))
	require.Equal(t, before, after)
}
