package api

import (
	"errors"
	"io"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The reasons of a [JSONError] that code compares with.
const (
	notUTF8   = "this is not UTF-8"
	noEscape  = "this is no escape of JSON, or half of a surrogate pair"
	textEmpty = "the text is empty"
	textEnds  = "the text ends before the value does"
)

// Unwrap returns [io.ErrUnexpectedEOF] if the text ends too early, as it may have been cut on its way.
func (e *JSONError) Unwrap() error {
	if e.Reason == textEmpty || e.Reason == textEnds {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// DecodeLenientJSON is [DecodeJSON], but accepts odd details. It leaves out a value of another type than its
// field, reads a timestamp in more forms than the API's, and replaces a byte that is not UTF-8 by U+FFFD.
// odd names each such value. The text must still be JSON without a field that is there twice.
func DecodeLenientJSON(data []byte, v any) (odd []*JSONError, err error) {
	err = DecodeJSON(data, v)
	if err == nil {
		return nil, nil
	}
	odd, err = decodeLenient(data, v)
	if failed, ok := errors.AsType[*JSONError](err); ok && (failed.Reason == notUTF8 || failed.Reason == noEscape) {
		odd, err = decodeLenient(data, v, jsontext.AllowInvalidUTF8(true))
		odd = append(odd, failed)
	}
	return odd, err
}

func decodeLenient(data []byte, v any, options ...json.Options) (odd []*JSONError, err error) {
	reflect.ValueOf(v).Elem().SetZero() // of what was read before
	lenient := func(dec *jsontext.Decoder, v any) error {
		_, readsItself := v.(json.Unmarshaler)
		switch read, kind := dec.PeekKind(), reflect.TypeOf(v).Elem().Kind(); {
		case read == jsontext.KindNull, kind == reflect.Pointer, kind == reflect.Interface,
			read == jsontext.KindBeginObject && (kind == reflect.Struct || kind == reflect.Map) && !readsItself,
			read == jsontext.KindBeginArray && kind == reflect.Slice && !readsItself:
			return errors.ErrUnsupported // read it as usual; its parts come here
		}
		text, err := dec.ReadValue()
		if err != nil {
			return err
		}
		if failed, ok := errors.AsType[*JSONError](decodeJSON(text, v, options...)); ok {
			reflect.ValueOf(v).Elem().SetZero()
			reason := failed.Reason
			if at, ok := v.(*Timestamp); ok && at.readOdd(text) {
				reason += "; read as " + at.String()
			}
			odd = append(odd, &JSONError{Pointer: string(dec.StackPointer()), Reason: reason})
		}
		return nil
	}
	err = decodeJSON(data, v, append([]json.Options{json.WithUnmarshalers(json.UnmarshalFromFunc(lenient))}, options...)...)
	return odd, err
}
