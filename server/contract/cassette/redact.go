package cassette

import (
	"encoding/json"
	"maps"
	"math"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"
)

// redactor takes out what the specification marks as personal, keys, photos, and all that it doesn't know. With
// checks it takes out nothing, and says where something is that should have been.
type redactor struct {
	*description
	standIns *standIns
	removed  removed
	checks   bool
	again    bool   // replaces nothing, as it was done
	found    string // the first place with something that should not be there
}

// redact takes out of an exchange what must not be written. It goes over it twice, as what is removed somewhere may
// have been kept before.
func (r *redactor) redact(x *exchange) {
	r.pass(x)
	r.keepOnly(x)
}

// keepOnly takes out of what was kept of an exchange what was removed since.
func (r *redactor) keepOnly(x *exchange) {
	r.again = true
	r.pass(x)
	r.again = false
}

// pass goes over an exchange once. Where nothing is left to be taken out, it changes nothing.
func (r *redactor) pass(x *exchange) {
	op := r.find(x.Request.Method, pathOf(x.Request.Path))
	if !slices.Contains(methods, x.Request.Method) {
		x.Request.Method = r.wrong("request method", x.Request.Method)
	}
	described := r.response(op, x.Response.Status)
	r.body("request", &x.Request.message, op.sent())
	r.body("response", &x.Response.message, r.description.body(op, x.Response.Status))
	r.headers("request", x.Request.Header, func(name string) *openapi3.SchemaRef {
		if p := op.parameter(openapi3.ParameterInHeader, name); p != nil {
			return p.Schema
		}
		return nil
	})
	r.headers("response", x.Response.Header, func(name string) *openapi3.SchemaRef {
		if described != nil {
			for declared, ref := range described.Headers {
				if http.CanonicalHeaderKey(declared) == name {
					return ref.Value.Schema
				}
			}
		}
		return nil
	})
	x.Request.Path = r.target(op, x.Request.Path)
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"}

func pathOf(target string) string {
	path, _, _ := strings.Cut(target, "?")
	return path
}

// target redacts a path with its query. Of the path stays what the specification has, and ids that are as it says.
func (r *redactor) target(op *operation, target string) string {
	path, query, asks := strings.Cut(target, "?")
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		value, err := url.PathUnescape(segment)
		var schema *openapi3.SchemaRef
		if op != nil {
			if p := op.parameter(openapi3.ParameterInPath, strings.Trim(op.segments[i], "{}")); p != nil {
				schema = p.Schema
			}
		}
		switch {
		case segment == "" || r.literal(segment):
		case err != nil:
			segments[i] = r.wrong("request path", segment)
		default:
			segments[i] = url.PathEscape(r.fromText("request path", schema, value))
		}
	}
	target = strings.Join(segments, "/")
	if !asks {
		return target
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		var schema *openapi3.SchemaRef
		if p := op.parameter(openapi3.ParameterInQuery, name); p != nil {
			schema = p.Schema
		}
		if text, err := url.QueryUnescape(value); err == nil {
			value = text
		}
		pairs[i] = url.QueryEscape(r.fieldName("request query", name)) + "=" + url.QueryEscape(r.fromText("request query", schema, value))
	}
	return target + "?" + strings.Join(pairs, "&")
}

