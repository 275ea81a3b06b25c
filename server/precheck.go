package server

import (
	"bytes"
	"math"
	"net/http"
	"reflect"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
)

// The checks in this file accept what surely is as described, fast and without garbage. Their no
// means nothing: kin-openapi, which knows all of the specification, decides then, and has the words
// for what is wrong. They are made once, from the description. Where that uses more of the
// specification than they know there is no check, and kin-openapi decides always.

// requestCheck is for an operation whose requests are no more than texts in the path and in headers.
type requestCheck struct {
	path    []namedCheck
	headers []namedCheck // by their canonical names
}

type namedCheck struct {
	name     string
	required bool
	text     *textCheck // in a reply, nil is one that can't be told
}

func newRequestCheck(route *routers.Route) *requestCheck {
	if route.Operation.RequestBody != nil {
		return nil
	}
	check := &requestCheck{}
	for _, ref := range slices.Concat(route.PathItem.Parameters, route.Operation.Parameters) {
		parameter := ref.Value
		text := newTextCheck(parameter.Schema)
		if text == nil || !isPlain(parameter) {
			return nil
		}
		switch parameter.In {
		case openapi3.ParameterInPath:
			check.path = append(check.path, namedCheck{parameter.Name, true, text})
		case openapi3.ParameterInHeader:
			check.headers = append(check.headers, namedCheck{http.CanonicalHeaderKey(parameter.Name), parameter.Required, text})
		default:
			return nil
		}
	}
	return check
}

// isPlain tells whether a text in the path or in a header stands there as it is.
func isPlain(p *openapi3.Parameter) bool {
	return p.Content == nil && !p.AllowEmptyValue && (p.Style == "" || p.Style == openapi3.SerializationSimple)
}

// accepts is for a request whose headers were found to be sent once at most.
func (c *requestCheck) accepts(r *http.Request) bool {
	if c == nil {
		return false
	}
	for i := range c.path {
		// An empty one may be one that the path doesn't have.
		if value := r.PathValue(c.path[i].name); value == "" || !acceptsText(c.path[i].text, value) {
			return false
		}
	}
	return acceptHeaders(c.headers, r.Header)
}

// acceptHeaders leaves a header without a value, or with several, to kin-openapi.
func acceptHeaders(checks []namedCheck, header http.Header) bool {
	for i := range checks {
		c := &checks[i]
		values, found := header[c.name]
		if !found && !c.required {
			continue
		}
		if len(values) != 1 || c.text == nil || !acceptsText(c.text, values[0]) {
			return false
		}
	}
	return true
}

// replyCheck is for replies of one status, in JSON.
type replyCheck struct {
	headers []namedCheck
	body    *jsonCheck
}

// mediaTypeJSON is the one media type that replies are checked in.
const mediaTypeJSON = "application/json"

// newReplyChecks returns those that there are, by status.
func newReplyChecks(described *openapi3.Operation) map[int]*replyCheck {
	checks := make(map[int]*replyCheck)
	for key, response := range described.Responses.Map() {
		status, err := strconv.Atoi(key) // default, or a range such as 4XX
		if err != nil {
			continue
		}
		if check := newReplyCheck(response.Value); check != nil {
			checks[status] = check
		}
	}
	return checks
}

func newReplyCheck(described *openapi3.Response) *replyCheck {
	content := described.Content[mediaTypeJSON]
	if content == nil || content.Encoding != nil {
		return nil
	}
	check := &replyCheck{body: newJSONCheck(content.Schema, nil)}
	if check.body == nil {
		return nil
	}
	for name, header := range described.Headers {
		named := namedCheck{name: http.CanonicalHeaderKey(name), required: header.Value.Required}
		if isPlain(&header.Value.Parameter) {
			named.text = newTextCheck(header.Value.Schema)
		}
		check.headers = append(check.headers, named)
	}
	return check
}

func (c *replyCheck) accepts(header http.Header, body []byte) bool {
	if c == nil {
		return false
	}
	if types := header["Content-Type"]; len(types) != 1 || types[0] != mediaTypeJSON {
		return false
	}
	if !acceptHeaders(c.headers, header) {
		return false
	}
	text := scanner{text: body}
	return c.body.accepts(&text) && text.end()
}

// textCheck is for a string.
type textCheck struct {
	shortest, longest int
	characters        *[asciiSize]bool
	pattern           *automaton // nil takes any
	enum              []string   // nil takes any
}

