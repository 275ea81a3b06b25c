package cassette

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Recorder writes exchanges to a file, without keys and personal data. It is safe for concurrent use.
type Recorder struct {
	base  *url.URL
	path  string
	start time.Time // all times are counted from it, as a clock may be set meanwhile

	mutex   sync.Mutex
	file    *os.File
	size    int64
	tick    int
	redact  *redactor
	err     error // why it stopped
	ignored int
}

// Create makes a new file, and a recorder that writes to it. The file must not exist. base is the base URL of the API,
// such as https://api.sandbox.cryptomate.me: other calls are not recorded. If base is empty, the API is at the root of
// every host.
func Create(path, base string) (*Recorder, error) {
	d, err := loaded()
	if err != nil {
		return nil, fmt.Errorf("cassette: %w", err)
	}
	r := &Recorder{path: path, start: time.Now(), redact: &redactor{description: d, standIns: newStandIns(time.Now()), removed: d.newRemoved()}}
	if r.base, err = parseBase(base); err != nil {
		return nil, fmt.Errorf("cassette: %w", err)
	}
	if r.file, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err != nil {
		return nil, fmt.Errorf("cassette: %w", err)
	}
	if err := r.append(head{version, d.doc.Info.Version}); err != nil {
		return nil, errors.Join(fmt.Errorf("cassette: %w", err), r.file.Close())
	}
	return r, nil
}

// parseBase reads a base URL. An empty one is the root of any host.
func parseBase(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	if err != nil || text != "" && (base.Host == "" || base.RawQuery != "") {
		return nil, errors.New("the base URL must be of the form https://host or https://host/path")
	}
	base.Path = strings.TrimRight(base.Path, "/")
	return base, nil
}

// below returns the path and the query of a call to the API, and ok whether it is one.
func (d *description) below(base, called *url.URL) (target string, ok bool) {
	if base.Host != "" && hostOf(base) != hostOf(called) {
		return "", false
	}
	path, ok := strings.CutPrefix(called.EscapedPath(), base.EscapedPath())
	segments := strings.Split(path, "/")
	if !ok || len(segments) < len(d.prefix) || !slices.Equal(segments[:len(d.prefix)], d.prefix) {
		return "", false
	}
	if called.RawQuery != "" || called.ForceQuery {
		path += "?" + called.RawQuery
	}
	return path, true
}

// hostOf is a host without the port that its scheme has anyway: proxies write it down.
func hostOf(u *url.URL) string {
	return strings.TrimSuffix(strings.ToLower(u.Host), map[string]string{"http": ":80", "https": ":443"}[u.Scheme])
}

// Transport returns a RoundTripper that records the calls that it passes to next. Nil is [http.DefaultTransport].
// Requests and responses are passed on unchanged. A call without a response, or with a response that can't be read to
// its end, is not recorded. A fault of the recorder does not make a call fail: [Recorder.Close] returns it.
func (r *Recorder) Transport(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return roundTripper(func(called *http.Request) (*http.Response, error) {
		target, ours := r.redact.below(r.base, called.URL)
		if !ours {
			r.mutex.Lock()
			r.ignored++
			r.mutex.Unlock()
			return next.RoundTrip(called)
		}
		x := &exchange{At: r.start.Add(time.Since(r.start)), Request: request{Method: called.Method, Path: target}}
		if x.Request.Method == "" {
			x.Request.Method = http.MethodGet
		}
		called = called.Clone(called.Context()) // its body is replaced
		op := r.redact.find(x.Request.Method, pathOf(target))
		_ = x.Request.take(called.Header, &called.Body, most(op)) // next meets the same error
		x.Began = r.next()
		answered, err := next.RoundTrip(called)
		if err != nil {
			return answered, err
		}
		x.Response.Status = answered.StatusCode
		err = x.Response.take(answered.Header, &answered.Body, largest)
		x.Milliseconds = float64(time.Since(x.At)) / float64(time.Millisecond)
		x.At = x.At.UTC()
		if err == nil {
			r.record(x)
		}
		return answered, nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// next is the number of what begins or ends now.
func (r *Recorder) next() int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.tick++
	return r.tick
}

// take copies headers and a body, which is put back. A body of more than most bytes is left out.
func (m *message) take(header http.Header, from *io.ReadCloser, most int64) error {
	m.Header = header.Clone()
	body := *from
	if body == nil || body == http.NoBody {
		return nil
	}
	var text bytes.Buffer
	_, err := text.ReadFrom(io.LimitReader(body, most+1))
	end := err
	if end == nil {
		end = io.EOF
	}
	*from = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(text.Bytes()), &rest{body, end, int64(text.Len()) > most}), body}
	m.set(text.Bytes(), most)
	return err
}

