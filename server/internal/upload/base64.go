package upload

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
	"strconv"
	"strings"
)

var errNoBase64 = errors.New("no base64")

// longestURI is far above what stands before a photo in a data URI.
const longestURI = 128

// readPhoto decodes base64, by itself or as a data URI, to the end of the text. Padding may be left out, and line breaks
// are skipped.
func readPhoto(t *text, to io.Writer) error {
	in := bufio.NewReaderSize(t, 32<<10)
	if start, _ := in.Peek(len("data:")); string(start) == "data:" {
		if err := skipURI(in); err != nil {
			return err
		}
	}
	bare := &unpadded{in: in}
	_, err := io.CopyBuffer(writerOnly{to}, base64.NewDecoder(base64.RawStdEncoding, bare), make([]byte, 32<<10))
	_, wrong := errors.AsType[base64.CorruptInputError](err)
	switch {
	case t.end != nil && !errors.Is(t.end, io.EOF):
		return t.end // what came before it is cut off, and looks wrong
	case wrong || err == nil && !bare.right():
		return errNoBase64
	}
	return err
}

// writerOnly keeps io.CopyBuffer from asking for more than a Writer.
type writerOnly struct{ io.Writer }

// skipURI reads what stands before a photo in a data URI (RFC 2397). What it says of the type is not asked.
func skipURI(in *bufio.Reader) error {
	var uri strings.Builder
	for uri.Len() < longestURI {
		c, err := in.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return errNoBase64
		case err != nil:
			return err
		case c == ',':
			if strings.HasSuffix(uri.String(), ";base64") {
				return nil
			}
			return errNoBase64
		}
		uri.WriteByte(c)
	}
	return errNoBase64
}

// unpadded reads base64 without line breaks and without its padding, which it looks at.
type unpadded struct {
	in              *bufio.Reader
	length, padding int
	behind          bool // something stands behind the padding
}

// Read implements [io.Reader].
func (u *unpadded) Read(p []byte) (int, error) {
	for {
		n, err := u.in.Read(p)
		kept := 0
		for _, c := range p[:n] {
			switch c {
			case '\r', '\n':
				continue
			case '=':
				u.padding++
				continue
			}
			u.behind = u.behind || u.padding > 0
			p[kept] = c
			kept++
		}
		u.length += kept
		if kept > 0 || err != nil {
			return kept, err
		}
	}
}

// right tells of what was read whether its padding is: there is none, or it fills up four characters.
func (u *unpadded) right() bool {
	return u.padding == 0 || !u.behind && u.padding <= 2 && (u.length+u.padding)%4 == 0
}

// text reads the rest of a JSON text up to its quote, with its escapes resolved: encoders write \/ for a slash, \n for
// a line break and \u003d for padding.
type text struct {
	in *bufio.Reader
	// end is what the text ended with: its quote, which is io.EOF, or an error. A reader in front may peek and forget it.
	end error
}

// Read implements [io.Reader].
func (t *text) Read(p []byte) (n int, err error) {
	if t.end == nil {
		n, t.end = t.read(p)
	}
	if n > 0 {
		return n, nil
	}
	return 0, t.end
}

func (t *text) read(p []byte) (n int, err error) {
	for n < len(p) {
		// Most of it needs no look at each byte.
		ready, err := t.in.Peek(min(max(t.in.Buffered(), 1), len(p)-n))
		if len(ready) == 0 {
			return n, unexpected(err)
		}
		plain := 0
		for plain < len(ready) && ready[plain] != '"' && ready[plain] != '\\' && ready[plain] >= ' ' {
			plain++
		}
		n += copy(p[n:], ready[:plain])
		_, _ = t.in.Discard(plain)
		if plain == len(ready) {
			if t.in.Buffered() == 0 && n > 0 {
				return n, nil
			}
			continue
		}
		c, _ := t.in.ReadByte()
		switch c {
		case '"':
			return n, io.EOF
		case '\\':
			if p[n], err = t.escaped(); err != nil {
				return n, err
			}
			n++
		default: // JSON has no such character in a text
			return n, errNoBase64
		}
	}
	return n, nil
}

// escaped reads an escape behind its backslash. What is no character of base64 is a zero, which is none either.
func (t *text) escaped() (byte, error) {
	c, err := t.in.ReadByte()
	if err != nil {
		return 0, unexpected(err)
	}
	switch c {
	case '/':
		return '/', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 'u':
		digits := make([]byte, 4)
		if _, err := io.ReadFull(t.in, digits); err != nil {
			return 0, unexpected(err)
		}
		if value, err := strconv.ParseUint(string(digits), 16, 16); err == nil && value < 0x80 {
			return byte(value), nil
		}
	}
	return 0, nil
}

// unexpected is for an end before the quote: the body is cut off, and no photo that ends.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return errNoJSON
	}
	return err
}