// ascii is all characters that a check may take.
var ascii = func() (all [asciiSize]bool) {
	for b := range all {
		all[b] = true
	}
	return all
}()

func newTextCheck(ref *openapi3.SchemaRef) *textCheck {
	if ref == nil || ref.Value == nil || !ref.Value.Type.Is(openapi3.TypeString) {
		return nil
	}
	schema, rest := ref.Value, unread(ref.Value)
	rest.MinLength, rest.MaxLength, rest.Pattern, rest.Enum = 0, nil, "", nil
	if !isZero(rest) || schema.MinLength > math.MaxInt32 {
		return nil
	}
	check := &textCheck{shortest: int(schema.MinLength), longest: math.MaxInt32, characters: &ascii}
	if schema.MaxLength != nil {
		check.longest = int(min(*schema.MaxLength, math.MaxInt32))
	}
	if schema.Pattern != "" && !check.readPattern(schema.Pattern) {
		return nil
	}
	for _, value := range schema.Enum {
		text, ok := value.(string)
		if !ok {
			return nil
		}
		check.enum = append(check.enum, text)
	}
	return check
}

// readPattern returns false for a pattern that it can't check.
func (c *textCheck) readPattern(pattern string) bool {
	parsed, err := syntax.Parse(pattern, syntax.Perl)  // as package regexp does
	if err != nil || strings.Contains(pattern, `\u`) { // which kin-openapi rewrites
		return false
	}
	if characters, shortest, longest := runOf(parsed); characters != nil {
		c.characters = characters
		c.shortest = max(c.shortest, shortest)
		if longest >= 0 {
			c.longest = min(c.longest, longest)
		}
		return true
	}
	c.pattern = newAutomaton(parsed)
	return c.pattern != nil
}

// runOf reads a pattern that is no more than a number of characters out of a set, as in ^[a-z]{1,9}$.
// A longest of -1 is none.
func runOf(parsed *syntax.Regexp) (characters *[asciiSize]bool, shortest, longest int) {
	if parsed.Op != syntax.OpConcat || len(parsed.Sub) != 3 ||
		parsed.Sub[0].Op != syntax.OpBeginText || parsed.Sub[2].Op != syntax.OpEndText {
		return nil, 0, 0
	}
	run := parsed.Sub[1]
	switch run.Op {
	case syntax.OpPlus:
		shortest, longest = 1, -1
	case syntax.OpRepeat:
		shortest, longest = run.Min, run.Max
	default:
		return nil, 0, 0
	}
	set := run.Sub[0]
	if set.Op != syntax.OpCharClass {
		return nil, 0, 0
	}
	characters = new([asciiSize]bool)
	for i := 0; i < len(set.Rune); i += 2 {
		for r := set.Rune[i]; r <= min(set.Rune[i+1], asciiSize-1); r++ {
			characters[r] = true
		}
	}
	return characters, shortest, longest
}

// unread is a schema without its type, which the check is chosen by, and without what only tells
// people something.
func unread(schema *openapi3.Schema) openapi3.Schema {
	rest := *schema
	rest.Type = nil
	rest.Title, rest.Description, rest.Example, rest.Extensions, rest.Origin = "", "", nil, nil, nil
	return rest
}

func isZero(schema openapi3.Schema) bool { return reflect.ValueOf(schema).IsZero() }

// acceptsText takes ASCII only, whose bytes are characters.
func acceptsText[T string | []byte](c *textCheck, text T) bool {
	if len(text) < c.shortest || len(text) > c.longest {
		return false
	}
	for i := range len(text) {
		if b := text[i]; b >= asciiSize || !c.characters[b] {
			return false
		}
	}
	if c.pattern != nil && !matches(c.pattern, text) {
		return false
	}
	if c.enum == nil {
		return true
	}
	for _, value := range c.enum {
		if value == string(text) {
			return true
		}
	}
	return false
}

// jsonCheck is for a value in JSON: a string, a boolean, an object or an array.
type jsonCheck struct {
	text       *textCheck
	boolean    bool
	properties []propertyCheck // nil: no object
	required   uint64          // a bit for each property
	items      *jsonCheck
}

type propertyCheck struct {
	name  string
	value *jsonCheck
}