// set has a body without its coding, if that is one of those that net/http's programs use.
func (m *message) set(text []byte, most int64) {
	switch {
	case len(text) == 0:
		return
	case int64(len(text)) > most:
		m.remove(len(text))
		return
	}
	var decoded io.Reader
	var err error
	switch strings.ToLower(m.Header.Get("Content-Encoding")) {
	case "", "identity":
		m.Body = text
		return
	case "gzip", "x-gzip":
		decoded, err = gzip.NewReader(bytes.NewReader(text))
	case "deflate":
		decoded, err = zlib.NewReader(bytes.NewReader(text))
		if err == zlib.ErrHeader { //nolint:errorlint // as it is; the kit reads deflate without zlib's frame, too
			decoded, err = flate.NewReader(bytes.NewReader(text)), nil
		}
	default:
		err = errors.ErrUnsupported
	}
	if err == nil {
		m.Body, err = io.ReadAll(io.LimitReader(decoded, most+1))
	}
	if err != nil || len(m.Body) == 0 || int64(len(m.Body)) > most {
		m.remove(len(text))
	}
}

// rest is what remains of a body, or the error that ended it.
type rest struct {
	body io.Reader
	end  error
	more bool
}

func (r *rest) Read(p []byte) (int, error) {
	if r.more {
		return r.body.Read(p)
	}
	return 0, r.end
}

// record writes an exchange.
func (r *Recorder) record(x *exchange) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.tick++
	x.Ended = r.tick
	if r.err != nil || r.file == nil {
		return
	}
	if r.redact.redact(x); x.valid() != nil {
		r.err = errors.New("an exchange could not be written down")
		return
	}
	r.err = r.append(x)
}

// append writes a line at once, so that a crash tears the last one at most.
func (r *Recorder) append(value any) error {
	text, err := line(value)
	if err != nil {
		return err
	}
	if r.size += int64(len(text)); r.size > longest {
		return fmt.Errorf("it has %d MiB, and takes no more", longest>>20)
	}
	_, err = r.file.Write(text)
	return err
}

// Ignored returns how many calls were not recorded because they went elsewhere.
func (r *Recorder) Ignored() int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.ignored
}

// Close ends the recording and checks that no removed value is anywhere in the file. A value that was kept in one
// exchange, and found to be personal in a later one, is removed now. If a removed value is still there, the file is
// deleted, and the error says where the value was. Close also returns an error that ended the recording early, such as a
// full disk.
func (r *Recorder) Close() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.file == nil {
		return nil
	}
	err := errors.Join(r.err, r.file.Sync(), r.file.Close())
	r.file = nil
	if leak := r.check(); leak != nil {
		if leak = r.again(); leak == nil {
			leak = r.check()
		}
		if leak != nil {
			err = errors.Join(err, leak, os.Remove(r.path))
		}
	}
	if err != nil {
		return fmt.Errorf("cassette: %w", err)
	}
	return nil
}

// check reads the file again.
func (r *Recorder) check() error {
	_, err := r.read(r.redact.removed)
	return err
}

func (r *Recorder) read(removed removed) (*Cassette, error) {
	file, err := os.Open(r.path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	return read(file, r.redact.description, removed)
}

// again takes out of the file what was removed later. The file is replaced whole or not at all.
func (r *Recorder) again() error {
	c, err := r.read(r.redact.newRemoved())
	if err != nil {
		return err
	}
	for _, x := range c.exchanges {
		r.redact.keepOnly(x)
	}
	file, err := os.CreateTemp(filepath.Dir(r.path), filepath.Base(r.path))
	if err != nil {
		return err
	}
	err = errors.Join(c.Write(file), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), r.path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(file.Name()))
	}
	return err
}
