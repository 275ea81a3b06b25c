package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// mask is what stands where a secret would.
const mask = "[redacted]"

// secret holds a text that must not be printed. The text is behind a function because methods alone
// don't do: fmt does not call them on an unexported field, and a dumper that uses reflection follows
// pointers. None looks into a function.
type secret struct {
	reveal func() string
	// mask returns a text without the secret, for texts that others made: servers repeat a refused
	// key in their message, and transports dump requests into errors.
	mask func(text string) string
}

func newSecret(text string) secret {
	forms := []string{
		text, mask, unquoted(strconv.Quote(text)), mask, strings.ReplaceAll(text, "/", `\/`), mask, // some write JSON so
		url.QueryEscape(text), mask, url.PathEscape(text), mask, html.EscapeString(text), mask,
	}
	if inJSON, err := json.Marshal(text); err == nil {
		forms = append(forms, unquoted(string(inJSON)), mask)
	}
	return secret{
		reveal: func() string { return text },
		mask:   strings.NewReplacer(forms...).Replace,
	}
}

// maskCut masks the start of the secret where a text ends with it, as one does that was cut there.
func (s secret) maskCut(text string) string {
	for start := s.reveal(); start != ""; start = start[:len(start)-1] {
		if before, found := strings.CutSuffix(text, start); found {
			return before + mask
		}
	}
	return text
}

func unquoted(text string) string { return text[1 : len(text)-1] }

// Format implements [fmt.Formatter], for every verb.
func (s secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, mask) }

// String implements [fmt.Stringer].
func (s secret) String() string { return mask }

// GoString implements [fmt.GoStringer].
func (s secret) GoString() string { return mask }

// MarshalText implements [encoding.TextMarshaler], and so the value's JSON.
func (s secret) MarshalText() ([]byte, error) { return []byte(mask), nil }

// LogValue implements [slog.LogValuer].
func (s secret) LogValue() slog.Value { return slog.StringValue(mask) }

// jsonString is a string of JSON, wherever it stands.
var jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// maskJSON returns a text, JSON or not, without the secret, also where letters of it are escaped.
func (s secret) maskJSON(text []byte) []byte {
	text = []byte(s.mask(string(text)))
	if !bytes.ContainsRune(text, '\\') {
		return text
	}
	return jsonString.ReplaceAllFunc(text, func(quoted []byte) []byte {
		var value string
		if json.Unmarshal(quoted, &value) != nil || s.mask(value) == value {
			return quoted
		}
		masked, _ := json.Marshal(s.mask(value)) // of a string there is no error
		return masked
	})
}

// maskError returns an error around err with the masked text. What it wraps may hold the secret, as a
// request does: no verb of fmt prints it.
func (s secret) maskError(err error) error {
	if err == nil {
		return nil
	}
	return &maskedError{text: s.mask(err.Error()), err: err}
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
