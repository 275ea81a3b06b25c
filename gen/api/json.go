package api

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// JSONError says why a text is not the JSON that was expected, and where. No value of the text is part
// of it, only names of fields.
type JSONError struct {
	// Line and Column are where it was found, counted from 1; a column is a byte. 0 where the place is
	// not known.
	Line, Column int
	// Pointer names the field as a JSON pointer (RFC 6901), such as /product/status; "" is the whole text.
	Pointer string
	// Reason is what is wrong, in words.
	Reason string
	// Unknown: the field is one that nobody expects; only [DecodeClosedJSON] minds.
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

// DecodeJSON reads data, one JSON value, into v, and guesses nothing: the name of a field matches
// exactly or not at all, no field may stand twice, text must be UTF-8 without half of a surrogate pair,
// and nothing may follow the value (I-JSON, RFC 7493). [encoding/json] takes all of that and repairs it.
// A UTF-8 byte order mark is skipped (RFC 8259, section 8.1). Fields that v does not have are skipped.
// The error is a [*JSONError].
func DecodeJSON(data []byte, v any) error { return decodeJSON(data, v) }

// DecodeClosedJSON is [DecodeJSON], but a field that v does not have is an error.
func DecodeClosedJSON(data []byte, v any) error {
	return decodeJSON(data, v, json.RejectUnknownMembers(true))
}

var byteOrderMark = []byte("\ufeff")

func decodeJSON(data []byte, v any, options ...json.Options) error {
	if utf16(data) {
		return &JSONError{Reason: "the text is UTF-16 or UTF-32; JSON is UTF-8"}
	}
	skipped := len(data)
	data = bytes.TrimPrefix(data, byteOrderMark)
	skipped -= len(data)
	if len(bytes.TrimLeft(data, " \t\r\n")) == 0 {
		return &JSONError{Reason: textEmpty}
	}
	err := json.Unmarshal(data, v, options...)
	if err == nil {
		return nil
	}
	failed := explain(err, data)
	if failed.Line == 1 {
		failed.Column += skipped
	}
	return failed
}

// utf16 tells by the bytes that only other encodings begin with: their marks, and the zeros of what is
// ASCII in them.
func utf16(data []byte) bool {
	return len(data) >= 2 && (data[0] == 0 || data[1] == 0 || data[0] == 0xFE && data[1] == 0xFF || data[0] == 0xFF && data[1] == 0xFE)
}

// explain says in plain words what the decoder found. Its own words may repeat a value.
func explain(err error, data []byte) *JSONError {
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		failed := at(data, syntactic.ByteOffset, syntactic.JSONPointer)
		failed.Reason = reasonOf(syntactic.Err, data, syntactic.ByteOffset)
		return failed
	}
	semantic, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return &JSONError{Reason: textEnds} // what is read is in memory: nothing else can fail
	}
	failed := at(data, semantic.ByteOffset, semantic.JSONPointer)
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

func at(data []byte, offset int64, pointer jsontext.Pointer) *JSONError {
	before := data[:min(int(offset), len(data))]
	return &JSONError{
		Line:    1 + bytes.Count(before, []byte("\n")),
		Column:  len(before) - bytes.LastIndexByte(before, '\n'),
		Pointer: string(pointer),
	}
}

func reasonOf(err error, data []byte, offset int64) string {
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "this field stands twice"
	case errors.Is(err, jsontext.ErrNonStringName):
		return "the name of a field must be a string in double quotes"
	case int(offset) >= len(data):
		return textEnds
	}
	rest := data[offset:]
	if r, size := utf8.DecodeRune(rest); r == utf8.RuneError && size == 1 {
		return notUTF8
	}
	if rest[0] == '\\' {
		return noEscape
	}
	return "this is not JSON"
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
