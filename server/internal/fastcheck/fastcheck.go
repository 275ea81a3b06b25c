// Package fastcheck recognises valid requests and responses quickly. kin-openapi knows all of the specification, but
// takes ten times as long and makes hundreds of allocations. So kin-openapi is called only if a message is not
// certainly valid here, and it has the words for what is wrong. The checks are made once, from the specification. If
// that uses something they don't know, there is no check, and kin-openapi always decides.
package fastcheck

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
)

// mediaType is the one that bodies are checked in.
const mediaType = "application/json"

// Operation checks the requests and responses of an operation.
type Operation struct {
	request   *message
	path      []parameter
	responses map[int]*message
}

// message is what requests and responses have in common. The nil one accepts nothing.
type message struct {
	headers []parameter // by their canonical names
	body    *schema     // nil: there must be none
}

type parameter struct {
	name     string
	required bool
	value    *schema // nil: not known, and so never accepted
}

// New returns the checks of the route's operation.
func New(route *routers.Route) *Operation {
	o := &Operation{responses: make(map[int]*message)}
	o.readRequest(route)
	for key, response := range route.Operation.Responses.Map() {
		status, err := strconv.Atoi(key) // default, or a range such as 4XX
		if err != nil {
			continue
		}
		if body, known := bodyOf(response.Value.Content); known {
			described := &message{body: body}
			for name, header := range response.Value.Headers {
				described.header(name, &header.Value.Parameter)
			}
			o.responses[status] = described
		}
	}
	return o
}

func (o *Operation) readRequest(route *routers.Route) {
	described, known := &message{}, true
	if body := route.Operation.RequestBody; body != nil {
		described.body, known = bodyOf(body.Value.Content)
	}
	for _, ref := range slices.Concat(route.PathItem.Parameters, route.Operation.Parameters) {
		switch p := ref.Value; p.In {
		case openapi3.ParameterInPath:
			o.path = append(o.path, parameter{p.Name, true, schemaOf(p)})
		case openapi3.ParameterInHeader:
			described.header(p.Name, p)
		default:
			known = known && !p.Required
		}
	}
	if known {
		o.request = described
	}
}

// bodyOf returns nil where there is no body.
func bodyOf(content openapi3.Content) (body *schema, known bool) {
	if len(content) == 0 {
		return nil, true
	}
	media := content[mediaType]
	if media == nil || media.Encoding != nil {
		return nil, false
	}
	body = newSchema(media.Schema, nil)
	return body, body != nil
}

func (m *message) header(name string, p *openapi3.Parameter) {
	m.headers = append(m.headers, parameter{http.CanonicalHeaderKey(name), p.Required, schemaOf(p)})
}

// schemaOf is nil where the value isn't a text or a number that stands there as it is.
func schemaOf(p *openapi3.Parameter) *schema {
	if p.Content != nil || p.AllowEmptyValue || p.Style != "" && p.Style != openapi3.SerializationSimple {
		return nil
	}
	if s := newSchema(p.Schema, nil); s != nil && (s.kind == openapi3.TypeString || s.kind == openapi3.TypeInteger) {
		return s
	}
	return nil
}

// Request tells whether a request, whose body was read, is surely as described. It takes no query.
func (o *Operation) Request(r *http.Request, body string) bool {
	if o.request == nil {
		return false
	}
	for i := range o.path {
		// An empty one may be one that the path doesn't have.
		p := &o.path[i]
		if value := r.PathValue(p.name); value == "" || p.value == nil || !p.value.acceptsText(value) {
			return false
		}
	}
	return o.request.accepts(r.Header, body)
}

// Response tells whether a response is surely as described.
func (o *Operation) Response(status int, header http.Header, body string) bool {
	return o.responses[status].accepts(header, body)
}

func (m *message) accepts(header http.Header, body string) bool {
	if m == nil {
		return false
	}
	for i := range m.headers {
		// One without a value, or with several, is kin-openapi's to judge.
		h := &m.headers[i]
		values, found := header[h.name]
		if !found && !h.required {
			continue
		}
		if len(values) != 1 || h.value == nil || !h.value.acceptsText(values[0]) {
			return false
		}
	}
	if m.body == nil {
		return body == ""
	}
	if types := header["Content-Type"]; len(types) != 1 || types[0] != mediaType {
		return false
	}
	return m.body.acceptsJSON(body)
}
