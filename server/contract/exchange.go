package contract

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/cryptomate-go/enablement/gen/api"
)

// exchange is one call under examination.
type exchange struct {
	c *Contract
	r *http.Request
	route
	began     uint64
	keyHeader string
	key       string
	curl      string
	wrong     bool  // the request isn't as described, apart from its key
	notifies  bool  // it is a notification to the provider
	writes    *seen // the client that it may change
	findings  []Finding

	sent     message // the request's body
	response *http.Response
	received message // the response's body
}

// message is the body of a request or a response.
type message struct {
	place   string // stands before its pointers
	open    bool   // its schema may leave room for fields that it doesn't have
	most    int64  // how much of it is looked at
	body    []byte
	value   any // with a hash for each photo
	parsed  bool
	objects []object

	fractions map[string]bool // places of numbers that are written with a fraction or an exponent
}

// object is one that stands somewhere in a body, and is of a component that is followed from call to call.
type object struct {
	component, pointer string
	fields             map[string]any
}

// at is a place in the body.
func (m *message) at(pointer string) string { return strings.TrimSuffix(m.place+pointer, " ") }

// find notes a finding, once. value is shown only where values may be.
func (x *exchange) find(rule, pointer string, line int, expected string, value any) {
	if pointer = hide(pointer, x.key); len(pointer) > longestPointer {
		pointer = pointer[:longestPointer] + "..." // whatever a name in it is
	}
	twice := func(f Finding) bool { return f.Rule == rule && f.Pointer == pointer }
	if x.c.off[rule] || slices.ContainsFunc(x.findings, twice) {
		return
	}
	f := Finding{Rule: rule, Pointer: pointer, SpecLine: line, Expected: expected, Curl: x.curl}
	if x.c.values && value != nil {
		f.Got = got(fmt.Sprint(value), x.key)
	}
	x.findings = append(x.findings, f)
}

// request checks what is sent.
func (x *exchange) request() {
	switch {
	case x.notifies:
		x.notification()
	case x.path == nil:
		x.find(rulePath, "path", line(x.c.doc.Paths.Origin), "a path that is described", x.r.URL.Path)
	case x.op == nil:
		x.find(ruleMethod, "method", line(x.path.item.Origin), "the method "+strings.Join(x.allow, " or "), x.r.Method)
	default:
		before := len(x.findings)
		x.parameters()
		x.query()
		x.requestBody()
		x.wrong = len(x.findings) > before
		x.apiKey()
	}
	if x.c.responsesOnly {
		x.findings = nil
	}
}

func (x *exchange) parameters() {
	for _, p := range x.op.parameters {
		var values []string
		switch p.In {
		case openapi3.ParameterInPath:
			values = []string{x.values[p.Name]}
		case openapi3.ParameterInHeader:
			values = x.r.Header.Values(p.Name)
		case openapi3.ParameterInQuery:
			values = x.r.URL.Query()[p.Name]
		default:
			continue
		}
		place := p.In + " " + p.Name
		switch {
		case len(values) == 0 && p.Required:
			x.find(ruleParameter, place, line(p.Origin), "this parameter", nil)
		case len(values) > 1:
			x.find(ruleParameter, place, line(p.Origin), "this parameter once", nil)
		case len(values) == 1:
			x.text(ruleParameter, place, p.Schema, values[0])
		}
	}
}

// text checks the value of a parameter or a header.
func (x *exchange) text(rule, place string, schema *openapi3.SchemaRef, text string) {
	err := schema.Value.VisitJSON(fromText(schema.Value, text))
	var broken *openapi3.SchemaError
	if errors.As(err, &broken) {
		x.find(rule, place, fieldLine(broken.Schema.Origin, broken.SchemaField), inWords(broken.Schema, broken.SchemaField), text)
	}
}

func (x *exchange) query() {
	query, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		x.find(ruleQuery, "query", line(x.op.Origin), "a query that can be read", x.r.URL.RawQuery)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		known := slices.ContainsFunc(x.op.parameters, func(p *openapi3.Parameter) bool {
			return p.In == openapi3.ParameterInQuery && p.Name == name
		})
		if !known {
			x.find(ruleQuery, "query "+name, line(x.op.Origin), "no such query parameter", strings.Join(query[name], ", "))
		}
	}
}

