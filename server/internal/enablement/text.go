package enablement

import (
	"unicode"
	"unicode/utf8"
)

// The rule for text, whoever wrote it and in whatever script: there is something to see in it, and nothing
// hidden. What is hidden makes two texts differ that look the same, turns a text around, or carries another
// one along.

// blank tells whether a text has nothing to see in it. A mark alone has nothing to stand on.
func blank(s string) bool {
	for _, r := range s {
		if visible(r) && !unicode.IsMark(r) {
			return false
		}
	}
	return true
}

// Hidden reports whether a text has an invisible character: a control or format character, a filler, one for private
// use, or an unassigned one. Spaces are visible, as they separate others. Joiners and selectors are accepted where
// people's names are written with them. Bytes that are not UTF-8 are invisible, too.
func Hidden(s string) bool {
	before := utf8.RuneError
	for _, r := range s {
		if !visible(r) && !unicode.Is(unicode.Zs, r) && !spells(before, r) {
			return true
		}
		before = r
	}
	return false
}

// visible tells whether a character shows by itself, or on the one before it.
func visible(r rune) bool {
	if r < utf8.RuneSelf {
		return r > ' ' && r < unicode.MaxASCII
	}
	return unicode.IsPrint(r) && r != utf8.RuneError &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, empty)
}

// empty are the characters that Unicode counts as symbols, letters or marks and that show nothing, or stand
// for something that is not there.
var empty = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x2800, Hi: 0x2800, Stride: 1}, // braille pattern blank
		{Lo: 0xFFFC, Hi: 0xFFFC, Stride: 1}, // object replacement character
	},
	R32: []unicode.Range32{
		{Lo: 0x13441, Hi: 0x13442, Stride: 1}, // Egyptian hieroglyph blanks
		{Lo: 0x16FE4, Hi: 0x16FE4, Stride: 1}, // Khitan small script filler
		{Lo: 0x1D159, Hi: 0x1D159, Stride: 1}, // musical symbol null notehead
	},
}

// spells tells whether a character that does not show changes how the one before it is written. Without it
// the name would be misspelt: a Persian one without its non-joiner, an Indic one without its joiner, a
// Japanese one without the selector of its ideograph's variant.
func spells(before, r rune) bool {
	switch {
	case r == '\u200C', r == '\u200D': // zero width non-joiner and joiner
		return visible(before) && unicode.In(before, joining...)
	case r >= '\uFE00' && r <= '\uFE02', r >= '\U000E0100' && r <= '\U000E01EF':
		return unicode.Is(unicode.Han, before)
	case r >= '\u180B' && r <= '\u180F': // Mongolian variation selectors and vowel separator
		return unicode.Is(unicode.Mongolian, before) && unicode.IsLetter(before)
	}
	return false
}

// joining are the scripts that are written with joiners: whose letters join, or have conjuncts. Inherited
// marks, such as Arabic vowels, are none of one script.
var joining = []*unicode.RangeTable{
	unicode.Arabic, unicode.Syriac, unicode.Nko, unicode.Mandaic, unicode.Mongolian, unicode.Phags_Pa,
	unicode.Adlam, unicode.Hanifi_Rohingya,
	unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil,
	unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Tibetan, unicode.Myanmar,
	unicode.Khmer, unicode.Javanese, unicode.Balinese, unicode.Meetei_Mayek, unicode.Ol_Chiki,
	{R16: []unicode.Range16{{Lo: 0x064B, Hi: 0x0655, Stride: 1}}},
}
