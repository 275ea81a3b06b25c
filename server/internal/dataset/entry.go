package dataset

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/cryptomate-go/enablement/gen/api"
)

// value is what an entry holds.
type value interface {
	id() string
	// check holds the value to the rules. given has the fields that the entry gives a value.
	check(given map[string]int64) []fault
	complete(at api.Timestamp)
}

// fault is what is wrong with a field, such as address.city; the whole entry where it names none.
type fault struct {
	field, reason string
	offset        int64
}

// Error implements error.
func (f fault) Error() string {
	if f.field == "" {
		return f.reason
	}
	return f.field + ": " + f.reason
}

func byOffset(a, b fault) int { return cmp.Compare(a.offset, b.offset) }

// stream reads a part of the file.
type stream struct {
	*jsontext.Decoder
	meter *meter
	from  int64
}

// meter ends a read that goes on for too long: a decoder keeps all of a value in memory.
type meter struct {
	r    io.Reader
	left int64
}

// Read implements [io.Reader].
func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, errField
	}
	n, err := m.r.Read(p[:min(int64(len(p)), m.left)])
	m.left -= int64(n)
	return n, err
}

// from reads names that stand twice and bytes that are no UTF-8, too: a field is held to those rules when it is
// decoded, so that what comes after it can be read.
func (f *File) from(offset int64) *stream {
	m := &meter{io.NewSectionReader(f.text, offset, f.text.Size()-offset), maxField}
	return &stream{jsontext.NewDecoder(m, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)), m, offset}
}

// PeekKind tells what comes next.
func (s *stream) PeekKind() jsontext.Kind {
	s.meter.left = maxField
	return s.Decoder.PeekKind()
}

// next reads a whole value. It is good until something else is read.
func (s *stream) next(limit int64) (jsontext.Value, error) {
	s.meter.left = limit
	v, err := s.ReadValue()
	if err == nil && int64(len(v)) > limit {
		return nil, errField
	}
	return v, err
}

// skip reads past a value, whatever it is.
func (s *stream) skip() error {
	if kind := s.PeekKind(); kind != jsontext.KindBeginObject && kind != jsontext.KindBeginArray {
		_, err := s.next(maxField)
		return err
	}
	for depth, first := s.StackDepth(), true; first || s.StackDepth() > depth; first = false {
		s.PeekKind()
		if _, err := s.ReadToken(); err != nil {
			return err
		}
	}
	return nil
}

// begin is where in the file what comes next begins.
func (s *stream) begin() int64 {
	s.PeekKind()
	unread := s.UnreadBuffer()
	return s.offset() + int64(len(unread)-len(bytes.TrimLeft(unread, ",: \t\r\n")))
}

// offset is where in the file what was read last ends.
func (s *stream) offset() int64 { return s.from + s.InputOffset() }

// object is what was found of an entry.
type object struct {
	begin  int64
	places map[string]int64 // of the fields that have a value
	faults []fault
	cut    bool // the file can't be read any further
}

// readList reads and checks the entries of a list.
func (f *File) readList(s *stream, k kind, visit func(Entry, *object) error) error {
	f.begins[k.list] = s.begin()
	if _, err := s.ReadToken(); err != nil {
		return err
	}
	count := 0
	for s.PeekKind() != jsontext.KindEndArray {
		e := Entry{List: k.list, Index: count, Value: k.new(), file: f}
		o, err := f.readEntry(s, e.Value.(value))
		if err != nil {
			return err
		}
		e.begin = o.begin
		if err := visit(e, o); err != nil {
			return err
		}
		count++
	}
	f.counts[k.list] = count
	_, err := s.ReadToken()
	return err
}

// readEntry reads an object field by field, so that each faulty field can be named. An error is one of
// reading the file.
func (f *File) readEntry(s *stream, v value) (*object, error) {
	o := &object{begin: s.begin(), places: map[string]int64{}}
	if s.PeekKind() != jsontext.KindBeginObject {
		if err := s.skip(); err != nil {
			return o, f.cut(s, "", err, o)
		}
		o.faults = []fault{{"", "must be an object", o.begin}}
		return o, nil
	}
	field, err := f.readFields(s, v, level{"", "{", "}"}, o)
	if err != nil {
		return o, f.cut(s, field, err, o)
	}
	if o.cut { // without the fields that were not read
		return o, nil
	}
	for _, found := range v.check(o.places) {
		if !slices.ContainsFunc(o.faults, func(known fault) bool { return known.field == found.field }) {
			outer, _, _ := strings.Cut(found.field, ".")
			found.offset = cmp.Or(o.places[outer], o.begin)
			o.faults = append(o.faults, found)
		}
	}
	slices.SortStableFunc(o.faults, byOffset)
	return o, nil
}

// level is where in an entry a field stands: what is before its name and behind its value there.
type level struct{ path, before, behind string }

// readFields reads the fields of an object into v, up to more faulty ones than are told. It names the one that
// it can't read.
func (f *File) readFields(s *stream, v value, in level, o *object) (field string, err error) {
	if _, err := s.ReadToken(); err != nil {
		return "", err
	}
	seen := map[string]bool{}
	for s.PeekKind() != jsontext.KindEndObject {
		if field, err = f.readField(s, v, in, seen, o); err != nil {
			return field, err
		}
		if len(o.faults) > mostFaults {
			o.cut = true
			return "", nil
		}
	}
	_, err = s.ReadToken()
	return "", err
}

