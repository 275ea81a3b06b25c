package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	jsonv2 "github.com/go-json-experiment/json"

	"github.com/cryptomate-go/enablement/gen/api"
)

// jsonType is the media type of all bodies.
const jsonType = "application/json"

// readBody reads a body where the operation takes one, and refuses it where it doesn't.
func (h *handler) readBody(c *call, r *http.Request) (body []byte, err error) {
	op := c.operation
	if op.takesBody() && compressed(r.Header) {
		return nil, badRequest(`header "Content-Encoding": must be left out, since bodies are read as they are`, nil)
	}
	if r.ContentLength != 0 && (op.takesBody() || r.ContentLength < 0) {
		if len(op.photos) > 0 {
			body, err = h.readPhotos(c, r)
		} else {
			body, err = io.ReadAll(r.Body)
		}
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return nil, op.tooLarge
		} else if _, refused := errors.AsType[*Error](err); refused {
			return nil, err
		} else if err != nil {
			return nil, badRequest("The request body can't be read", nil)
		}
		r.Body, r.GetBody = io.NopCloser(bytes.NewReader(body)), nil
	}
	if !op.takesBody() && max(r.ContentLength, int64(len(body))) > 0 {
		return nil, badRequest("This operation takes no request body", nil)
	}
	return body, nil
}

// compressed tells whether a body is announced as anything but what it is.
func compressed(header http.Header) bool {
	for _, coding := range header["Content-Encoding"] {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return true
		}
	}
	return false
}

// unambiguous refuses JSON of which two readers could make two things: with a field that stands twice, with text
// after the value, in another encoding. The validator and the generated code would each read something.
func unambiguous(c *call, r *http.Request, body []byte) error {
	if len(body) == 0 || c.operation.route.Operation.RequestBody.Value.Content.Get(r.Header.Get("Content-Type")) == nil {
		return nil // of which the validator, which reads the media type in the same way, says what is wrong
	}
	var value any
	wrong, ok := errors.AsType[*api.JSONError](api.DecodeJSON(body, &value))
	switch {
	case !ok && bytes.HasPrefix(body, []byte("\ufeff")):
		return badRequest("request body: the text begins with a byte order mark", nil)
	case !ok:
		return nil
	case wrong.Pointer == "":
		if len(c.operation.photos) > 0 {
			wrong.Line = 0 // which would count the text in the place of a photo
		}
		return badRequest("request body: "+wrong.Error(), nil)
	default:
		return badRequest("request body "+pointerTo(strings.Split(wrong.Pointer, "/")[1:])+": "+wrong.Reason, nil)
	}
}

// unknownField is the name of a field that a closed object doesn't have. The validator says it in its words only.
func unknownField(e *openapi3.SchemaError) (name string, ok bool) {
	if e.SchemaField != "properties" {
		return "", false
	}
	quoted, err := strconv.QuotedPrefix(strings.TrimPrefix(e.Reason, "property "))
	if err != nil {
		return "", false
	}
	name, err = strconv.Unquote(quoted)
	return name, err == nil
}

// deepest is how many names of a pointer are told: more than any body has that the specification describes.
const deepest = 16

// pointerTo writes a JSON pointer, whose names are escaped already, for a message. The names may be of the caller's invention.
func pointerTo(names []string) string {
	var pointer strings.Builder
	for _, name := range names[:min(len(names), deepest)] {
		pointer.WriteString("/" + printable(name))
	}
	if len(names) > deepest {
		pointer.WriteString("/...")
	}
	return pointer.String()
}

// escaped is a name as it stands in a JSON pointer.
var escaped = strings.NewReplacer("~", "~0", "/", "~1")

// unreadable says which value the generated code can't read although it is as described: a whole number
// that is written as 1.0 or 1e2.
func unreadable(err error) *Error {
	pointer := ""
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		pointer = "/" + strings.ReplaceAll(wrong.Field, ".", "/")
	} else if wrong, ok := errors.AsType[*jsonv2.SemanticError](err); ok { // a program may have set this reader
		pointer = string(wrong.JSONPointer)
	}
	if pointer != "" {
		return badRequest("request body "+pointer+": must be written in digits only", nil)
	}
	return badRequest("The request is malformed", err)
}
