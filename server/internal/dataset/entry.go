package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
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

// mostFaults is how many faults of one entry are told.
const mostFaults = 10

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

func (f *File) from(offset int64) *stream {
	m := &meter{io.NewSectionReader(f.text, offset, f.text.Size()-offset), maxField}
	return &stream{jsontext.NewDecoder(m), m, offset}
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

// offset is where in the file what was read last ends.
func (s *stream) offset() int64 { return s.from + s.InputOffset() }

// readList reads and checks the entries of a list, up to one with a fault.
func (f *File) readList(s *stream, k kind, yield func(Entry) error) error {
	if s.PeekKind() != jsontext.KindBeginArray {
		other, err := s.next(maxField)
		if err != nil {
			return f.explain(s, err)
		}
		return fmt.Errorf("%s must be a list (%s)", k.list, f.place(s.offset()-int64(len(other))))
	}
	if _, err := s.ReadToken(); err != nil {
		return f.explain(s, err)
	}
	f.begins[k.list] = s.offset() - 1
	count := 0
	for s.PeekKind() != jsontext.KindEndArray {
		v := k.new()
		begin, faults, err := f.readEntry(s, v)
		e := Entry{List: k.list, Index: count, Value: v, place: func() string { return f.place(begin) }}
		if err != nil {
			return err
		}
		if len(faults) > 0 {
			e.place = nil // each fault has its own
			return e.Fault(f.join(faults))
		}
		v.complete(api.NewTimestamp(f.at))
		if err := yield(e); err != nil {
			return err
		}
		count++
	}
	f.counts[k.list] = count
	if _, err := s.ReadToken(); err != nil {
		return f.explain(s, err)
	}
	return nil
}

// readEntry reads an object field by field, so that each faulty field can be named. An error is one of
// reading the file.
func (f *File) readEntry(s *stream, v value) (begin int64, faults []fault, err error) {
	if s.PeekKind() != jsontext.KindBeginObject {
		other, err := s.next(maxField)
		if err == nil {
			faults = []fault{{"", "must be an object", s.offset() - int64(len(other))}}
			return 0, faults, nil
		}
		return f.cut(s, "", err, nil)
	}
	if _, err := s.ReadToken(); err != nil {
		return f.cut(s, "", err, nil)
	}
	begin = s.offset() - 1
	places := map[string]int64{}
	for s.PeekKind() != jsontext.KindEndObject {
		field, wrong, err := readField(s, v, places)
		if err != nil {
			return f.cut(s, field, err, faults)
		}
		if wrong != nil {
			faults = append(faults, *wrong)
		}
		if len(faults) > mostFaults {
			return begin, faults, nil
		}
	}
	if _, err := s.ReadToken(); err != nil {
		return f.cut(s, "", err, faults)
	}
	if len(faults) > 0 {
		return begin, faults, nil
	}
	faults = v.check(places)
	for i, fault := range faults {
		outer, _, _ := strings.Cut(fault.field, ".")
		faults[i].offset = cmp.Or(places[outer], begin)
	}
	return begin, faults, nil
}

// readField reads the next field into v, and notes its place if it has a value.
func readField(s *stream, v value, places map[string]int64) (field string, wrong *fault, err error) {
	quoted, err := s.next(maxField)
	if err != nil {
		return "", nil, err
	}
	name, _ := jsontext.AppendUnquote(nil, quoted)
	field = string(name)
	place := s.offset() - int64(len(quoted))
	text := append(append([]byte{'{'}, quoted...), ':') // a copy: the next read overwrites it
	limit := int64(maxField)
	if strings.HasPrefix(field, "image_") {
		limit = maxImage
	}
	content, err := s.next(limit)
	if err != nil {
		return field, nil, err
	}
	before := int64(len(text))
	text = append(append(text, content...), '}')
	var failed *api.JSONError
	if errors.As(api.DecodeClosedJSON(text, v), &failed) {
		if inside := failed.Offset - before; inside >= 0 {
			place = s.offset() - int64(len(content)) + inside
		}
		return field, &fault{fieldOf(failed.Pointer), failed.Reason, place}, nil
	}
	if content.Kind() != jsontext.KindNull {
		places[field] = place
	}
	return field, nil, nil
}

// cut adds what ended the reading of an entry to its faults.
func (f *File) cut(s *stream, field string, err error, faults []fault) (int64, []fault, error) {
	if errors.Is(err, errField) {
		return 0, append(faults, fault{plain(field), tooLarge, s.offset()}), nil
	}
	failed, ok := f.syntax(s, err)
	if !ok {
		return 0, nil, err
	}
	if parts := strings.SplitN(failed.Pointer, "/", 4); len(parts) == 4 && s.from == f.start { // "", list, index, field
		field = fieldOf("/" + parts[3])
	}
	return 0, append(faults, fault{field, failed.Reason, failed.Offset}), nil
}

// syntax is what a decoder found that is no failure of the file's.
func (f *File) syntax(s *stream, err error) (*api.JSONError, bool) {
	var syntactic *jsontext.SyntacticError
	if !errors.As(err, &syntactic) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, false
	}
	return api.ExplainJSON(err, f.text, s.from), true
}

// explain says what is wrong between the entries.
func (f *File) explain(s *stream, err error) error {
	if errors.Is(err, errField) {
		return fmt.Errorf("a value %s; %s", tooLarge, shape)
	}
	failed, ok := f.syntax(s, err)
	if !ok {
		return err
	}
	text := failed.Reason
	if failed.Pointer != "" {
		text = fieldOf(failed.Pointer) + ": " + text
	}
	if failed.Line > 0 {
		text += " (" + f.place(failed.Offset) + ")"
	}
	return fmt.Errorf("%s; %s", text, shape)
}

// join tells the faults of an entry in the order of the file.
func (f *File) join(faults []fault) error {
	slices.SortStableFunc(faults, func(a, b fault) int { return cmp.Compare(a.offset, b.offset) })
	var errs []error
	for i, fault := range faults {
		if i == mostFaults {
			errs = append(errs, errors.New("and more"))
			break
		}
		text := fault.reason
		if fault.field != "" {
			text = fault.field + ": " + text
		}
		errs = append(errs, fmt.Errorf("%s (%s)", text, f.place(fault.offset)))
	}
	return errors.Join(errs...)
}

// place says where a byte of the file is.
func (f *File) place(offset int64) string {
	at := api.ExplainJSON(&jsontext.SyntacticError{ByteOffset: offset}, f.text, 0)
	return fmt.Sprintf("line %d, column %d", at.Line, at.Column)
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

var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// plain is a name of a field that may hold anything: it goes to a terminal.
func plain(name string) string {
	if name == "" || plainName.MatchString(name) {
		return name
	}
	const longest = 40
	if r := []rune(name); len(r) > longest {
		name = string(r[:longest]) + "…"
	}
	return strconv.QuoteToASCII(name)
}
