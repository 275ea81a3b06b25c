package cassette

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/cryptomate-go/enablement/gen/api"
)

// Player stands in for the recorded server: an [http.Handler] that gives each recorded response once.
//
// A call gets the response of an exchange with the same method, path and query. Calls that were recorded one after the
// other must come in that order; calls that overlapped may come in any order. Headers and bodies are not compared. Any
// other call gets a 501 that says what was expected next.
//
// If a call sends a value where the recording has a stand-in, later responses have the value in its place. So a client
// finds the e-mail address that it sent.
type Player struct {
	cassette *Cassette

	mutex sync.Mutex
	done  []bool
	wrong []string
	sent  map[string]jsontext.Value // in the place of stand-ins
}

// Player returns a Player that starts at the beginning of the cassette.
func (c *Cassette) Player() *Player {
	return &Player{cassette: c, done: make([]bool, len(c.exchanges)), sent: map[string]jsontext.Value{}}
}

// ServeHTTP implements [http.Handler].
func (p *Player) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d, err := loaded()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	op := d.find(r.Method, r.URL.EscapedPath())
	body, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, most(op))) // what can't be read is not compared either
	x, message := p.take(r)
	if x == nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotImplemented)
		_ = json.NewEncoder(w).Encode(api.Error{Code: "NOT_RECORDED", Message: message, TraceID: strings.Repeat("0", 32)})
		return
	}
	maps.Copy(w.Header(), x.Response.Header)
	w.WriteHeader(x.Response.Status)
	_, _ = w.Write(p.filled(d, op, x, body)) // where it can't be delivered, nobody is left to be told
}

// filled is the body of a response, with what this call and earlier ones sent in the place of stand-ins.
func (p *Player) filled(d *description, op *operation, x *exchange, body []byte) []byte {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	sent := personalIn(body, op.sent())
	for place, standIn := range personalIn(x.Request.Body, op.sent()) {
		if value := sent[place]; value != nil {
			p.sent[string(standIn)] = value
		}
	}
	filled, ok := walk(x.Response.Body, "", d.body(op, x.Response.Status), func(_ string, _ *openapi3.SchemaRef, marked bool, value jsontext.Value) jsontext.Value {
		if sent := p.sent[string(value)]; marked && sent != nil {
			return sent
		}
		return value
	}, asIs)
	if !ok {
		return x.Response.content()
	}
	return filled
}

// personalIn are the personal values of a body by their places, without photos.
func personalIn(body []byte, schema *openapi3.SchemaRef) map[string]jsontext.Value {
	values := map[string]jsontext.Value{}
	walk(body, "", schema, func(place string, schema *openapi3.SchemaRef, marked bool, value jsontext.Value) jsontext.Value {
		if marked && !photo(schema) {
			values[place] = value.Clone()
		}
		return value
	}, asIs)
	return values
}

func asIs(_, field string) string { return field }

// take returns the exchange that is called, or what to tell the caller.
func (p *Player) take(r *http.Request) (*exchange, string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	called := r.Method + " " + r.URL.RequestURI()
	var next []string
	for _, i := range p.ready() {
		x := p.cassette.exchanges[i]
		if called == x.Request.Method+" "+x.Request.Path {
			p.done[i] = true
			return x, ""
		}
		next = append(next, fmt.Sprintf("%s (exchange %d)", x, i+1))
	}
	if next == nil {
		next = []string{"nothing, as the cassette is at its end"}
	}
	message := fmt.Sprintf("cassette: %s %s was not expected, but %s", r.Method, r.URL.Path, strings.Join(next, " or "))
	p.wrong = append(p.wrong, message)
	return nil, message
}

// ready are the exchanges that may be next: those that began before any that is left ended.
func (p *Player) ready() (numbers []int) {
	ended := -1
	for i, x := range p.cassette.exchanges {
		if !p.done[i] && (ended < 0 || x.Ended < ended) {
			ended = x.Ended
		}
	}
	for i, x := range p.cassette.exchanges {
		if !p.done[i] && x.Began < ended {
			numbers = append(numbers, i)
		}
	}
	return numbers
}

// Err says which calls were not expected, or which were missing. It is nil if all calls came as recorded.
func (p *Player) Err() error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if len(p.wrong) > 0 {
		return errors.New(strings.Join(p.wrong, "\n"))
	}
	for i, done := range p.done {
		if !done {
			return fmt.Errorf("cassette: %s (exchange %d) was not called", p.cassette.exchanges[i], i+1)
		}
	}
	return nil
}
