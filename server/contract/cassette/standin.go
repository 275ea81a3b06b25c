package cassette

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cryptomate-go/enablement/gen/api"
)

// kind is a kind of stand-in, with its own numbers.
type kind int

const (
	mail kind = iota
	day
	letters // three capital letters
	words
	small // a whole number up to 999
	whole // a larger one
	fraction
	image
	key
	wrong // what is not as its schema says
	name  // of a field
)

// standIns gives the same stand-in for the same value. It keeps hashes of the values only, and writes none of them.
type standIns struct {
	known map[known]string
	count map[kind]int
	now   time.Time
}

type known struct {
	kind kind
	hash [sha256.Size]byte
}

func newStandIns(now time.Time) *standIns {
	return &standIns{known: map[known]string{}, count: map[kind]int{}, now: now}
}

// give returns the stand-in for a value, made with the next number where the value is new.
func (s *standIns) give(k kind, value string, make func(n int) string) string {
	id := known{k, sha256.Sum256([]byte(value))}
	if standIn, ok := s.known[id]; ok {
		return standIn
	}
	s.count[k]++
	standIn := make(s.count[k])
	s.known[id] = standIn
	return standIn
}

const forms = `person-[0-9]+@example\.com|text-[0-9]+|removed:[0-9]+|recorded-key-[0-9]+|field-[0-9]+`

// What stand-ins look like. None of them is what a person has: the domain is reserved for examples, the days are of
// a century that is over or far away, and ISO 3166 leaves countries with an X to whoever wants one.
var (
	standIn = regexp.MustCompile(`^(` + forms + `|(19|29)0[0-9]-[01][0-9]-[0-3][0-9]|19[0-9][0-9]-02-30|X[A-Z]{2})\x01?$`)
	within  = regexp.MustCompile(forms) // those that nothing else looks like
	address = regexp.MustCompile(`^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$`)
	dated   = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	country = regexp.MustCompile(`^[A-Z]{3}$`)
	integer = regexp.MustCompile(`^-?[0-9]+$`)
)

// text is the stand-in for text. It has the form of the text, as a schema may ask for it.
func (s *standIns) text(value string) string {
	switch {
	case value == "" || standIn.MatchString(value):
		return value
	case address.MatchString(value):
		return s.give(mail, value, func(n int) string { return fmt.Sprintf("person-%d@example.com", n) })
	case dated.MatchString(value):
		return s.give(day, value, func(n int) string { return s.day(value, n) })
	case country.MatchString(value):
		return s.give(letters, value, func(n int) string {
			n = (n - 1) % (26 * 26)
			return string([]byte{'X', byte('A' + n/26), byte('A' + n%26)})
		})
	default:
		return s.give(words, value, func(n int) string { return fmt.Sprintf("text-%d", n) })
	}
}

