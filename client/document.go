package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/cryptomate-go/enablement/client/internal/visible"
	"github.com/cryptomate-go/enablement/gen/api"
)

// Document is a document of a client with its photos, for [Client.CompleteDocumentation].
type Document struct {
	// Type is a kind of document that a missing requirement names, such as passport.
	Type string
	// Front and Back are JPG or PNG photos of up to 10 MiB. Back is for kinds that need it.
	Front, Back Photo
	// Metadata are the values that the kind needs, by their ids, such as number.
	Metadata map[string]string
	// Replace lets it replace a good document of the same kind.
	Replace bool
}

// Photo is a source of a photo. The photo is read again for each attempt, and never held in memory as a whole. The zero
// value is no photo.
type Photo struct {
	open func() (io.ReadSeekCloser, error)
}

// PhotoFile returns a photo that is in a file. No error has the path, which may have somebody's name in it.
func PhotoFile(path string) Photo {
	return Photo{func() (io.ReadSeekCloser, error) {
		info, err := os.Stat(path)
		if err == nil && !info.Mode().IsRegular() { // to open a pipe would wait for who writes
			err = errors.New("is not a regular file")
		}
		if err != nil {
			return nil, err
		}
		return os.Open(path)
	}}
}

// PhotoReader returns a photo that is read from the beginning of r to its end. Use it in one call at a time.
func PhotoReader(r io.ReadSeeker) Photo {
	if r == nil {
		return Photo{}
	}
	return Photo{func() (io.ReadSeekCloser, error) {
		return struct {
			io.ReadSeeker
			io.Closer
		}{r, io.NopCloser(r)}, nil
	}}
}

// opened returns a photo at its beginning, and its size.
func (p Photo) opened() (content io.ReadSeekCloser, size int64, err error) {
	if content, err = p.open(); err == nil {
		size, err = content.Seek(0, io.SeekEnd)
	}
	if err == nil {
		_, err = content.Seek(0, io.SeekStart)
	}
	return content, size, visible.WithoutPath(err)
}

const (
	maxPhoto = 10 << 20 // openapi.yaml, Image
	// slowest is how many bytes a second an upload is given time for: a quarter of what a line of 1 Mbit/s carries.
	slowest = 32 << 10
)

// CompleteDocumentation stores a document of a client for a pending request. The status of the request does not change. If
// something is wrong with the document, it is not stored, and RejectedItems says what to do. A good document of the same
// kind is replaced only with Replace. If the request is not pending, the error is [ErrNotPending]; if the product does
// not take such a document, it is [ErrPrecondition].
//
// The photos are streamed. Before they are sent, the server is asked (Expect: 100-continue), so that it can refuse the call
// at once. The call waits a second for its reply, or for the ExpectContinueTimeout of your own transport. An attempt, and
// the call, may take longer by the time that the photos need at 32 KiB a second: see [WithAttemptTimeout].
//
// An attempt whose body was not completely sent has stored nothing, and is repeated. An attempt that may have stored the
// document is repeated only with Replace. Without it, a server that ignores the Idempotency-Key would respond that there
// is a good document already.
func (c *Client) CompleteDocumentation(
	ctx context.Context, clientID, productRequestID string, d Document, opts ...CallOption,
) (*api.EvaluatedProduct, error) {
	asked := Call{Operation: "completeDocumentation", ClientID: clientID, RequestID: productRequestID, Document: d.Type, Replace: d.Replace}
	return do(ctx, c, asked, opts,
		func(key *string) (*http.Request, error) {
			u, err := newUpload(d)
			if err != nil {
				return nil, err
			}
			req, err := api.NewCompleteDocumentationRequestWithBody(c.server, clientID, productRequestID,
				&api.CompleteDocumentationParams{IdempotencyKey: key}, mediaType, http.NoBody)
			if err != nil {
				return nil, err
			}
			req.ContentLength, req.GetBody = u.size, func() (io.ReadCloser, error) { return u.open(), nil }
			req.Header.Set("Expect", "100-continue")
			return req, nil
		},
		func(s *api.EvaluatedProduct) error {
			return checkProduct("product.", &s.Product, clientID, productRequestID)
		})
}

// WithProgress calls told while the body of a [Client.CompleteDocumentation] is sent, with the number of bytes that the
// transport has taken and the number of all. Each attempt begins at 0. The call waits for told. told is never called
// twice at once, and not after the call.
func WithProgress(told func(sent, total int64)) CallOption {
	return with(told != nil, "WithProgress: the function is nil; leave the option out for none",
		func(conf *config) { conf.progress = told })
}

// upload is the body of a call with a document: texts, and photos between them.
type upload struct {
	texts  []string
	photos []measured
	size   int64
}

// measured is a photo as it was when the call began.
type measured struct {
	Photo
	argument, field string
	size            int64
}

