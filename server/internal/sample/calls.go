package sample

import (
	"cmp"
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/sample/faults"
)

// mostCalls is how many calls are remembered.
const mostCalls = 1000

// Call is a call that the API received, and what came of it. It has ids, but no key, no query, no body and no personal data.
type Call struct {
	At     api.Timestamp `json:"at"`
	Method string        `json:"method"`
	Path   string        `json:"path"`
	// Operation is empty where there is none, Status is 0 where the connection ended without a response.
	Operation  string        `json:"operation,omitempty"`
	Status     int           `json:"status"`
	Code       api.ErrorCode `json:"code,omitempty"`
	TraceID    string        `json:"trace_id,omitempty"`
	DurationMS int64         `json:"duration_ms"`
	CompanyID  string        `json:"company_id,omitempty"`
	KeyPrefix  string        `json:"key_prefix,omitempty"`
	// Fault tells that the call asked for a fault, so that the service may have responded otherwise, or was never called.
	Fault bool `json:"fault,omitempty"`
}

// Calls remembers the last calls. It is safe for concurrent use.
type Calls struct {
	now func() time.Time

	mu   sync.Mutex
	last []Call // the oldest first
}

type callKey struct{}

// Record remembers each call to next.
func (c *Calls) Record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		call := &Call{At: api.NewTimestamp(c.now()), Method: "other", Path: shownPath(r.URL.Path), Fault: r.Header.Get(faults.Header) != ""}
		if methods[r.Method] {
			call.Method = r.Method
		}
		status := &statusWriter{ResponseWriter: w}
		defer func() { // also where the connection is ended
			call.Status, call.DurationMS = status.status, time.Since(started).Milliseconds()
			call.TraceID = cmp.Or(w.Header().Get("X-Trace-Id"), call.TraceID)
			c.add(*call)
		}()
		next.ServeHTTP(status, r.WithContext(context.WithValue(r.Context(), callKey{}, call)))
	})
}

// Observe completes a call that is recorded by what only the service knows: see [server.WithObserver].
func (c *Calls) Observe(ctx context.Context, seen server.Call) {
	call, ok := ctx.Value(callKey{}).(*Call)
	if !ok {
		return
	}
	principal, _ := server.PrincipalFrom(ctx)
	call.Operation, call.Code, call.TraceID = seen.Operation, seen.Code, server.TraceIDFrom(ctx)
	call.CompanyID, call.KeyPrefix = principal.CompanyID, principal.KeyPrefix
}

func (c *Calls) add(call Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.last) == mostCalls {
		c.last = slices.Delete(c.last, 0, 1)
	}
	c.last = append(c.last, call)
}

// List is what is remembered, the newest first.
func (c *Calls) List() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := append([]Call{}, c.last...)
	slices.Reverse(list)
	return list
}

// Forget forgets all calls.
func (c *Calls) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = nil
}

var (
	methods = map[string]bool{
		http.MethodGet: true, http.MethodHead: true, http.MethodPost: true, http.MethodPut: true,
		http.MethodPatch: true, http.MethodDelete: true, http.MethodOptions: true,
	}
	// idForm is that of an id, and of each word of a path. A key has it, too, by mistake, and begins as keyForm.
	idForm  = regexp.MustCompile(`^[A-Za-z0-9_-]{0,64}$`)
	keyForm = regexp.MustCompile(`^(cm_|sample-key-)`)
)

// deepest is how many words a path of the API has at most, with some to spare.
const deepest = 12

// shownPath is a path without what a caller may have put there by mistake: a key, or an e-mail address instead of an id.
func shownPath(path string) string {
	words := strings.SplitN(path, "/", deepest)
	for i, word := range words {
		if !idForm.MatchString(word) || keyForm.MatchString(word) {
			words[i] = "…"
		}
	}
	return strings.Join(words, "/")
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] find what is beneath.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