func (x *exchange) requestBody() {
	x.sent.place, x.sent.open = "request ", true
	if x.op.RequestBody == nil {
		if x.hasBody() {
			x.find(ruleBody, x.sent.at(""), line(x.op.Origin), "no request body", nil)
		}
		return
	}
	described := x.op.RequestBody.Value
	where := line(described.Origin)
	x.sent.most = max(x.op.maxBody, largest)
	large := x.r.ContentLength > x.sent.most
	var err error
	if !large {
		x.sent.body, err = take(&x.r.Body, x.r.ContentLength, x.sent.most+1)
		large = int64(len(x.sent.body)) > x.sent.most
	}
	switch {
	case large:
		x.find(ruleBody, x.sent.at(""), where, fmt.Sprintf("a body of at most %d bytes", x.sent.most), nil)
	case err != nil:
		x.find(ruleCut, x.sent.at(""), where, "the whole body", nil)
	case len(x.sent.body) > 0:
		if x.decode(&x.sent, x.r.Header, where) {
			x.typed(&x.sent, ruleSentType, x.r.Header.Get("Content-Type"), described.Content, where)
		}
	case described.Required:
		x.find(ruleBody, x.sent.at(""), where, "a body", nil)
	}
}

// hasBody looks at one byte where the length isn't known, and puts it back.
func (x *exchange) hasBody() bool {
	body := x.r.Body
	if body == nil || body == http.NoBody || x.r.ContentLength > 0 {
		return x.r.ContentLength > 0
	}
	first := make([]byte, 1)
	n, err := io.ReadFull(body, first)
	x.r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(first[:n]), &rest{body, err}), body}
	return n > 0
}

// rest is what remains of a body of which something was read, with the error that ended it.
type rest struct {
	io.Reader
	err error
}

func (r *rest) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	return r.Reader.Read(p)
}

func (x *exchange) apiKey() {
	if x.op.keyHeader == "" {
		return
	}
	if keys := x.r.Header.Values(x.op.keyHeader); len(keys) != 1 || keys[0] == "" {
		x.find(ruleKey, "header "+x.op.keyHeader, x.op.keyLine, "one API key", nil)
	}
}

// largest is how much of a body is looked at, unless its operation takes more.
const largest = 8 << 20

// read takes the response's body, checks everything, and puts the body back.
func (x *exchange) read(response *http.Response) {
	if x.notifies {
		x.taken(response.StatusCode)
		return
	}
	var err error
	x.response, x.received.most = response, largest
	x.received.body, err = take(&response.Body, response.ContentLength, largest)
	x.check(err)
}

// take reads a body, of which the length may be known, up to most, and puts it back.
func take(from *io.ReadCloser, length, most int64) ([]byte, error) {
	body := *from
	if body == nil || body == http.NoBody {
		return nil, nil
	}
	var text bytes.Buffer
	text.Grow(int(min(max(length, 0), most)) + bytes.MinRead)
	_, err := text.ReadFrom(io.LimitReader(body, most))
	*from = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(text.Bytes()), &rest{body, err}), body}
	return text.Bytes(), err
}

// check holds the response to everything.
func (x *exchange) check(readError error) {
	status := x.response.StatusCode
	response, where := x.declared()
	x.keyEchoedInHeaders()
	x.headers(response, where)
	if readError != nil {
		x.find(ruleCut, "", where, "the whole body", nil)
		return
	}
	readable := x.decode(&x.received, x.response.Header, where)
	if x.r.Method == http.MethodHead || response == nil {
		x.keyEchoed()
		return
	}
	if readable {
		x.content(response, where)
	}
	x.keyEchoed()
	x.internals(where)
	x.across(where)
	if x.op == nil {
		return
	}
	if x.wrong && status/100 == 2 {
		x.find(ruleAccepted, "status", line(x.op.Origin), "a refusal of what isn't described", status)
	}
	twice := len(x.r.Header.Values(x.op.keyHeader)) > 1
	refused := status == http.StatusUnauthorized || status == http.StatusRequestEntityTooLarge ||
		status == http.StatusTooManyRequests || status >= 500 || twice && status == http.StatusBadRequest
	if x.op.keyHeader != "" && x.key == "" && !refused {
		x.find(ruleMissingKey, "status", x.op.keyLine, "401, as the key is missing", status)
	}
	x.history(where)
}

// declared returns how the response is described. What leads to no operation is described by the 404.
func (x *exchange) declared() (*openapi3.Response, int) {
	status := x.response.StatusCode
	if x.op != nil {
		where := fieldLine(x.op.Responses.Origin, fmt.Sprint(status))
		ref := x.op.Responses.Status(status)
		if ref == nil {
			ref = x.op.Responses.Default()
		}
		if ref == nil {
			x.find(ruleStatus, "status", where, "one of "+strings.Join(statuses(x.op), ", "), status)
			return nil, where
		}
		return ref.Value, line(ref.Value.Origin)
	}
	some := x.c.usual
	where := line(x.c.doc.Paths.Origin)
	response := some.Responses.Status(status)
	busy := status == http.StatusTooManyRequests || status >= 500 || status == http.StatusRequestEntityTooLarge
	switch {
	case busy && response != nil:
		return response.Value, line(response.Value.Origin)
	case x.path == nil && status != http.StatusNotFound:
		x.find(ruleUnrouted, "status", where, "404, as the path is not described", status)
	case x.path != nil && status != http.StatusMethodNotAllowed:
		x.find(ruleUnrouted, "status", line(x.path.item.Origin), "405, as the path has no such method", status)
	case x.path != nil && !allows(x.response.Header, x.allow):
		x.find(ruleUnrouted, "header Allow", line(x.path.item.Origin), strings.Join(x.allow, ", "), x.response.Header.Get("Allow"))
	}
	if status < 400 {
		return nil, where
	}
	notFound := some.Responses.Status(http.StatusNotFound)
	if notFound == nil {
		return nil, where
	}
	return notFound.Value, line(notFound.Value.Origin)
}