// newUpload looks at each photo, and refuses what need not be sent.
func newUpload(d Document) (*upload, error) {
	switch {
	case d.Type == "":
		return nil, errors.New("Document.Type is empty; pass a kind of document that is missing, such as passport")
	case d.Front.open == nil:
		return nil, errors.New("Document.Front is no photo; pass PhotoFile or PhotoReader")
	case !utf8.ValidString(fmt.Sprint(d.Type, d.Metadata)):
		return nil, errors.New("a text of the document is not UTF-8; convert it from the encoding that it is in")
	}
	u, text := &upload{}, `{"document":{"document_type":`+jsonOf(d.Type)
	for _, photo := range []measured{{d.Front, "Document.Front", "image_front", 0}, {d.Back, "Document.Back", "image_back", 0}} {
		if photo.open == nil {
			continue
		}
		media, err := photo.look()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", photo.argument, err)
		}
		text += `,"` + photo.field + `":"data:` + media + `;base64,`
		u.texts, u.photos = append(u.texts, text), append(u.photos, photo)
		u.size += int64(len(text)) + int64(base64.StdEncoding.EncodedLen(int(photo.size)))
		text = `"`
	}
	if d.Replace {
		text += `,"replace":true`
	}
	if len(d.Metadata) > 0 {
		text += `,"metadata":` + jsonOf(d.Metadata)
	}
	u.texts = append(u.texts, text+"}}")
	u.size += int64(len(text + "}}"))
	return u, nil
}

func jsonOf(value any) string {
	text, _ := json.Marshal(value) // of texts: can't fail
	return string(text)
}

// look tells what a photo is by its first bytes, and notes how large it is.
func (m *measured) look() (media string, err error) {
	content, size, err := m.opened()
	if content != nil {
		defer func() { _ = content.Close() }()
	}
	var start []byte
	if err == nil {
		start, err = io.ReadAll(io.LimitReader(content, 512))
	}
	switch {
	case err != nil:
		return "", visible.WithoutPath(err)
	case len(start) == 0:
		return "", errors.New("the photo is empty")
	case size > maxPhoto:
		return "", fmt.Errorf("the photo is larger than %d MiB; take one of a lower resolution", maxPhoto>>20)
	}
	m.size = size
	media, _, _ = strings.Cut(http.DetectContentType(start), ";")
	return media, nil
}

// sending is the body of one attempt. A transport may read it even after it returned; [sending.end] stops that, so that no
// two attempts read a photo at a time.
type sending struct {
	size int64
	told func(sent, total int64)

	mu     sync.Mutex
	body   io.Reader
	photos []*encoder
	sent   int64
	failed error // why a photo could not be read
	closed bool
}

func (u *upload) open() *sending {
	s := &sending{size: u.size}
	var parts []io.Reader
	for i, photo := range u.photos {
		s.photos = append(s.photos, &encoder{measured: photo})
		parts = append(parts, strings.NewReader(u.texts[i]), s.photos[i])
	}
	s.body = io.MultiReader(append(parts, strings.NewReader(u.texts[len(u.photos)]))...)
	return s
}

// Read implements [io.Reader].
func (s *sending) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := s.body.Read(p)
	s.sent += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		s.failed = err
	}
	if n > 0 && s.told != nil {
		s.told(s.sent, s.size)
	}
	return n, err
}

// Close implements [io.Closer].
func (s *sending) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, photo := range s.photos {
		if photo.from != nil {
			_ = photo.from.Close()
		}
	}
	return nil
}

// errCut is in the error of an attempt without a response of which not everything was sent.
var errCut = errors.New("not all of the document was sent, so it was not stored")

// end ends an attempt. Of a body that the transport did not take to its end, nothing can have been stored: HTTP has a server
// drop it, and JSON without its end is none.
func (s *sending) end(failed *Error) {
	_ = s.Close()
	switch {
	case failed == nil || s.sent == s.size:
	case s.failed != nil:
		failed.Outcome, failed.Err = NotSent, fmt.Errorf("%w: %w", ErrInvalidInput, s.failed)
	case failed.StatusCode >= http.StatusMultipleChoices:
		failed.Outcome = Refused
	case failed.StatusCode == 0 && failed.Outcome == Unknown:
		failed.Outcome, failed.Err = NotSent, fmt.Errorf("%w: %w", errCut, failed.Err)
	}
}

// encoder reads base64 of a photo, which it opens when its turn comes.
type encoder struct {
	measured
	from    io.ReadSeekCloser
	raw     []byte
	buffer  []byte
	encoded []byte // what of the buffer is to be read
}

const chunk = 24 << 10 // a multiple of three

// Read implements [io.Reader].
func (e *encoder) Read(p []byte) (int, error) {
	if e.raw == nil {
		from, size, err := e.opened()
		if e.from = from; err == nil && size != e.size {
			err = errors.New("the photo was changed after the call began")
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", e.argument, err)
		}
		e.raw, e.buffer = make([]byte, chunk), make([]byte, 0, base64.StdEncoding.EncodedLen(chunk))
	}
	if len(e.encoded) == 0 {
		n, err := io.ReadFull(e.from, e.raw)
		if n == 0 && errors.Is(err, io.EOF) {
			return 0, io.EOF
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // that is how the last piece ends
			return 0, fmt.Errorf("%s: %w", e.argument, visible.WithoutPath(err))
		}
		e.encoded = base64.StdEncoding.AppendEncode(e.buffer, e.raw[:n])
	}
	n := copy(p, e.encoded)
	e.encoded = e.encoded[n:]
	return n, nil
}

// patience is how much longer than others an attempt may take because of what it sends.
func patience(req *http.Request) time.Duration {
	return time.Duration(req.ContentLength) * time.Second / slowest
}
