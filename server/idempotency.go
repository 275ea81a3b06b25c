package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
)

// idempotencyHeader makes an operation that has it one whose calls can be repeated.
const idempotencyHeader = "Idempotency-Key"

// idempotencyTimeout bounds what is left to do for a key when the response is known.
const idempotencyTimeout = 5 * time.Second

// Idempotency is what makes a call with an Idempotency-Key repeatable. An implementation that keeps its
// responses itself, in the transaction that makes the change, gets it from [IdempotencyFrom].
type Idempotency struct {
	// ID is a hash of the company, the operation and the key: companies don't meet, and the key is not
	// kept. The first response under it is what every later call under it gets.
	ID [sha256.Size]byte
	// Fingerprint is a hash of what is asked: the ids in the path, the query, and the body as JSON, without
	// regard to its spaces and the order of its fields. A later call with another one is
	// [ErrIdempotencyMismatch].
	Fingerprint [sha256.Size]byte
	// ClientID is the path's, whose data the response holds: it goes when the client does. It is empty
	// where the path has none.
	ClientID string
}

// What a call under a key gets that is not its first: an [IdempotencyStore] returns these, or an
// implementation that keeps its responses itself. Neither is to be changed.
var (
	// ErrIdempotencyMismatch: the key was used for something else.
	ErrIdempotencyMismatch = &Error{
		Status:  http.StatusUnprocessableEntity,
		Code:    api.CodeIdempotencyMismatch,
		Message: "This Idempotency-Key was used for another call",
	}
	// ErrIdempotencyInProgress: the first call still runs.
	ErrIdempotencyInProgress = &Error{
		Status:     http.StatusConflict,
		Code:       api.CodeIdempotencyInProgress,
		Message:    "A call with this Idempotency-Key is still running",
		RetryAfter: time.Second,
	}
)

// RecordedResponse is a response that is kept under a key.
type RecordedResponse struct {
	Status      int
	ContentType string
	Body        []byte
}

// IdempotencyStore keeps what calls under a key got, for 24 hours. [NewMemoryIdempotency] is one. All
// methods may be called by many at once.
type IdempotencyStore interface {
	// Begin takes the key for a call, until Finish or Abort; it returns nil then. It returns the response
	// where one is recorded, [ErrIdempotencyMismatch] where it is of another fingerprint, and
	// [ErrIdempotencyInProgress] where the key is taken. Of several at once one gets the key.
	Begin(ctx context.Context, key Idempotency) (*RecordedResponse, error)
	// Finish records the response, and gives the key free.
	Finish(ctx context.Context, key Idempotency, response RecordedResponse) error
	// Abort gives the key free: nothing certain came of the call.
	Abort(ctx context.Context, key Idempotency) error
}

// WithIdempotency has the calls under an Idempotency-Key answered from store where the key has a response
// already: with the same status and the same bytes, and without asking the implementation. A key whose
// first call still runs is a 409 with Retry-After, one that was used for something else a 422.
//
// Only a success is recorded. A 4xx changed nothing and is found anew, and what a 5xx did is not certain:
// the implementation is asked again, and must bear that. So it must where the process ends, or the
// store fails, between a change and its record, since these are two steps here. An implementation that can't
// bear it keeps its responses itself, with [IdempotencyFrom], in the transaction that makes the change.
func WithIdempotency(store IdempotencyStore) Option {
	return func(s *settings) error {
		if store == nil {
			return errors.New("WithIdempotency: the store is nil")
		}
		s.idempotency = store
		return nil
	}
}

// IdempotencyFrom returns what makes the call that ctx belongs to repeatable. It is false where the call has
// no Idempotency-Key or its operation takes none, and outside of a call.
func IdempotencyFrom(ctx context.Context) (Idempotency, bool) {
	if c := callFrom(ctx); c != nil && c.key != nil {
		return *c.key, true
	}
	return Idempotency{}, false
}

// identify tells what makes the call repeatable. The request is valid.
func (h *handler) identify(c *call, r *http.Request) error {
	op, keys := c.operation, r.Header[idempotencyHeader]
	if len(keys) == 0 || !op.keyed() {
		return nil
	}
	asked := make([]string, 0, len(op.pathParams)+2)
	key := &Idempotency{ID: hashOf(c.principal.CompanyID, op.id, keys[0])}
	for _, name := range op.pathParams {
		asked = append(asked, r.PathValue(name))
		if name == "clientId" {
			key.ClientID = r.PathValue(name)
		}
	}
	if r.URL.RawQuery != "" {
		asked = append(asked, r.URL.Query().Encode())
	}
	if op.takesBody() {
		body, err := io.ReadAll(r.Body) // it was read before, and is in memory
		if err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		asked = append(asked, canonical(body))
	}
	key.Fingerprint = hashOf(asked...)
	c.key = key
	return nil
}

func (o *operation) keyed() bool {
	return slices.ContainsFunc(o.headers, func(name string) bool { return strings.EqualFold(name, idempotencyHeader) })
}

// canonical is the same text for all ways to write a JSON value. What is none stays as it is.
func canonical(body []byte) string {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if decoder.Decode(&value) == nil {
		if text, err := json.Marshal(value); err == nil {
			return string(text)
		}
	}
	return string(body)
}

// hashOf is over the parts with their lengths, so that no two lists of parts run into each other. It is stored:
// never change it.
func hashOf(parts ...string) [sha256.Size]byte {
	h := sha256.New()
	for _, part := range parts {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write([]byte(part))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// once has the implementation respond, unless the key has its response already.
func (h *handler) once(c *call, r *http.Request, generated http.HandlerFunc) error {
	recorded, err := h.idempotency.Begin(r.Context(), *c.key)
	if err != nil {
		return err
	}
	if recorded != nil {
		c.header.Set("Content-Type", recorded.ContentType)
		c.WriteHeader(recorded.Status)
		_, err := c.Write(recorded.Body)
		return err
	}
	certain, ctx := false, context.WithoutCancel(r.Context()) // the caller may leave
	defer func() { h.settle(ctx, c, certain) }()              // and the implementation may panic
	err = h.invoke(c, r, generated)
	certain = err == nil && c.status/100 == 2
	return err
}

// settle records the response, if it is certain, and gives the key free. Where it can't, that is in the log: the
// response itself is good.
func (h *handler) settle(ctx context.Context, c *call, certain bool) {
	ctx, cancel := context.WithTimeout(ctx, idempotencyTimeout)
	defer cancel()
	var err error
	if certain {
		err = h.idempotency.Finish(ctx, *c.key, RecordedResponse{c.status, c.header.Get("Content-Type"), bytes.Clone(c.body)})
	} else {
		err = h.idempotency.Abort(ctx, *c.key)
	}
	if err != nil {
		h.logger.LogAttrs(ctx, slog.LevelError, "idempotency key not settled", slog.String("trace_id", c.traceID),
			slog.String("operation", c.operationID()), slog.Bool("certain", certain), slog.String("err", err.Error()))
	}
}