// readField reads the next field into v, and notes its place if it has a value. Where it is an object with a
// fault inside, that is read field by field, too.
func (f *File) readField(s *stream, v value, in level, seen map[string]bool, o *object) (field string, err error) {
	quoted, err := s.next(maxField)
	if err != nil {
		return "", err
	}
	name, _ := jsontext.AppendUnquote(nil, quoted)
	field = string(name)
	begin := s.offset() - int64(len(quoted))
	text := slices.Concat([]byte(in.before), quoted, []byte(":")) // a copy: the next read overwrites it
	limit := int64(maxField)
	if strings.HasPrefix(field, "image_") {
		limit = maxImage
	}
	content, err := s.next(limit)
	if err != nil {
		return field, err
	}
	inside := s.offset() - int64(len(content))
	if seen[field] {
		o.faults = append(o.faults, fault{in.path + plain(field), "this field stands twice", begin})
		return field, nil
	}
	seen[field] = true
	before := len(text)
	text = slices.Concat(text, content, []byte(in.behind))
	var failed *api.JSONError
	if !errors.As(api.DecodeClosedJSON(text, v), &failed) {
		if in.path == "" && content.Kind() != jsontext.KindNull {
			o.places[field] = begin
		}
		return field, nil
	}
	if in.path == "" && content.Kind() == jsontext.KindBeginObject && strings.Count(failed.Pointer, "/") > 1 {
		o.places[field] = begin
		_, err := f.readFields(f.from(inside), v, level{plain(field) + ".", string(text[:before]) + "{", "}}"}, o)
		return field, err
	}
	place := begin
	switch {
	case failed.Offset >= int64(before):
		place = inside + failed.Offset - int64(before)
	case !failed.Unknown:
		place = begin + failed.Offset - int64(len(in.before))
	}
	o.faults = append(o.faults, fault{fieldOf(failed.Pointer), failed.Reason, place})
	return field, nil
}

// cut adds what ended the reading of an entry to its faults.
func (f *File) cut(s *stream, field string, err error, o *object) error {
	o.cut = true
	if errors.Is(err, errField) {
		o.faults = append(o.faults, fault{plain(field), tooLarge, s.offset()})
		return nil
	}
	failed, ok := f.syntax(s, err)
	if !ok {
		return err
	}
	if parts := strings.SplitN(failed.Pointer, "/", 4); len(parts) == 4 && s.from == f.start { // "", list, index, field
		field = fieldOf("/" + parts[3])
	}
	o.faults = append(o.faults, fault{field, failed.Reason, failed.Offset})
	return nil
}

// syntax is what a decoder found that is no failure of the file's.
func (f *File) syntax(s *stream, err error) (*api.JSONError, bool) {
	var syntactic *jsontext.SyntacticError
	if !errors.As(err, &syntactic) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, false
	}
	return api.ExplainJSON(err, f.text, s.from), true
}

// explain says what is wrong between the entries, and where: nowhere, below 0, if the text is not at fault.
func (f *File) explain(s *stream, err error) (int64, error) {
	if errors.Is(err, errField) {
		return s.offset(), fmt.Errorf("a value %s; %s", tooLarge, shape)
	}
	failed, ok := f.syntax(s, err)
	if !ok {
		return -1, err
	}
	text := failed.Reason
	if failed.Pointer != "" {
		text = fieldOf(failed.Pointer) + ": " + text
	}
	if failed.Line > 0 {
		text += " (" + f.place(failed.Offset) + ")"
	}
	return failed.Offset, fmt.Errorf("%s; %s", text, shape)
}

// place says where a byte of the file is. Lines are counted on from the one that was asked for last.
func (f *File) place(offset int64) string {
	if offset < f.line.begin {
		f.line.begin, f.line.before = 0, 0
	}
	rest := io.NewSectionReader(f.text, f.line.begin, f.text.Size()-f.line.begin)
	at := api.ExplainJSON(&jsontext.SyntacticError{ByteOffset: offset - f.line.begin}, rest, 0)
	f.line.before += at.Line - 1
	f.line.begin = offset - int64(at.Column-1)
	return fmt.Sprintf("line %d, column %d", f.line.before+1, at.Column)
}

// fieldOf writes a JSON pointer as people write a field, such as address.city.
func fieldOf(pointer string) string {
	const deepest = 5
	var names []string
	for name := range jsontext.Pointer(pointer).Tokens() {
		if len(names) == deepest {
			return strings.Join(names, ".") + "…"
		}
		names = append(names, plain(name))
	}
	return strings.Join(names, ".")
}

// plain is a name of a field that may hold anything: it goes to a terminal.
func plain(name string) string {
	if name == "" || idForm.MatchString(name) {
		return name
	}
	const longest = 40
	if r := []rune(name); len(r) > longest {
		name = string(r[:longest]) + "…"
	}
	return strconv.QuoteToASCII(name)
}
