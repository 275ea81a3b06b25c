package cassette

import (
	"bytes"
	"io"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"
)

// walker goes through a body along its schema.
type walker struct {
	in   *jsontext.Decoder
	out  *jsontext.Encoder
	leaf func(place string, schema *openapi3.SchemaRef, marked bool, value jsontext.Value) jsontext.Value
	name func(place, field string) string
}

// walk returns a body in which leaf replaced text, numbers and booleans, and name the names of fields that nobody
// described. A value is marked where it is personal or not described, or stands in what is; but what has a component of
// its own as its schema says it there. It is not ok if the body isn't JSON.
func walk(
	body []byte, place string, schema *openapi3.SchemaRef,
	leaf func(place string, schema *openapi3.SchemaRef, marked bool, value jsontext.Value) jsontext.Value,
	name func(place, field string) string,
) (walked []byte, ok bool) {
	var out bytes.Buffer
	w := walker{
		in:  jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true)),
		out: jsontext.NewEncoder(&out, jsontext.AllowDuplicateNames(true)), leaf: leaf, name: name,
	}
	if w.value(place, schema, false) != nil {
		return nil, false
	}
	_, err := w.in.ReadToken()
	return bytes.TrimSpace(out.Bytes()), err == io.EOF //nolint:errorlint // as it is
}

func (w *walker) value(place string, schema *openapi3.SchemaRef, marked bool) error {
	marked = schema == nil || personal(schema) || marked && schema.Ref == ""
	switch w.in.PeekKind() {
	case jsontext.KindBeginObject:
		return w.nested(jsontext.KindEndObject, func(int) error {
			token, err := w.in.ReadToken()
			if err != nil {
				return err
			}
			field := token.String()
			below := property(schema, field)
			if below == nil || schema.Value.Properties[field] == nil {
				field = w.name(place, field)
			}
			if err := w.out.WriteToken(jsontext.String(field)); err != nil {
				return err
			}
			return w.value(place+"/"+field, below, marked)
		})
	case jsontext.KindBeginArray:
		var items *openapi3.SchemaRef
		if schema != nil {
			items = schema.Value.Items
		}
		return w.nested(jsontext.KindEndArray, func(i int) error { return w.value(place+"/"+strconv.Itoa(i), items, marked) })
	default:
		value, err := w.in.ReadValue()
		if err != nil {
			return err
		}
		return w.out.WriteValue(w.leaf(place, schema, marked, value))
	}
}

// nested copies the beginning and the end of an object or a list, with what each makes of what is between.
func (w *walker) nested(end jsontext.Kind, each func(i int) error) error {
	if err := w.copyToken(); err != nil {
		return err
	}
	for i := 0; w.in.PeekKind() != end; i++ {
		if err := each(i); err != nil {
			return err
		}
	}
	return w.copyToken()
}

func (w *walker) copyToken() error {
	token, err := w.in.ReadToken()
	if err != nil {
		return err
	}
	return w.out.WriteToken(token)
}

// property is the schema of a field; nil where nobody described it.
func property(schema *openapi3.SchemaRef, field string) *openapi3.SchemaRef {
	if schema == nil {
		return nil
	}
	if below := schema.Value.Properties[field]; below != nil {
		return below
	}
	return schema.Value.AdditionalProperties.Schema
}
