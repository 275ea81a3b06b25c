// Package upload takes photos out of a JSON body while the body is read. So nobody has to hold, check and decode
// megabytes of text. In the rest of the body, a short text stands in the place of each photo: the base64 of its hash.
// The specification accepts this text as a photo, and it is the same for the same photo, however that was written.
package upload

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/cryptomate-go/enablement/gen/api"
)

// Body is what there was in a body.
type Body struct {
	// Rest is the body with a text in the place of each photo. It ends where the body is no JSON any more.
	Rest []byte
	// Photos are what was there, by the hash that stands in the rest.
	Photos map[[sha256.Size]byte]api.Image
}

// ErrRestTooLong says that what is not photos is longer than it may be.
var ErrRestTooLong = errors.New("the body without its photos is too long")

// errNoJSON ends the reading: whoever reads the rest finds out, and has the words for it.
var errNoJSON = errors.New("no JSON")

// PhotoError says of a photo that it is none.
type PhotoError struct {
	// Pointer is its place in the body, as a JSON pointer.
	Pointer string
}

// Error implements error.
func (e *PhotoError) Error() string { return e.Pointer + ": is not base64, by itself or as a data URI" }

// Read reads a body of size bytes, where that is known, whose photos are at the pointers. Of a photo of more bytes than
// limits has for its pointer the size alone is kept. What is not photos may have so many bytes as longest says. An error
// of r is returned as it is.
func Read(r io.Reader, size int64, limits map[string]int64, longest int) (Body, error) {
	x := &reader{
		in: bufio.NewReaderSize(r, 64<<10), size: size, limits: limits, longest: longest,
		photos: make(map[[sha256.Size]byte]api.Image),
	}
	err := x.start()
	if err == nil {
		err = x.value("", 0)
	}
	if err == nil {
		err = x.end()
	}
	if errors.Is(err, errNoJSON) || errors.Is(err, io.EOF) {
		err = nil
	}
	return Body{x.rest.Bytes(), x.photos}, err
}

// reader copies what it reads, and follows where in the body it is.
type reader struct {
	in      *bufio.Reader
	size    int64
	limits  map[string]int64
	longest int
	rest    bytes.Buffer
	photos  map[[sha256.Size]byte]api.Image
}

// deepest is how far values may stand within each other; described ones are three deep.
const deepest = 100

// next copies the next byte.
func (x *reader) next() (byte, error) {
	c, err := x.in.ReadByte()
	if err != nil {
		return 0, err
	}
	if x.rest.Len() >= x.longest {
		return 0, ErrRestTooLong
	}
	x.rest.WriteByte(c)
	return c, nil
}

// token copies white space, and the byte behind it.
func (x *reader) token() (byte, error) {
	for {
		c, err := x.next()
		if err != nil || c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c, err
		}
	}
}

// start copies a byte order mark. Of a text in another encoding it copies what tells so, and no more.
func (x *reader) start() error {
	head, err := x.in.Peek(4)
	if len(head) == 0 {
		return err
	}
	skip, encoding := api.JSONStart(head)
	if encoding != nil {
		skip = len(head)
	}
	for range skip {
		if _, err := x.next(); err != nil {
			return err
		}
	}
	if encoding != nil {
		return errNoJSON
	}
	return nil
}

// end copies the white space behind the value, to the end. What else comes first is the last that is copied.
func (x *reader) end() error {
	if _, err := x.token(); err != nil {
		return err
	}
	return errNoJSON
}

// value copies a value at the pointer.
func (x *reader) value(pointer string, depth int) error {
	c, err := x.token()
	if err != nil {
		return err
	}
	return x.valueFrom(c, pointer, depth)
}

// valueFrom copies a value whose first byte was copied.
func (x *reader) valueFrom(c byte, pointer string, depth int) error {
	limit, isPhoto := x.limits[pointer]
	switch {
	case depth > deepest:
		return errNoJSON
	case c == '{':
		return x.object(pointer, depth+1)
	case c == '[':
		return x.array(pointer, depth+1)
	case c == '"' && isPhoto:
		x.rest.Truncate(x.rest.Len() - 1)
		return x.photo(pointer, limit)
	case c == '"':
		return x.text()
	case !strings.ContainsRune("-0123456789tfn", rune(c)):
		return errNoJSON
	}
	for { // a number or a word
		switch c, err := x.in.Peek(1); {
		case err != nil:
			return err
		case bytes.ContainsAny(c, ",]} \t\r\n"):
			return nil
		}
		if _, err := x.next(); err != nil {
			return err
		}
	}
}

func (x *reader) object(pointer string, depth int) error {
	for {
		c, err := x.token()
		switch {
		case err != nil:
			return err
		case c == '}':
			return nil
		case c != '"':
			return errNoJSON
		}
		from := x.rest.Len() - 1
		if err := x.text(); err != nil {
			return err
		}
		var name string
		if json.Unmarshal(x.rest.Bytes()[from:], &name) != nil {
			return errNoJSON
		}
		if c, err = x.token(); err != nil {
			return err
		}
		if c != ':' {
			return errNoJSON
		}
		if err := x.value(pointer+"/"+name, depth); err != nil {
			return err
		}
		if c, err = x.token(); err != nil || c == '}' {
			return err
		}
		if c != ',' {
			return errNoJSON
		}
	}
}

func (x *reader) array(pointer string, depth int) error {
	for {
		c, err := x.token()
		if err != nil || c == ']' {
			return err
		}
		if err := x.valueFrom(c, pointer+"/-", depth); err != nil {
			return err
		}
		if c, err = x.token(); err != nil || c == ']' {
			return err
		}
		if c != ',' {
			return errNoJSON
		}
	}
}

// text copies the rest of a text, whose first quote was copied.
func (x *reader) text() error {
	for {
		c, err := x.next()
		switch {
		case err != nil || c == '"':
			return err
		case c == '\\':
			if _, err := x.next(); err != nil {
				return err
			}
		}
	}
}

// photo reads a text without its first quote, and copies a hash in its place.
func (x *reader) photo(pointer string, limit int64) error {
	hash := sha256.New()
	kept := &keeper{limit: limit, room: min(limit, x.size/4*3+4)}
	err := readPhoto(&text{in: x.in}, io.MultiWriter(hash, kept))
	if errors.Is(err, errNoBase64) || err == nil && kept.size == 0 {
		return &PhotoError{pointer}
	}
	if err != nil {
		return err
	}
	sum := [sha256.Size]byte(hash.Sum(nil))
	x.photos[sum] = api.Image{Content: kept.content, Size: kept.size}
	if x.rest.Len() >= x.longest {
		return ErrRestTooLong
	}
	x.rest.WriteString(`"` + base64.StdEncoding.EncodeToString(sum[:]) + `"`)
	return nil
}

// keeper keeps what is written to it, up to a limit.
type keeper struct {
	limit, room int64 // room is made for so many bytes at once
	size        int64
	content     []byte
}

// Write implements [io.Writer].
func (k *keeper) Write(p []byte) (int, error) {
	if k.size += int64(len(p)); k.size > k.limit {
		k.content = nil
		return len(p), nil
	}
	if k.content == nil {
		k.content = make([]byte, 0, max(k.room, int64(len(p))))
	}
	k.content = append(k.content, p...)
	return len(p), nil
}