// newJSONCheck returns nil for what it doesn't know, and so for a schema that is part of itself: one
// of those above it.
func newJSONCheck(ref *openapi3.SchemaRef, above []*openapi3.Schema) *jsonCheck {
	if ref == nil || ref.Value == nil || slices.Contains(above, ref.Value) {
		return nil
	}
	schema, rest := ref.Value, unread(ref.Value)
	above = append(above, schema)
	switch {
	case schema.Type.Is(openapi3.TypeString):
		if text := newTextCheck(ref); text != nil {
			return &jsonCheck{text: text}
		}
	case schema.Type.Is(openapi3.TypeBoolean):
		if isZero(rest) {
			return &jsonCheck{boolean: true}
		}
	case schema.Type.Is(openapi3.TypeArray):
		rest.Items = nil
		if items := newJSONCheck(schema.Items, above); items != nil && isZero(rest) {
			return &jsonCheck{items: items}
		}
	case schema.Type.Is(openapi3.TypeObject):
		rest.Properties, rest.Required = nil, nil
		if isZero(rest) {
			return newObjectCheck(schema, above)
		}
	}
	return nil
}

func newObjectCheck(schema *openapi3.Schema, above []*openapi3.Schema) *jsonCheck {
	if len(schema.Properties) == 0 || len(schema.Properties) > 64 {
		return nil
	}
	check := &jsonCheck{}
	for name, property := range schema.Properties {
		value := newJSONCheck(property, above)
		if value == nil {
			return nil
		}
		if slices.Contains(schema.Required, name) {
			check.required |= 1 << len(check.properties)
		}
		check.properties = append(check.properties, propertyCheck{name, value})
	}
	for _, name := range schema.Required {
		if schema.Properties[name] == nil {
			return nil
		}
	}
	return check
}

// accepts takes a value off the text.
func (c *jsonCheck) accepts(s *scanner) bool {
	switch {
	case c.text != nil:
		value, ok := s.string()
		return ok && acceptsText(c.text, value)
	case c.boolean:
		return s.literal("true") || s.literal("false")
	case c.items != nil:
		return c.acceptsArray(s)
	default:
		return c.acceptsObject(s)
	}
}

func (c *jsonCheck) acceptsArray(s *scanner) bool {
	if !s.mark('[') {
		return false
	}
	if s.mark(']') {
		return true
	}
	for c.items.accepts(s) {
		if s.mark(']') {
			return true
		}
		if !s.mark(',') {
			return false
		}
	}
	return false
}

func (c *jsonCheck) acceptsObject(s *scanner) bool {
	if !s.mark('{') {
		return false
	}
	if s.mark('}') {
		return c.required == 0
	}
	var seen uint64
	for {
		name, ok := s.string()
		i := c.property(name)
		if !ok || i < 0 || seen&(1<<i) != 0 { // which of two counts is not for this to say
			return false
		}
		seen |= 1 << i
		if !s.mark(':') || !c.properties[i].value.accepts(s) {
			return false
		}
		if s.mark('}') {
			return seen&c.required == c.required
		}
		if !s.mark(',') {
			return false
		}
	}
}

// property returns the index of a property, or -1.
func (c *jsonCheck) property(name []byte) int {
	for i := range c.properties {
		if c.properties[i].name == string(name) {
			return i
		}
	}
	return -1
}

// scanner reads JSON. Each method skips space, and moves on only if it finds what it is for.
type scanner struct {
	text []byte
	at   int
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\n', '\t', '\r':
			s.at++
		default:
			return
		}
	}
}

// end finds the end of the text.
func (s *scanner) end() bool {
	s.space()
	return s.at == len(s.text)
}

// mark finds one of the characters between values.
func (s *scanner) mark(b byte) bool {
	s.space()
	if s.at == len(s.text) || s.text[s.at] != b {
		return false
	}
	s.at++
	return true
}

func (s *scanner) literal(word string) bool {
	s.space()
	if !bytes.HasPrefix(s.text[s.at:], []byte(word)) {
		return false
	}
	s.at += len(word)
	return true
}

// string finds only a string that stands there as it is, in ASCII.
func (s *scanner) string() (value []byte, ok bool) {
	if !s.mark('"') {
		return nil, false
	}
	rest := s.text[s.at:]
	for i, b := range rest {
		if verbatim[b] {
			continue
		}
		s.at += i + 1
		return rest[:i], b == '"'
	}
	return nil, false
}

// verbatim are the characters that stand in a string as they are.
var verbatim = func() (are [256]bool) {
	for b := ' '; b < asciiSize; b++ {
		are[b] = b != '"' && b != '\\'
	}
	return are
}()
