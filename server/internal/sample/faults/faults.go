// Package faults makes the API misbehave on demand, so that callers can test their code. A header of the call
// says how; see [Kinds]. It is for the sample service and for tests. The real service never uses it.
package faults

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Header names the faults of a call, separated by commas.
const Header = "X-Sample-Fault"

// Kind is a fault that [Header] takes: an example of how it is asked for, and what it does.
type Kind struct{ Example, Does string }

// Kinds are all of them. What a call asks for happens in this order, however it is written.
var Kinds = []Kind{
	{"delay=2s", "the call waits, up to 15s"},
	{"status=503", "the documented error is the response, and the call is never made; with a code, status=409/IDEMPOTENCY_IN_PROGRESS"},
	{"unknown-status", "a 200 has a status that the specification does not know"},
	{"added-field", "a 200 has fields that the specification does not know"},
	{"zoned-times", "a 200 has its times with a zone"},
	{"html", "the response becomes a 200 with HTML, as of a login page"},
	{"cut=20", "the response ends after so many bytes of its body, and the connection with it"},
	{"lose", "the call is made, and the connection ends without a response"},
}

// longestDelay is below what the listeners allow a call.
const longestDelay = 15 * time.Second

// Handler puts faults before a handler of the API: those of [Kinds] that a call's [Header] asks for. A header
// that asks for anything else is a 400 that says so. It is safe for concurrent use.
type Handler struct {
	next   http.Handler
	logger *slog.Logger

	mu    sync.Mutex
	armed []plan
}

// New returns a handler that has no faults by itself. Each call with some is a line in the log: what its caller
// sees is not what the call's own line says.
func New(next http.Handler, logger *slog.Logger) *Handler {
	return &Handler{next: next, logger: logger}
}

// Arm makes the next n calls that have no faults of their own have these.
func (h *Handler) Arm(n int, faults string) error {
	p, err := parse([]string{faults})
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.armed = append(h.armed, slices.Repeat([]plan{p}, max(n, 0))...)
	return nil
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p, err := h.planFor(r)
	if err != nil {
		documented(http.StatusBadRequest, "", err.Error()).send(w)
		return
	}
	if p == (plan{cut: whole}) {
		h.next.ServeHTTP(w, r)
		return
	}
	if p.delay > 0 {
		select {
		case <-time.After(p.delay):
		case <-r.Context().Done():
			h.log(r, p, "")             // the call was never made
			panic(http.ErrAbortHandler) // who called is gone
		}
	}
	answer := h.answer(p, r)
	if p.lose {
		panic(http.ErrAbortHandler)
	}
	if p.cut == whole || p.cut >= answer.body.Len() {
		answer.send(w)
		return
	}
	answer.begin(w)
	_, _ = w.Write(answer.body.Bytes()[:p.cut])
	_ = http.NewResponseController(w).Flush() // else net/http takes it back
	panic(http.ErrAbortHandler)
}

// planFor returns what the call asks for, or else what is armed.
func (h *Handler) planFor(r *http.Request) (plan, error) {
	if asked := r.Header.Values(Header); len(asked) > 0 {
		return parse(asked)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.armed) == 0 {
		return plan{cut: whole}, nil
	}
	p := h.armed[0]
	h.armed = h.armed[1:]
	return p, nil
}

// answer makes the response, as far as its content goes.
func (h *Handler) answer(p plan, r *http.Request) *response {
	answer := newResponse()
	if p.status != 0 {
		answer = documented(p.status, p.code, "")
	} else {
		h.next.ServeHTTP(answer, r)
	}
	h.log(r, p, answer.header.Get("X-Trace-Id"))
	if answer.status == http.StatusOK {
		answer.alter(p)
	}
	if p.html {
		answer.becomeHTML()
	}
	return answer
}

func (h *Handler) log(r *http.Request, p plan, traceID string) {
	h.logger.InfoContext(r.Context(), "fault injected", "trace_id", traceID, "faults", p.text)
}

// whole is the cut of a response that is not cut.
const whole = -1

// plan is what happens to a call.
type plan struct {
	text                                       string // as it was asked for
	delay                                      time.Duration
	status                                     int // 0: none
	code                                       string
	cut                                        int
	lose                                       bool
	html, unknownStatus, addedField, zonedTime bool
}

// parse reads the header's lines.
func parse(lines []string) (plan, error) {
	p := plan{cut: whole}
	seen := make(map[string]bool)
	var asked []string
	for one := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		name, value, valued := strings.Cut(strings.TrimSpace(one), "=")
		if seen[name] || !p.take(name, value, valued) {
			return plan{}, fmt.Errorf("%s: can't do %.40q. Choose, separated by commas, each once: %s; statuses are %s",
				Header, strings.TrimSpace(one), examples(), statuses())
		}
		seen[name] = true
		asked = append(asked, strings.TrimSpace(one))
	}
	p.text = strings.Join(asked, ",")
	return p, nil
}

// take returns false for what it can't take.
func (p *plan) take(name, value string, valued bool) bool {
	if on, ok := map[string]*bool{
		"lose":           &p.lose,
		"html":           &p.html,
		"unknown-status": &p.unknownStatus,
		"added-field":    &p.addedField,
		"zoned-times":    &p.zonedTime,
	}[name]; ok {
		*on = true
		return !valued
	}
	var err error
	switch name {
	case "delay":
		p.delay, err = time.ParseDuration(value)
		return err == nil && p.delay >= 0 && p.delay <= longestDelay
	case "cut":
		p.cut, err = strconv.Atoi(value)
		return err == nil && p.cut >= 0
	case "status":
		number, code, _ := strings.Cut(value, "/")
		p.code = code
		p.status, err = strconv.Atoi(number)
		return err == nil && known(p.status, p.code)
	}
	return false
}

func examples() string {
	var list []string
	for _, kind := range Kinds {
		list = append(list, kind.Example)
	}
	return strings.Join(list, ", ")
}

func statuses() string {
	var list []string
	for _, status := range slices.Sorted(maps.Keys(failures)) {
		list = append(list, strconv.Itoa(status))
	}
	return strings.Join(list, " ")
}

// response is an [http.ResponseWriter] that holds the response back.
type response struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func newResponse() *response { return &response{header: make(http.Header)} }

// Header implements [http.ResponseWriter].
func (a *response) Header() http.Header { return a.header }

// WriteHeader implements [http.ResponseWriter].
func (a *response) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write implements [http.ResponseWriter].
func (a *response) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// begin sends all but the body.
func (a *response) begin(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", strconv.Itoa(a.body.Len()))
	w.WriteHeader(a.status)
}

func (a *response) send(w http.ResponseWriter) {
	a.begin(w)
	_, _ = w.Write(a.body.Bytes()) // whoever is gone needs no answer
}