func statuses(op *operation) []string { return slices.Sorted(maps.Keys(op.Responses.Map())) }

// allows reports whether Allow names all these methods. It may have more, such as OPTIONS.
func allows(header http.Header, methods []string) bool {
	var allowed []string
	for part := range strings.SplitSeq(strings.Join(header.Values("Allow"), ","), ",") {
		allowed = append(allowed, strings.TrimSpace(part))
	}
	for _, method := range methods {
		if !slices.Contains(allowed, method) {
			return false
		}
	}
	return true
}

// traceHeader carries the id under which the server's log has the call.
const traceHeader = "X-Trace-Id"

func (x *exchange) headers(response *openapi3.Response, where int) {
	declared := openapi3.Headers{}
	if response != nil {
		for name, ref := range response.Headers {
			declared[http.CanonicalHeaderKey(name)] = ref
		}
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		header, values := declared[name].Value, x.response.Header.Values(name)
		switch {
		case len(values) == 0 && name == traceHeader:
			x.find(ruleTraceMissing, "header "+name, line(header.Origin), "this header in every response", nil)
		case len(values) == 0 && header.Required:
			x.find(ruleHeaderMissing, "header "+name, line(header.Origin), "this header with this status", nil)
		case len(values) > 1:
			x.find(ruleHeaderRepeated, "header "+name, line(header.Origin), "this header once", nil)
		case len(values) == 1:
			x.text(ruleHeaderValue, "header "+name, header.Schema, values[0])
		}
	}
	if len(x.response.Header.Values("Content-Type")) > 1 {
		x.find(ruleHeaderRepeated, "header Content-Type", where, "this header once", nil)
	}
	x.traced()
	if response == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(x.response.Header)) {
		name = http.CanonicalHeaderKey(name)
		if declared[name] == nil && !slices.Contains(usualHeaders, name) && !slices.Contains(x.c.headers, name) {
			x.find(ruleHeaderUndeclared, "header "+name, where, "no header that isn't declared", strings.Join(x.response.Header.Values(name), ", "))
		}
	}
}

// content holds the body to media type and schema.
func (x *exchange) content(response *openapi3.Response, where int) {
	described, empty := len(response.Content) > 0, len(x.received.body) == 0
	switch {
	case described && empty:
		x.find(ruleEmpty, "", where, "a body of "+strings.Join(slices.Sorted(maps.Keys(response.Content)), " or "), nil)
	case described:
		x.typed(&x.received, ruleMediaType, x.response.Header.Get("Content-Type"), response.Content, where)
	case !empty:
		x.find(ruleEmpty, "", where, "no body", nil)
	}
}

// typed holds a body to its media type, and to the schema that this type has.
func (x *exchange) typed(m *message, rule, written string, content openapi3.Content, where int) {
	kind, options, err := mime.ParseMediaType(written)
	media := content[kind]
	charset := options["charset"]
	if err != nil || media == nil || charset != "" && !strings.EqualFold(charset, "utf-8") {
		x.find(rule, "header Content-Type", where, strings.Join(slices.Sorted(maps.Keys(content)), " or "), written)
	}
	if media == nil {
		return // whatever it is, it isn't read as JSON
	}
	value, ok, defects, fractions := strict(m.body)
	for _, d := range defects {
		x.find(d.rule, m.at(d.pointer), where, d.expected, nil)
	}
	m.value, m.parsed, m.fractions = value, ok, fractions
	if ok {
		x.schema(m, media.Schema)
		x.walk(m, "", media.Schema, value)
	}
}

