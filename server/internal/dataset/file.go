package dataset

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/cryptomate-go/enablement/gen/api"
)

// What a file may hold. It is never in memory as a whole, only the field that is being read.
const (
	maxFile  = 16 << 30 // bytes
	maxField = 1 << 20  // bytes as they stand in the file
	maxImage = 16 << 20 // the same of a photo: base64 of [MaxImageBytes], with room for escapes
	headSize = 4 << 10
)

var (
	tooLarge = fmt.Sprintf("is too large: a text has at most %d characters, a photo %d MB", maxText, MaxImageBytes>>20)
	errField = errors.New(tooLarge)
	errFile  = fmt.Errorf("the file is larger than %d GB; split it", maxFile>>30)
)

const shape = "an import is one JSON object with the lists companies, clients, documents and requests"

// kind is a list that a file may have.
type kind struct {
	list string
	new  func() value
}

// kinds are in the order in which they refer to each other, whatever their order in the file.
var kinds = []kind{
	{"companies", func() value { return new(Company) }},
	{"clients", func() value { return new(Client) }},
	{"documents", func() value { return new(Document) }},
	{"requests", func() value { return new(Request) }},
}

// File is an import file without a fault. It is read entry by entry, once to check it and then each time that
// somebody ranges over [File.All].
type File struct {
	at       time.Time
	progress *Progress
	text     *io.SectionReader
	close    func() error
	start    int64            // of the JSON
	begins   map[string]int64 // each list's first byte
	counts   map[string]int
}

// Open reads and checks a whole import file, and closes it where it has a fault. What came without a time
// gets now. References to companies and clients are the store's to check: they may be there already. What
// can't be read twice, such as a pipe, goes through a temporary file that nobody else can open.
func Open(ctx context.Context, r io.Reader, now time.Time, progress *Progress) (*File, error) {
	text, closeText, err := rereadable(ctx, r, progress)
	if err != nil {
		return nil, err
	}
	if text.Size() > maxFile {
		return nil, errors.Join(errFile, closeText())
	}
	f := &File{at: now, progress: progress, text: text, close: closeText, begins: map[string]int64{}, counts: map[string]int{}}
	if err := f.check(ctx); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close removes what was kept of the file.
func (f *File) Close() error { return f.close() }

// Count is how many entries a list has.
func (f *File) Count(list string) int { return f.counts[list] }

// Moment implements [Source].
func (f *File) Moment() time.Time { return f.at }

// All implements [Source].
func (f *File) All() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		total, done := 0, 0
		for _, count := range f.counts {
			total += count
		}
		for _, k := range kinds {
			begin, ok := f.begins[k.list]
			if !ok {
				continue
			}
			err := f.readList(f.from(begin), k, func(e Entry) error {
				done++
				f.progress.tell("%d of %d entries imported", done, total)
				if !yield(e, nil) {
					return errStopped
				}
				return nil
			})
			if errors.Is(err, errStopped) {
				return
			}
			if err != nil { // the file is not what it was when it was checked
				yield(Entry{}, err)
				return
			}
		}
	}
}

// check reads the file once from end to end.
func (f *File) check(ctx context.Context) error {
	head := make([]byte, headSize)
	n, err := f.text.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	skip, err := api.JSONStart(head[:n])
	if err != nil {
		return err
	}
	f.start = int64(skip)
	s := f.from(f.start)
	if s.PeekKind() != jsontext.KindBeginObject {
		if _, err := s.next(maxField); err != nil {
			return f.explain(s, err)
		}
		return errors.New(shape)
	}
	if _, err := s.ReadToken(); err != nil {
		return f.explain(s, err)
	}
	checked := 0
	for s.PeekKind() != jsontext.KindEndObject {
		name, err := s.next(maxField)
		if err != nil {
			return f.explain(s, err)
		}
		begin := s.offset() - int64(len(name))
		list, _ := jsontext.AppendUnquote(nil, name)
		k, ok := kindOf(string(list))
		if !ok {
			return fmt.Errorf("there is no list %s (%s); %s", plain(string(list)), f.place(begin), shape)
		}
		if s.PeekKind() == jsontext.KindNull {
			if _, err := s.ReadToken(); err != nil {
				return f.explain(s, err)
			}
			continue
		}
		seen := make(map[identity]bool)
		err = f.readList(s, k, func(e Entry) error {
			checked++
			f.progress.tell("%d entries checked", checked)
			id := identityOf(e.Value.(value).id())
			if seen[id] {
				return e.Fault(errors.New("is in the file twice"))
			}
			seen[id] = true
			return ctx.Err()
		})
		if err != nil {
			return err
		}
	}
	if _, err := s.ReadToken(); err != nil {
		return f.explain(s, err)
	}
	if _, err := s.ReadToken(); !errors.Is(err, io.EOF) {
		if err == nil {
			return fmt.Errorf("data after the value (%s); %s", f.place(s.offset()), shape)
		}
		return f.explain(s, err)
	}
	return nil
}

func kindOf(list string) (kind, bool) {
	for _, k := range kinds {
		if k.list == list {
			return k, true
		}
	}
	return kind{}, false
}

// identity stands for an id: of millions of them, it is all that is kept.
type identity [16]byte

func identityOf(id string) (i identity) {
	sum := sha256.Sum256([]byte(id))
	copy(i[:], sum[:])
	return i
}
