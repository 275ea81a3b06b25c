package cassette

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// What a HAR 1.2 file has of what a cassette has. See http://www.softwareishard.com/blog/har-12-spec/.
type (
	harEntry struct {
		Started  moment      `json:"startedDateTime"`
		Time     float64     `json:"time"` // in milliseconds
		Request  harRequest  `json:"request"`
		Response harResponse `json:"response"`
		Cache    struct{}    `json:"cache"`
		Timings  harTimings  `json:"timings"`
	}
	harRequest struct {
		Method      string    `json:"method"`
		URL         string    `json:"url"`
		HTTPVersion string    `json:"httpVersion"`
		Cookies     []harPair `json:"cookies"`
		Headers     []harPair `json:"headers"`
		Query       []harPair `json:"queryString"`
		Body        *harSent  `json:"postData,omitempty"`
		HeadersSize int64     `json:"headersSize"`
		BodySize    int64     `json:"bodySize"`
	}
	harResponse struct {
		Status      int        `json:"status"`
		StatusText  string     `json:"statusText"`
		HTTPVersion string     `json:"httpVersion"`
		Cookies     []harPair  `json:"cookies"`
		Headers     []harPair  `json:"headers"`
		Content     harContent `json:"content"`
		Redirect    string     `json:"redirectURL"`
		HeadersSize int64      `json:"headersSize"`
		BodySize    int64      `json:"bodySize"`
	}
	harPair struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	harSent struct {
		MIMEType string `json:"mimeType"`
		Text     string `json:"text"`
		Encoding string `json:"encoding,omitempty"` // no part of HAR 1.2, but written by some

		Params []json.RawMessage `json:"params,omitempty"` // the fields of a form
	}
	harContent struct {
		Size     int64  `json:"size"`
		MIMEType string `json:"mimeType"`
		Text     string `json:"text,omitempty"`
		Encoding string `json:"encoding,omitempty"`
	}
	harTimings struct {
		Send    float64 `json:"send"`
		Wait    float64 `json:"wait"`
		Receive float64 `json:"receive"`
	}
)

// moment is written as HAR 1.2 has it, or with a zone without a colon, as Java's programs do.
type moment struct{ time.Time }

func (m *moment) UnmarshalJSON(text []byte) error {
	err := m.Time.UnmarshalJSON(text)
	if err != nil {
		m.Time, err = time.Parse(`"2006-01-02T15:04:05Z0700"`, string(text))
	}
	return err
}

// Skipped are the entries of a HAR file that are not in the cassette.
type Skipped struct {
	Elsewhere  int // calls of other hosts, of paths outside of the API, and preflight requests of a browser
	Incomplete int // calls without a response, or whose body is not in the file
}

// largestHAR is how much of a HAR file is read. It is read entry by entry.
const largestHAR = 1 << 30

// ReadHAR makes a cassette of a HAR 1.2 file, which browsers and proxies export. It removes what a [Recorder] removes.
// base is as in [Create].
func ReadHAR(r io.Reader, base string) (*Cassette, Skipped, error) {
	c, skipped, err := readHAR(r, base)
	if err != nil {
		return nil, skipped, fmt.Errorf("cassette: HAR: %w", err)
	}
	return c, skipped, nil
}

func readHAR(from io.Reader, base string) (*Cassette, Skipped, error) {
	var skipped Skipped
	d, err := loaded()
	if err != nil {
		return nil, skipped, err
	}
	root, err := parseBase(base)
	if err != nil {
		return nil, skipped, err
	}
	r := &redactor{description: d, standIns: newStandIns(time.Now()), removed: d.newRemoved()}
	c := &Cassette{}
	size := 0
	err = eachEntry(from, func(e *harEntry) error {
		x, ours, err := d.exchange(root, e)
		switch {
		case err != nil:
			return err
		case !ours:
			skipped.Elsewhere++
			return nil
		case x == nil:
			skipped.Incomplete++
			return nil
		}
		r.redact(x)
		if size += len(x.Request.Body) + len(x.Response.Body); size > longest {
			return fmt.Errorf("there is more in it than the %d MiB of a cassette", longest>>20)
		}
		c.exchanges = append(c.exchanges, x)
		return nil
	})
	if err != nil {
		return nil, skipped, err
	}
	c.order()
	for _, x := range c.exchanges {
		r.keepOnly(x) // without what was removed of later ones
		if err := x.valid(); err != nil {
			return nil, skipped, fmt.Errorf("%s: %w", x, err)
		}
	}
	return c, skipped, nil
}

// eachEntry reads a file entry by entry.
func eachEntry(from io.Reader, each func(*harEntry) error) error {
	decoder := json.NewDecoder(bomless(io.LimitReader(from, largestHAR)))
	if err := enter(decoder, "log"); err != nil {
		return err
	}
	if err := enter(decoder, "entries"); err != nil {
		return err
	}
	if token, err := decoder.Token(); err != nil || token != json.Delim('[') {
		return errors.New("log.entries must be a list")
	}
	for number := 1; decoder.More(); number++ {
		e := &harEntry{}
		if err := decoder.Decode(e); err != nil {
			return fmt.Errorf("entry %d: this is not as HAR 1.2 has it", number)
		}
		if err := each(e); err != nil {
			return fmt.Errorf("entry %d: %w", number, err)
		}
	}
	if _, err := decoder.Token(); err != nil {
		return errors.New("the file ends early")
	}
	return nil
}

// bomless skips the mark that some programs put before a text.
func bomless(from io.Reader) io.Reader {
	mark := make([]byte, 3)
	n, _ := io.ReadFull(from, mark) // what is shorter is no JSON object, and the decoder says so
	return io.MultiReader(bytes.NewReader(bytes.TrimPrefix(mark[:n], []byte("\ufeff"))), from)
}

