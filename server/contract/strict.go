package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

const deepest = 100 // levels of a body; the description has seven

// defect is what keeps text from being strict JSON.
type defect struct{ rule, pointer, expected string }

// strict reads text as one JSON value and nothing else. Unlike [json.Unmarshal] it reports a key that
// stands twice, data after the value and text that isn't UTF-8. The value is what could be read; ok is
// false where that is nothing. Of a key that stands twice the last value counts, as almost everywhere.
func strict(text []byte) (value any, ok bool, defects []defect) {
	if !utf8.Valid(text) {
		defects = append(defects, defect{ruleUTF8, "", "valid UTF-8"})
	}
	r := reader{decoder: json.NewDecoder(bytes.NewReader(text))}
	value, err := r.value("", 0)
	defects = append(defects, r.defects...)
	if err != nil {
		return nil, false, append(defects, defect{ruleSyntax, "", "one JSON value"})
	}
	if rest := bytes.Trim(text[r.decoder.InputOffset():], " \t\r\n"); len(rest) > 0 {
		defects = append(defects, defect{ruleTrailing, "", "nothing after the JSON value"})
	}
	return value, true, defects
}

type reader struct {
	decoder *json.Decoder
	defects []defect
}

var errDeep = errors.New("too deep")

func (r *reader) value(pointer string, depth int) (any, error) {
	if depth > deepest {
		return nil, errDeep
	}
	token, err := r.decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return r.object(pointer, depth)
	case json.Delim('['):
		return r.array(pointer, depth)
	}
	if _, stray := token.(json.Delim); stray {
		return nil, io.ErrUnexpectedEOF
	}
	return token, nil
}

func (r *reader) object(pointer string, depth int) (any, error) {
	object := map[string]any{}
	for r.decoder.More() {
		token, err := r.decoder.Token()
		if err != nil {
			return nil, err
		}
		name, ok := token.(string)
		if !ok {
			return nil, fmt.Errorf("a key is no string")
		}
		below := pointer + "/" + escape(name)
		if _, twice := object[name]; twice {
			r.defects = append(r.defects, defect{ruleDuplicate, below, "this key once"})
		}
		if object[name], err = r.value(below, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := r.decoder.Token()
	return object, err
}

func (r *reader) array(pointer string, depth int) (any, error) {
	array := []any{}
	for r.decoder.More() {
		item, err := r.value(pointer+"/"+strconv.Itoa(len(array)), depth+1)
		if err != nil {
			return nil, err
		}
		array = append(array, item)
	}
	_, err := r.decoder.Token()
	return array, err
}

// escape writes a name as a part of a JSON pointer.
func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
