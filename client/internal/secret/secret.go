// Package secret keeps a text out of everything that is printed.
package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// redacted is what stands where a secret would.
const redacted = "[redacted]"

// Secret holds a text that must not be printed. It is behind functions, which nothing that prints or dumps looks
// into; methods like String don't do, because fmt does not call them on an unexported field.
type Secret struct {
	// Reveal returns the text.
	Reveal func() string
	// Mask returns a text without the secret, for texts that others made: servers repeat a refused
	// key in their message, and transports dump requests into errors.
	Mask func(text string) string
}

// New returns a secret.
func New(text string) Secret {
	inJSON, _ := json.Marshal(text) // of a string there is no error
	forms := []string{text, redacted}
	for _, form := range []string{
		unquoted(strconv.Quote(text)), unquoted(string(inJSON)), strings.ReplaceAll(text, "/", `\/`), // some write JSON so
		url.QueryEscape(text), url.PathEscape(text), html.EscapeString(text),
	} {
		forms = append(forms, form, redacted)
	}
	return Secret{Reveal: func() string { return text }, Mask: strings.NewReplacer(forms...).Replace}
}

func unquoted(text string) string { return text[1 : len(text)-1] }

// MaskCut masks the start of the secret where a text ends with it, as one does that was cut there.
func (s Secret) MaskCut(text string) string {
	for start := s.Reveal(); start != ""; start = start[:len(start)-1] {
		if before, found := strings.CutSuffix(text, start); found {
			return before + redacted
		}
	}
	return text
}

// jsonString is a string of JSON, wherever it stands.
var jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// MaskJSON returns a text, JSON or not, without the secret, also where letters of it are escaped.
func (s Secret) MaskJSON(text []byte) []byte {
	text = []byte(s.Mask(string(text)))
	if !bytes.ContainsRune(text, '\\') {
		return text
	}
	return jsonString.ReplaceAllFunc(text, func(quoted []byte) []byte {
		var value string
		if json.Unmarshal(quoted, &value) != nil || s.Mask(value) == value {
			return quoted
		}
		masked, _ := json.Marshal(s.Mask(value))
		return masked
	})
}

// MaskError returns an error around err with the masked text. What it wraps may hold the secret, as a
// request does: no verb of fmt prints it.
func (s Secret) MaskError(err error) error {
	if err == nil {
		return nil
	}
	return &maskedError{text: s.Mask(err.Error()), err: err}
}

// maskedError is an error with another text.
type maskedError struct {
	text string
	err  error
}

func (e *maskedError) Error() string { return e.text }
func (e *maskedError) Unwrap() error { return e.err }

// Format implements [fmt.Formatter], for every verb.
func (e *maskedError) Format(f fmt.State, verb rune) {
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), e.text)
}
