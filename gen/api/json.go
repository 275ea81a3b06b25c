package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// JSONError says why a text is not the expected JSON, and where. It has no value of the text, only names of
// fields.
type JSONError struct {
	// Line and Column are the place, counted from 1; a column is a byte. They are 0 if the place is not known.
	Line, Column int
	// Offset is the place in bytes from the beginning of the text.
	Offset int64
	// Pointer names the field as a JSON pointer (RFC 6901), such as /product/status; "" is the whole text.
	Pointer string
	// Reason is what is wrong, in words.
	Reason string
	// Unknown is true if the field does not exist; only [DecodeClosedJSON] returns such an error.
	Unknown bool
}

// Error implements error.
func (e *JSONError) Error() string {
	text := e.Reason
	if e.Pointer != "" {
		text = e.Pointer + ": " + text
	}
	if e.Line > 0 {
		text = fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, text)
	}
	return text
}

// DecodeJSON reads data, one JSON value, into v. It is strict (I-JSON, RFC 7493), while [encoding/json]
// accepts and repairs much: names of fields must match exactly, no field may be there twice, text must be
// UTF-8 without half of a surrogate pair, and nothing may follow the value. A UTF-8 byte order mark is
// skipped (RFC 8259, section 8.1), and so are fields that v does not have. The error is a [*JSONError].
func DecodeJSON(data []byte, v any) error { return decodeJSON(data, v) }

// DecodeClosedJSON is [DecodeJSON], but a field that v does not have is an error.
func DecodeClosedJSON(data []byte, v any) error {
	return decodeJSON(data, v, json.RejectUnknownMembers(true))
}

var byteOrderMark = []byte("\ufeff")

func decodeJSON(data []byte, v any, options ...json.Options) error {
	skipped, err := JSONStart(data)
	if err != nil {
		return err
	}
	if len(bytes.TrimLeft(data[skipped:], " \t\r\n")) == 0 {
		return errEmpty
	}
	if err := json.Unmarshal(data[skipped:], v, options...); err != nil {
		return ExplainJSON(err, bytes.NewReader(data), int64(skipped))
	}
	return nil
}

var errEmpty = &JSONError{Reason: textEmpty}

// JSONStart returns the length of the byte order mark before the JSON, or 0. head is the text, or its first
// bytes if it is long. A text in another encoding than UTF-8 is an error, a [*JSONError].
func JSONStart(head []byte) (skip int, err error) {
	if utf16(head) {
		return 0, &JSONError{Reason: "the text is UTF-16 or UTF-32; JSON is UTF-8"}
	}
	return len(head) - len(bytes.TrimPrefix(head, byteOrderMark)), nil
}

// utf16 tells by the bytes that only other encodings begin with: their marks, and the zeros of what is
// ASCII in them.
func utf16(data []byte) bool {
	return len(data) >= 2 && (data[0] == 0 || data[1] == 0 || data[0] == 0xFE && data[1] == 0xFF || data[0] == 0xFF && data[1] == 0xFE)
}

// ExplainJSON turns an error of a [jsontext.Decoder] or of [json.Unmarshal] into one of [DecodeJSON], as their
// own texts may repeat a value. They began to read text at the byte start.
func ExplainJSON(err error, text io.ReaderAt, start int64) *JSONError {
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		failed := at(text, start+syntactic.ByteOffset, syntactic.JSONPointer)
		failed.Reason = reasonOf(syntactic.Err, text, start+syntactic.ByteOffset)
		return failed
	}
	if err == io.EOF { //nolint:errorlint // as it is: before the first value
		return errEmpty
	}
	semantic, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return &JSONError{Reason: textEnds} // no decoder has any other error of a text
	}
	failed := at(text, start+semantic.ByteOffset, semantic.JSONPointer)
	switch {
	case errors.Is(semantic.Err, json.ErrUnknownName):
		failed.Reason, failed.Unknown = "there is no such field", true
	case semantic.JSONKind == jsontext.KindNumber && semantic.Err != nil:
		failed.Reason = "the number does not fit here"
	case semantic.Err != nil: // of a type that reads itself, which says what it expects
		failed.Reason = semantic.Err.Error()
	default:
		failed.Reason = "a JSON " + kindName(semantic.JSONKind) + " does not fit here"
	}
	return failed
}

// at counts lines. It reads the text once more, so that nobody has to count while all is well.
func at(text io.ReaderAt, offset int64, pointer jsontext.Pointer) *JSONError {
	failed := &JSONError{Line: 1, Column: 1, Offset: offset, Pointer: string(pointer)}
	before := io.NewSectionReader(text, 0, offset)
	for chunk := make([]byte, 32<<10); ; {
		n, err := before.Read(chunk)
		failed.Line += bytes.Count(chunk[:n], []byte("\n"))
		if last := bytes.LastIndexByte(chunk[:n], '\n'); last >= 0 {
			failed.Column = n - last
		} else {
			failed.Column += n
		}
		if err != nil {
			return failed
		}
	}
}

func reasonOf(err error, text io.ReaderAt, offset int64) string {
	rest := make([]byte, utf8.UTFMax)
	n, _ := text.ReadAt(rest, offset) // fewer at the end
	rest = rest[:n]
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "this field stands twice"
	case errors.Is(err, jsontext.ErrNonStringName):
		return "the name of a field must be a string in double quotes"
	case n == 0:
		return textEnds
	}
	if r, size := utf8.DecodeRune(rest); r == utf8.RuneError && size == 1 {
		return notUTF8
	}
	switch rest[0] {
	case ',':
		if !cutShort(text, offset) {
			return "there must be no comma here"
		}
	case '\\':
		return noEscape
	}
	return "this is not JSON"
}

// cutShort tells whether a number or a word stands right before a place where it can't end, such as 54. or nul.
func cutShort(text io.ReaderAt, offset int64) bool {
	before := make([]byte, 1)
	n, _ := text.ReadAt(before, offset-1)
	return n == 1 && strings.ContainsRune("+-.0123456789abcdefghijklmnopqrstuvwxyzE", rune(before[0]))
}

func kindName(kind jsontext.Kind) string {
	switch kind {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "boolean"
	case jsontext.KindString:
		return "string"
	case jsontext.KindNumber:
		return "number"
	case jsontext.KindBeginArray, jsontext.KindEndArray:
		return "array"
	default:
		return "object"
	}
}
