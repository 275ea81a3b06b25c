package cassette

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// version is that of the file's form.
const version = 1

// largest is how much of a body is recorded, unless its operation takes more, and longest how much a cassette holds.
const largest, longest = 8 << 20, 64 << 20

// Cassette is recorded traffic without personal data.
type Cassette struct{ exchanges []*exchange }

// Len returns the number of exchanges.
func (c *Cassette) Len() int { return len(c.exchanges) }

// head is the first line of a file.
type head struct {
	Cassette int    `json:"cassette"`
	Spec     string `json:"spec"` // the version of openapi.yaml that decided what was removed
}

// exchange is a call and its response. What began before another ended overlaps with it.
type exchange struct {
	Began        int       `json:"began"` // beginnings and ends have one order
	Ended        int       `json:"ended"`
	At           time.Time `json:"at"`
	Milliseconds float64   `json:"ms"`
	Request      request   `json:"request"`
	Response     response  `json:"response"`
}

type request struct {
	Method  string `json:"method"`
	Path    string `json:"path"` // with the query, below the base URL
	message `json:",inline"`
}

type response struct {
	Status  int `json:"status"`
	message `json:",inline"`
}

type message struct {
	Header http.Header    `json:"headers,omitempty"`
	Body   jsontext.Value `json:"body,omitzero"`
	// Removed is how long a body was that isn't here, as it isn't JSON or is larger than any may be.
	Removed int64 `json:"removed_bytes,omitzero"`
}

// remove leaves the body out.
func (m *message) remove(length int) { m.Body, m.Removed = nil, int64(length) }

// content is the body, or a text in place of one that isn't here.
func (m *message) content() []byte {
	if m.Removed > 0 {
		return []byte("removed")
	}
	return m.Body
}

func (x *exchange) String() string {
	return fmt.Sprintf("%s %s", x.Request.Method, pathOf(x.Request.Path))
}

// lenient lets a body have what the kit finds in it.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), json.RejectUnknownMembers(true), json.Deterministic(true))

// line is a value as a line of the file.
func line(value any) ([]byte, error) {
	text, err := json.Marshal(value, lenient)
	return append(text, '\n'), err
}

// ErrTorn says that a file ends in the middle of an exchange, as it does after a crash.
var ErrTorn = errors.New("the last line is torn: the program that recorded it did not end well")

// Load reads a file that a [Recorder] or [Cassette.Write] wrote, and checks that it has no personal data. If the last
// line is torn, Load returns the complete exchanges and [ErrTorn].
func Load(path string) (*Cassette, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cassette: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	c, err := Read(file)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return c, err
}

// Read is [Load] for a reader.
func Read(r io.Reader) (*Cassette, error) {
	d, err := loaded()
	if err != nil {
		return nil, fmt.Errorf("cassette: %w", err)
	}
	c, err := read(r, d, d.newRemoved())
	if err != nil {
		err = fmt.Errorf("cassette: %w", err)
	}
	return c, err
}

// read has no value in it that was removed.
func read(r io.Reader, d *description, removed removed) (*Cassette, error) {
	text, err := io.ReadAll(io.LimitReader(r, longest+1))
	if err != nil {
		return nil, err
	}
	if len(text) > longest {
		return nil, fmt.Errorf("it is larger than %d MiB", longest>>20)
	}
	first, text, whole := bytes.Cut(text, []byte("\n"))
	var h head
	if err := json.Unmarshal(first, &h, lenient); err != nil || !whole || h.Cassette == 0 {
		return nil, errors.New("line 1: this is not a cassette")
	}
	if h.Cassette != version {
		return nil, fmt.Errorf("line 1: the form is %d, and only %d is known", h.Cassette, version)
	}
	check := &redactor{description: d, standIns: newStandIns(time.Now()), removed: removed, checks: true}
	c := &Cassette{}
	for number := 2; len(text) > 0; number++ {
		var one []byte
		one, text, whole = bytes.Cut(text, []byte("\n"))
		if !whole {
			return c, ErrTorn
		}
		x := &exchange{}
		if err := json.Unmarshal(one, x, lenient); err != nil {
			return nil, fmt.Errorf("line %d: this is not an exchange", number)
		}
		if err := x.valid(); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if check.pass(x); check.found != "" {
			return nil, fmt.Errorf("line %d: %s: a value that should have been removed", number, check.found)
		}
		c.exchanges = append(c.exchanges, x)
	}
	return c, c.ordered()
}

// valid tells what keeps an exchange from being replayed.
func (x *exchange) valid() error {
	if _, err := url.ParseRequestURI(x.Request.Path); err != nil || !strings.HasPrefix(x.Request.Path, "/") {
		return errors.New("request path: must be a path")
	}
	if x.Request.Method == "" || x.Response.Status < 200 || x.Response.Status > 999 {
		return errors.New("a method and a status from 200 to 999 are needed")
	}
	if x.Request.Removed < 0 || x.Response.Removed < 0 || x.Began >= x.Ended {
		return errors.New("the numbers make no sense")
	}
	for _, m := range []*message{&x.Request.message, &x.Response.message} {
		header := http.Header{}
		for name, values := range m.Header {
			header[http.CanonicalHeaderKey(name)] = values
		}
		m.Header = header
	}
	return nil
}

// event is the beginning or the end of an exchange.
type event struct {
	at     int
	begins bool
	number int // of the exchange, from 0
}

// events are all beginnings and ends in their order.
func (c *Cassette) events() []event {
	var events []event
	for i, x := range c.exchanges {
		events = append(events, event{x.Began, true, i}, event{x.Ended, false, i})
	}
	slices.SortFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	return events
}

// ordered checks that no two things happened at once.
func (c *Cassette) ordered() error {
	events := c.events()
	for i := 1; i < len(events); i++ {
		if events[i].at == events[i-1].at {
			return fmt.Errorf("line %d: began or ended has a number that another exchange has", events[i].number+2)
		}
	}
	return nil
}

// Write writes the cassette in the form that [Load] reads.
func (c *Cassette) Write(w io.Writer) error {
	d, err := loaded()
	if err != nil {
		return fmt.Errorf("cassette: %w", err)
	}
	lines := []any{head{version, d.doc.Info.Version}}
	for _, x := range c.exchanges {
		lines = append(lines, x)
	}
	for _, value := range lines {
		text, err := line(value)
		if err == nil {
			_, err = w.Write(text)
		}
		if err != nil {
			return fmt.Errorf("cassette: %w", err)
		}
	}
	return nil
}
