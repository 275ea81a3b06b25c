package dataset

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// What a file may hold. It is never in memory as a whole, only the field that is being read.
const (
	maxFile  = 16 << 30 // bytes
	maxField = 1 << 20  // bytes as they stand in the file
	maxImage = 16 << 20 // the same of a photo: base64 of [enablement.MaxPhotoSize], with room for escapes
	headSize = 4 << 10
)

var (
	tooLarge   = fmt.Sprintf("is too large: a text has at most %d characters, a photo %d MB", maxText, enablement.MaxPhotoSize>>20)
	errField   = errors.New(tooLarge)
	errChanged = errors.New("the file is not any more what it was when it was checked")
	errFile    = fmt.Errorf("the file is larger than %d GB; split it", maxFile>>30)
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
	line     struct {
		begin  int64
		before int // lines
	}
	warnings Warnings
	kept     int
}

// Open reads and checks a whole import file, and closes it where it has a fault; [*FaultsError] is several. What
// came without a time gets now. References to companies and clients are the store's to check: they may be there already. What
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

// Warnings are what is wrong with the file for a submission, not for an import.
func (f *File) Warnings() Warnings { return f.warnings }

// Kept is how many requests were stored already when the entries were ranged over last.
func (f *File) Kept() int { return f.kept }

// Count is how many entries a list has.
func (f *File) Count(list string) int { return f.counts[list] }

// Moment implements [Source].
func (f *File) Moment() time.Time { return f.at }

// All implements [Source].
func (f *File) All() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		total, done := 0, 0
		f.kept = 0
		for _, count := range f.counts {
			total += count
		}
		for _, k := range kinds {
			begin, ok := f.begins[k.list]
			if !ok {
				continue
			}
			s := f.from(begin)
			err := f.readList(s, k, func(e Entry, o *object) error {
				if len(o.faults) > 0 {
					return errChanged
				}
				e.Value.(value).complete(api.NewTimestamp(f.at))
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
			if err != nil {
				_, err := f.explain(s, err)
				yield(Entry{}, err)
				return
			}
		}
	}
}

// check reads the file once from end to end, or as far as it can be read.
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
	var faults Faults
	if err := f.checkLists(ctx, s, &faults); err != nil && !errors.Is(err, errStopped) {
		offset, explained := f.explain(s, err)
		if offset < 0 {
			return err
		}
		faults.note(offset, explained)
		faults.cut = true
	}
	return faults.Err()
}

// checkLists returns [errStopped] where the faults tell why it can't go on.
func (f *File) checkLists(ctx context.Context, s *stream, faults *Faults) error {
	if s.PeekKind() != jsontext.KindBeginObject {
		if err := s.skip(); err != nil {
			return err
		}
		faults.note(f.start, errors.New(shape))
		return errStopped
	}
	if _, err := s.ReadToken(); err != nil {
		return err
	}
	checked := 0
	seen := map[string]bool{}
	for s.PeekKind() != jsontext.KindEndObject {
		name, err := s.next(maxField)
		if err != nil {
			return err
		}
		begin := s.offset() - int64(len(name))
		unquoted, _ := jsontext.AppendUnquote(nil, name)
		list := string(unquoted)
		k, known := kindOf(list)
		wrong := ""
		switch kind := s.PeekKind(); {
		case !known:
			wrong = "there is no list " + plain(list)
		case seen[list]:
			wrong = list + ": this field stands twice"
		case kind == jsontext.KindBeginArray:
			seen[list] = true
			if err := f.checkList(ctx, s, k, &checked, faults); err != nil {
				return err
			}
			continue
		case kind != jsontext.KindNull:
			wrong, begin = list+" must be a list", s.begin()
		}
		seen[list] = known
		if wrong != "" && !faults.note(begin, fmt.Errorf("%s (%s); %s", wrong, f.place(begin), shape)) {
			return errStopped
		}
		if err := s.skip(); err != nil {
			return err
		}
	}
	if _, err := s.ReadToken(); err != nil {
		return err
	}
	switch _, err := s.ReadToken(); {
	case err == nil:
		faults.note(s.offset(), fmt.Errorf("data after the value (%s); %s", f.place(s.offset()), shape))
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

func (f *File) checkList(ctx context.Context, s *stream, k kind, checked *int, faults *Faults) error {
	seen := make(map[identity]bool)
	return f.readList(s, k, func(e Entry, o *object) error {
		*checked++
		f.progress.tell("%d entries checked", *checked)
		if id := e.Value.(value).id(); id != "" {
			if seen[identityOf(id)] {
				o.faults = slices.Insert(o.faults, 0, fault{"", "is in the file twice", o.begin})
			}
			seen[identityOf(id)] = true
		}
		for _, found := range o.faults {
			if !faults.note(found.offset, e.at(found.offset).Fault(found)) {
				return errStopped
			}
		}
		if o.cut {
			faults.cut = true
			return errStopped
		}
		if len(o.faults) == 0 {
			f.warn(e, o.places)
		}
		return ctx.Err()
	})
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