// day is in the past or in the future, as the one that it stands for, and exists if that does.
func (s *standIns) day(value string, n int) string {
	from := 1900
	moment, err := time.Parse(time.DateOnly, value)
	if err != nil {
		return fmt.Sprintf("19%02d-02-30", n%100)
	}
	if moment.After(s.now) {
		from = 2900
	}
	return time.Date(from, time.January, 1+n%3600, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

// number is the stand-in for a number, as JSON has it: it has as many digits.
func (s *standIns) number(value string) string {
	switch {
	case !integer.MatchString(value):
		return s.give(fraction, value, func(n int) string { return strconv.Itoa(n) + ".5" })
	case strings.HasPrefix(value, "-"):
		return "-" + s.number(value[1:])
	case strings.Trim(value, "0") == "":
		return value
	case len(value) <= 3:
		return s.give(small, value, strconv.Itoa)
	case round(value):
		return value
	default:
		return s.give(whole, value, func(n int) string {
			return "1" + fmt.Sprintf("%0*d", len(value)-1, n%int(math.Pow10(min(len(value)/2, 9))))
		})
	}
}

// round tells whether a whole number looks like a stand-in: a one, and zeros for half of its digits.
func round(value string) bool {
	half := (len(value) + 1) / 2
	return value[0] == '1' && strings.Trim(value[1:half], "0") == "" && integer.MatchString(value)
}

// pixel is a PNG of one pixel.
var pixel, _ = base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg==")

// photo is the stand-in for a photo, a pixel with a number behind it, and ok whether the value is base64 at all.
func (s *standIns) photo(quoted []byte) (string, bool) {
	var read api.Image
	if read.UnmarshalJSON(quoted) != nil || len(read.Content) == 0 && read.Size == 0 {
		return "", false
	}
	content := string(read.Content)
	if drawn(content) {
		return base64.StdEncoding.EncodeToString(read.Content), true
	}
	if content == "" {
		content = string(quoted) // it was too large to be kept
	}
	return s.give(image, content, func(n int) string {
		return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%sphoto-%d", pixel, n))
	}), true
}

// drawn tells whether the bytes of a photo are those of a stand-in.
func drawn(content string) bool {
	number, ok := strings.CutPrefix(content, string(pixel)+"photo-")
	return ok && integer.MatchString(number)
}

// wrong is the stand-in for text that is not as its schema says, and is not as any says.
func (s *standIns) wrong(value string) string {
	if standIn.MatchString(value) {
		return value
	}
	return s.give(wrong, value, func(n int) string { return fmt.Sprintf("removed:%d", n) })
}

// key is the stand-in for an API key.
func (s *standIns) key(value string) string {
	if value == "" || standIn.MatchString(value) {
		return value
	}
	return s.give(key, value, func(n int) string { return fmt.Sprintf("recorded-key-%d", n) })
}

// name is the stand-in for the name of a field.
func (s *standIns) name(value string) string {
	if standIn.MatchString(value) {
		return value
	}
	return s.give(name, value, func(n int) string { return fmt.Sprintf("field-%d", n) })
}

// removed are the values that must not appear anywhere. A long one is looked for everywhere, by its first bytes. A short
// one is looked for as a word, by its first word, as it is in other words by accident. What is no more than a few
// characters isn't looked for, and a word of the specification's neither: it says nothing.
type removed struct {
	long, short map[string]map[string]bool
	common      map[string]bool
}

func (d *description) newRemoved() removed {
	return removed{map[string]map[string]bool{}, map[string]map[string]bool{}, d.common}
}

// longFrom is from where on a value is long, and longestSought how much of it is looked for.
const longFrom, longestSought = 8, 256

func (r removed) add(value string) {
	value = lower(strings.ToValidUTF8(value[:min(len(value), longestSought)], ""))
	value = strings.TrimFunc(value, func(c rune) bool { return !wordly(c) })
	if least := 3; len(value) < least || r.common[value] || integer.MatchString(value) && len(value) < least+2 {
		return
	}
	index, first := r.short, firstWord(value)
	if len(value) >= longFrom {
		index, first = r.long, value[:longFrom]
	}
	if index[first] == nil {
		index[first] = map[string]bool{}
	}
	index[first][value] = true
}

// lower is text in lower case, apart from letters that have another length then: places in both are the same.
func lower(text string) string {
	return strings.Map(func(c rune) rune {
		if low := unicode.ToLower(c); utf8.RuneLen(low) == utf8.RuneLen(c) {
			return low
		}
		return c
	}, text)
}

func wordly(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }

func firstWord(text string) string {
	if end := strings.IndexFunc(text, func(c rune) bool { return !wordly(c) }); end >= 0 {
		return text[:end]
	}
	return text
}

// in returns where in a text, from a place on, one of the values is, in whatever case; -1 where none is.
func (r removed) in(text string, from int) (start, end int) {
	text = within.ReplaceAllStringFunc(text, func(standIn string) string { return strings.Repeat(" ", len(standIn)) })
	lower := lower(text)
	if len(lower) != len(text) {
		lower = text // it is no UTF-8
	}
	inWord := false
	for at := from; at < len(lower); at++ {
		rest := lower[at:]
		for value := range r.long[rest[:min(len(rest), longFrom)]] {
			if strings.HasPrefix(rest, value) {
				return at, at + len(value)
			}
		}
		if !utf8.RuneStart(lower[at]) {
			continue
		}
		c, _ := utf8.DecodeRuneInString(rest)
		begins := wordly(c) && !inWord
		if inWord = wordly(c); !begins {
			continue
		}
		for value := range r.short[firstWord(rest)] {
			if after, ok := strings.CutPrefix(rest, value); ok {
				if next, _ := utf8.DecodeRuneInString(after); after == "" || !wordly(next) {
					return at, at + len(value)
				}
			}
		}
	}
	return -1, -1
}