// usual has what is kept of headers that nobody described. It is ok only where they are as HTTP has them.
var usual = map[string]func(value string) (kept string, ok bool){
	"Allow": func(value string) (string, bool) {
		return value, strings.Trim(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ, ") == ""
	},
	"Content-Type": func(value string) (string, bool) {
		kind, options, err := mime.ParseMediaType(value)
		if charset := options["charset"]; charset != "" {
			return mime.FormatMediaType(kind, map[string]string{"charset": charset}), err == nil
		}
		return kind, err == nil
	},
	"Date": func(value string) (string, bool) {
		_, err := http.ParseTime(value)
		return value, err == nil
	},
}

// passing are headers that belong to a connection, or to a body as it was sent.
var passing = []string{"Connection", "Content-Encoding", "Content-Length", "Keep-Alive", "Trailer", "Transfer-Encoding"}

// secret are headers whose values are looked for elsewhere all the same.
var secret = []string{"Authorization", "Cookie", "Proxy-Authorization", "Set-Cookie"}

// headers redacts all headers. Of a request's those that nobody described are left out: they are a browser's or a
// library's own.
func (r *redactor) headers(of string, header http.Header, schema func(name string) *openapi3.SchemaRef) {
	for _, name := range slices.Sorted(maps.Keys(header)) { // in their order, so that stand-ins are the same every time
		values := header[name]
		described := schema(name)
		place := of + " header " + name
		if slices.Contains(secret, name) {
			for _, word := range strings.FieldsFunc(strings.Join(values, " "), func(c rune) bool { return strings.ContainsRune(" ;=,", c) }) {
				if !standIn.MatchString(word) {
					r.removed.add(word)
				}
			}
		}
		for i, value := range values {
			switch {
			case name == r.keyHeader:
				values[i] = r.replace(place, value, r.standIns.key)
			case described != nil:
				values[i] = r.fromText(place, described, value)
			default:
				values[i] = r.usual(place, name, value)
			}
		}
		if slices.Contains(passing, name) || of == "request" && name != r.keyHeader && described == nil && usual[name] == nil {
			if r.checks {
				r.reveal(place)
			}
			delete(header, name)
		}
	}
}

// usual redacts a header that nobody described. Its value isn't looked for elsewhere: it is nobody's.
func (r *redactor) usual(place, name, value string) string {
	kept := r.standIns.wrong(value)
	if keeps := usual[name]; keeps != nil {
		if usually, ok := keeps(value); ok {
			kept = r.keep(place, usually)
		}
	}
	if kept != value && r.checks {
		r.reveal(place)
	}
	return kept
}

// fromText redacts the value of a parameter or a header. One that nobody described, or that breaks its schema, goes.
func (r *redactor) fromText(place string, schema *openapi3.SchemaRef, text string) string {
	if schema == nil {
		return r.wrong(place, text)
	}
	var value any = text
	if schema.Value.Type.Is(openapi3.TypeInteger) {
		if number, err := strconv.ParseInt(text, 10, 64); err == nil {
			value = float64(number)
		}
	}
	switch {
	case personal(schema):
		return r.replace(place, text, func(text string) string { return r.fitting(schema, text) })
	case holds(schema, value):
		return r.keep(place, text)
	default:
		return r.wrong(place, text)
	}
}

// body redacts a body. One that isn't JSON goes as a whole.
func (r *redactor) body(of string, m *message, schema *openapi3.SchemaRef) {
	if len(m.Body) == 0 {
		return
	}
	if body, ok := walk(m.Body, of+" ", schema, r.leaf, r.fieldName); ok {
		m.Body = body
		return
	}
	m.remove(len(m.Body))
}

// leaf redacts text, a number or a boolean. What is not as its schema says is as unknown as what has none.
func (r *redactor) leaf(place string, schema *openapi3.SchemaRef, marked bool, raw jsontext.Value) jsontext.Value {
	var value any
	if json.Unmarshal(raw, &value) != nil || value == nil {
		return raw
	}
	fits := schema != nil && holds(schema, value)
	if fits && !marked {
		if text, ok := value.(string); ok && len(schema.Value.Enum) == 0 {
			if kept := r.keep(place, text); kept != text {
				return quote(kept)
			}
		}
		return raw
	}
	switch value := value.(type) {
	case bool:
		if value && r.checks {
			r.reveal(place)
		}
		return jsontext.Value("false")
	case float64:
		if value != math.Trunc(value) {
			return jsontext.Value(r.digits(place, string(raw)))
		}
		whole := r.digits(place, strconv.FormatFloat(value, 'f', -1, 64))
		if strings.ContainsAny(string(raw), ".eE") {
			whole += ".0" // the kit finds that it is written so
		}
		return jsontext.Value(whole)
	default:
		text, _ := value.(string)
		return quote(r.replace(place, text, func(text string) string {
			switch {
			case photo(schema):
				if standIn, ok := r.standIns.photo(raw); ok {
					return standIn
				}
				return r.standIns.wrong(text)
			case quoting(schema) && r.quoted[text]:
				return r.keep(place, text)
			case marked && schema != nil:
				return r.fitting(schema, text)
			case schema != nil:
				return r.standIns.wrong(text)
			default:
				return r.standIns.text(text)
			}
		}))
	}
}

func quote(text string) jsontext.Value {
	quoted, _ := jsontext.AppendQuote(nil, text) // only invalid UTF-8 is an error, and the decoder takes none
	return quoted
}

// fitting is a stand-in that fits a schema if the text does.
func (r *redactor) fitting(schema *openapi3.SchemaRef, text string) string {
	standIn := r.standIns.text(text)
	if holds(schema, text) || !holds(schema, standIn) {
		return standIn
	}
	return strings.TrimSuffix(standIn, "\x01") + "\x01" // a control character is nowhere allowed
}

// digits replaces a number. A stand-in of few digits, or with a fraction, can't be told from another number.
func (r *redactor) digits(place, value string) string {
	if r.again || r.checks && (!integer.MatchString(value) || len(value) <= 3) {
		return value
	}
	standIn := r.standIns.number(value)
	if standIn == value {
		return value
	}
	if r.checks {
		r.reveal(place)
	}
	r.removed.add(value)
	return standIn
}

// wrong replaces what is not as it was described.
func (r *redactor) wrong(place, text string) string { return r.replace(place, text, r.standIns.wrong) }

// replace gives a stand-in for a text, and has the text looked for from now on.
func (r *redactor) replace(place, text string, standIn func(string) string) string {
	replaced := standIn(text)
	if replaced == text {
		return text
	}
	if r.checks {
		r.reveal(place)
	}
	r.removed.add(text)
	return replaced
}

// reveal notes where something is that should have been taken out.
func (r *redactor) reveal(place string) {
	if r.found == "" {
		r.found = place
	}
}

// plain is the name of a field as programs have them.
var plain = regexp.MustCompile(`^[a-z][A-Za-z0-9_-]{0,63}$`)

// fieldName keeps the name of a field that nobody described only if it looks like one.
func (r *redactor) fieldName(place, field string) string {
	if plain.MatchString(field) {
		return r.keep(place, field)
	}
	return r.replace(place, field, r.standIns.name)
}

// keep returns what is kept, without what was removed anywhere. With checks it says where something is.
func (r *redactor) keep(place, text string) string {
	start, end := r.removed.in(text, 0)
	if start >= 0 && r.checks {
		r.reveal(place)
		return text
	}
	for start >= 0 {
		standIn := r.standIns.text(text[start:end])
		text = text[:start] + standIn + text[end:]
		start, end = r.removed.in(text, start+len(standIn))
	}
	return text
}