// enter goes into an object up to the value of a field.
func enter(decoder *json.Decoder, field string) error {
	missing := fmt.Errorf("there is no %s, so this is neither a HAR file nor a cassette", field)
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return missing
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil || token == field {
			return err
		}
		var skipped json.RawMessage
		if err := decoder.Decode(&skipped); err != nil {
			return missing
		}
	}
	return missing
}

// exchange is an entry as a cassette has it, before it is redacted. It is nil where something is missing, and not ours
// where the call went elsewhere.
func (d *description) exchange(base *url.URL, e *harEntry) (x *exchange, ours bool, err error) {
	called, err := url.Parse(e.Request.URL)
	if err != nil {
		return nil, false, errors.New("its URL can't be read")
	}
	target, ours := d.below(base, called)
	header := harHeader(e.Request.Headers)
	if !ours || header.Get("Access-Control-Request-Method") != "" {
		return nil, false, nil
	}
	if e.Response.Status < http.StatusOK {
		return nil, true, nil
	}
	x = &exchange{At: e.Started.UTC(), Milliseconds: max(e.Time, 0)}
	x.Request.Method, x.Request.Path, x.Response.Status = e.Request.Method, target, e.Response.Status
	x.Request.Header, x.Response.Header = header, harHeader(e.Response.Headers)
	var sent harSent
	if e.Request.Body != nil {
		sent = *e.Request.Body
	}
	op := d.find(x.Request.Method, pathOf(target))
	got := e.Response.Content
	size := max(e.Request.BodySize, int64(len(sent.Params))) // there was a body, and -1 says only that nobody measured it
	if !x.Request.fill(sent.MIMEType, sent.Text, sent.Encoding, size, most(op)) ||
		!x.Response.fill(got.MIMEType, got.Text, got.Encoding, got.Size, largest) {
		return nil, true, nil
	}
	return x, true, nil
}

// harHeader are headers without those of HTTP/2 itself.
func harHeader(pairs []harPair) http.Header {
	header := http.Header{}
	for _, pair := range pairs {
		if strings.HasPrefix(pair.Name, ":") {
			continue
		}
		for value := range strings.SplitSeq(pair.Value, "\n") { // Chrome joins those of one name
			header.Add(pair.Name, value)
		}
	}
	return header
}

// fill sets the body. It is false where there was one that the file doesn't have.
func (m *message) fill(mimeType, text, encoding string, size, most int64) bool {
	content := []byte(text)
	switch encoding {
	case "":
	case "base64":
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return false
		}
		content = decoded
	default:
		return false
	}
	if len(content) == 0 && size > 0 {
		return false
	}
	m.Header.Del("Content-Encoding") // a HAR file has the body without it
	if m.Header.Get("Content-Type") == "" && len(content) > 0 && mimeType != "" {
		m.Header.Set("Content-Type", mimeType)
	}
	if len(content) > 0 {
		m.set(content, most)
	}
	return true
}

// order numbers beginnings and ends by their times. What is at the same time is taken to be one after the other.
func (c *Cassette) order() {
	slices.SortStableFunc(c.exchanges, func(a, b *exchange) int { return a.At.Compare(b.At) })
	type moment struct {
		at time.Time
		n  *int
	}
	var moments []moment
	for _, x := range c.exchanges {
		moments = append(moments, moment{x.At, &x.Began}, moment{x.At.Add(time.Duration(x.Milliseconds * float64(time.Millisecond))), &x.Ended})
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return a.at.Compare(b.at) })
	for i, m := range moments {
		*m.n = i + 1
	}
}

// harHost is the host of calls in a file that is written: a cassette has none.
const harHost = "http://recorded.invalid"

// WriteHAR writes the cassette as a HAR 1.2 file, without a host.
func (c *Cassette) WriteHAR(w io.Writer) error {
	entries := []harEntry{}
	for _, x := range c.exchanges {
		e := harEntry{Started: moment{x.At}, Time: x.Milliseconds, Timings: harTimings{Wait: x.Milliseconds}}
		sent, got := x.Request.content(), x.Response.content()
		e.Request = harRequest{
			Method: x.Request.Method, URL: harHost + x.Request.Path, HTTPVersion: "HTTP/1.1", Cookies: []harPair{}, Headers: harPairs(x.Request.Header),
			Query: []harPair{}, HeadersSize: -1, BodySize: int64(len(sent)),
		}
		if len(sent) > 0 {
			e.Request.Body = &harSent{MIMEType: x.Request.Header.Get("Content-Type"), Text: string(sent)}
		}
		if target, err := url.ParseRequestURI(x.Request.Path); err == nil {
			for _, name := range slices.Sorted(maps.Keys(target.Query())) {
				for _, value := range target.Query()[name] {
					e.Request.Query = append(e.Request.Query, harPair{name, value})
				}
			}
		}
		e.Response = harResponse{
			Status: x.Response.Status, StatusText: http.StatusText(x.Response.Status), HTTPVersion: "HTTP/1.1", Cookies: []harPair{},
			Headers: harPairs(x.Response.Header), HeadersSize: -1, BodySize: -1,
			Content: harContent{Size: int64(len(got)), MIMEType: cmp.Or(x.Response.Header.Get("Content-Type"), "x-unknown"), Text: string(got)},
		}
		entries = append(entries, e)
	}
	type named struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	file := map[string]any{"log": map[string]any{"version": "1.2", "creator": named{"enablement cassette", fmt.Sprint(version)}, "entries": entries}}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(file); err != nil {
		return fmt.Errorf("cassette: %w", err)
	}
	return nil
}

func harPairs(header http.Header) []harPair {
	pairs := []harPair{}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			pairs = append(pairs, harPair{name, value})
		}
	}
	return pairs
}