// schema reports every part of a body that its schema refuses.
func (x *exchange) schema(m *message, ref *openapi3.SchemaRef) {
	var report func(error)
	report = func(err error) {
		var (
			several openapi3.MultiError
			broken  *openapi3.SchemaError
		)
		switch {
		case err == nil:
		case errors.As(err, &several):
			for _, one := range several {
				report(one)
			}
		case errors.As(err, &broken):
			if broken.SchemaField == "properties" {
				return // walk says which one it is
			}
			pointer := ""
			for _, part := range broken.JSONPointer() {
				pointer += "/" + escape(part)
			}
			shown := broken.Value
			if broken.SchemaField == "required" {
				shown = nil
			}
			x.find(ruleOf(broken.SchemaField), m.at(pointer), fieldLine(broken.Schema.Origin, broken.SchemaField), inWords(broken.Schema, broken.SchemaField), shown)
		default:
			x.find(ruleValue, m.at(""), line(ref.Value.Origin), "a value that its schema describes", nil)
		}
	}
	report(ref.Value.VisitJSON(m.value, openapi3.MultiErrors()))
}

// walk looks for what schemas let pass: fields that they don't have, times that never were, and integers with a
// fraction, which are none (OpenAPI 3.0, Data Types). It collects the objects that are followed.
func (x *exchange) walk(m *message, pointer string, ref *openapi3.SchemaRef, value any) {
	if ref == nil || ref.Value == nil {
		return
	}
	schema := ref.Value
	switch value := value.(type) {
	case map[string]any:
		if len(schema.AllOf)+len(schema.AnyOf)+len(schema.OneOf) > 0 || schema.Type == nil || !schema.Type.Is(openapi3.TypeObject) {
			return
		}
		if name := component(ref); followed[name] != nil {
			m.objects = append(m.objects, object{name, pointer, value})
		}
		x.satisfiable(m.at(pointer), component(ref), line(schema.Origin), value)
		room := schema.AdditionalProperties.Has
		for _, name := range slices.Sorted(maps.Keys(value)) {
			below := pointer + "/" + escape(name)
			property := schema.Properties[name]
			switch {
			case property != nil && component(property) == "Image":
				value[name] = x.photo(m.at(below), property.Value, value[name])
			case property != nil:
				x.walk(m, below, property, value[name])
			case !m.open || room != nil && !*room:
				x.find(ruleUndeclared, m.at(below), line(schema.Origin), "no field that isn't described", nil)
			}
		}
	case []any:
		if m == &x.received && schema.Items != nil {
			x.distinct(pointer, component(schema.Items), line(schema.Origin), value)
		}
		for i, item := range value {
			x.walk(m, fmt.Sprintf("%s/%d", pointer, i), schema.Items, item)
		}
	case float64:
		if schema.Type.Is(openapi3.TypeInteger) && m.fractions[pointer] { // 54.0: readers into whole numbers refuse it
			x.find(ruleType, m.at(pointer), fieldLine(schema.Origin, "type"), "a whole number without a fraction or an exponent", value)
		}
	case string:
		if value == "" && m == &x.received {
			x.find(ruleTextEmpty, pointer, line(schema.Origin), "a text that is not empty, or no such field", nil)
		}
		if component(ref) == "Timestamp" {
			x.moment(m.at(pointer), line(schema.Origin), value)
		}
	}
}

// photo looks at a photo, and keeps no more of it than a hash: it is large, and the same however it is written.
func (x *exchange) photo(pointer string, schema *openapi3.Schema, value any) any {
	written, ok := value.(string)
	if !ok {
		return value // its schema says it
	}
	var read api.Image
	quoted, err := json.Marshal(written)
	if err != nil || read.UnmarshalJSON(quoted) != nil {
		x.find(ruleValue, pointer, line(schema.Origin), "base64, by itself or as a data URI", nil)
	}
	return fmt.Sprintf("%x", sha256.Sum256(read.Content))
}

// shortestKey is how long a key must be for its appearance to be no accident.
const shortestKey = 8

func (x *exchange) keyEchoedInHeaders() {
	if len(x.key) < shortestKey {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(x.response.Header)) {
		if strings.Contains(strings.Join(x.response.Header[name], "\n"), x.key) {
			x.find(ruleEchoed, "header "+name, x.c.usual.keyLine, "no trace of the API key", nil)
		}
	}
}

func (x *exchange) keyEchoed() {
	if len(x.key) < shortestKey {
		return
	}
	before := len(x.findings)
	x.keyWithin("", x.received.value)
	if len(x.findings) == before && bytes.Contains(x.received.body, []byte(x.key)) {
		x.find(ruleEchoed, "", x.c.usual.keyLine, "no trace of the API key", nil)
	}
}

func (x *exchange) keyWithin(pointer string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			x.keyWithin(pointer+"/"+escape(name), value[name])
		}
	case []any:
		for i, item := range value {
			x.keyWithin(fmt.Sprintf("%s/%d", pointer, i), item)
		}
	case string:
		if strings.Contains(value, x.key) {
			x.find(ruleEchoed, pointer, x.c.usual.keyLine, "no trace of the API key", nil)
		}
	}
}
