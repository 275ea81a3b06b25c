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

// idempotencyHeader is the header of operations whose calls can be repeated.
const idempotencyHeader = "Idempotency-Key"

// idempotencyTimeout limits how long the store may take to record a response.
const idempotencyTimeout = 5 * time.Second

// Idempotency identifies a call with an Idempotency-Key. An implementation that keeps its responses
// itself, in the transaction that makes the change, gets it from [IdempotencyFrom].
type Idempotency struct {
	// ID is a hash of the company, the operation and the key. So two companies may use the same key, and
	// the key itself is not stored. Every later call with this ID gets the response of the first one.
	ID [sha256.Size]byte
	// Fingerprint is a hash of the rest of the call: the ids in the path, the query, and the body as JSON,
	// whatever its spaces and the order of its fields. A later call with the same ID and another
	// Fingerprint gets [ErrIdempotencyMismatch].
	Fingerprint [sha256.Size]byte
	// ClientID is the id in the path. The response holds data of this client: delete it together with the
	// client. It is empty if the path has no client.
	ClientID string
}

// An [IdempotencyStore], or an implementation that keeps its responses itself, returns these errors for
// calls under a key that was used before. Do not change their fields.
var (
	// ErrIdempotencyMismatch says that the key was used for another call.
	ErrIdempotencyMismatch = &Error{
		Status:  http.StatusUnprocessableEntity,
		Code:    api.CodeIdempotencyMismatch,
		Message: "This Idempotency-Key was used for another call",
	}
	// ErrIdempotencyInProgress says that the first call under the key is still running.
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

// IdempotencyStore keeps the responses to calls under a key for 24 hours. [NewMemoryIdempotency] makes
// one. Its methods must be safe for concurrent use.
type IdempotencyStore interface {
	// Begin takes the key for a call, until Finish or Abort, and returns nil. If a response is recorded,
	// Begin returns it; if it has another fingerprint, Begin returns [ErrIdempotencyMismatch]. If another
	// call has the key, Begin returns [ErrIdempotencyInProgress]. Of several calls at once, one gets the key.
	Begin(ctx context.Context, key Idempotency) (*RecordedResponse, error)
	// Finish records the response and releases the key.
	Finish(ctx context.Context, key Idempotency, response RecordedResponse) error
	// Abort releases the key without a response, as the result of the call is not certain.
	Abort(ctx context.Context, key Idempotency) error
}

// WithIdempotency answers a repeated call under an Idempotency-Key with the response that store has for the
// key: the same status and the same bytes. The implementation is not called. While the first call is
// still running, the response is a 409 with Retry-After. If the key was used for another call, it is a 422.
//
// Only a success is recorded. After a 4xx, which changed nothing, and after a 5xx, which is uncertain, the
// implementation is called again. It is also called again if the process ends, or the store fails, after
// the change and before the record: these are two steps. An implementation that can't allow a second
// call keeps its responses itself, with [IdempotencyFrom], in the transaction that makes the change.
//
// A response from the store is checked as the implementation's are. If it breaks the specification, the
// response is a 500.
func WithIdempotency(store IdempotencyStore) Option {
	return func(s *settings) error {
		if isNil(store) {
			return errors.New("WithIdempotency: the store is nil")
		}
		s.idempotency = store
		return nil
	}
}

// IdempotencyFrom returns the Idempotency of the call that ctx belongs to. ok is false if the call has no
// Idempotency-Key, if its operation takes none, and outside of a call.
func IdempotencyFrom(ctx context.Context) (key Idempotency, ok bool) {
	if c := callFrom(ctx); c != nil && c.key != nil {
		return *c.key, true
	}
	return Idempotency{}, false
}

// identify sets the key of a call whose request is valid.
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

// canonical returns one text for all ways to write a JSON value. A body that is not JSON stays as it is.
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

// hashOf hashes the parts with their lengths, so that no two lists of parts give the same bytes. The hash is
// stored: never change it.
func hashOf(parts ...string) [sha256.Size]byte {
	h := sha256.New()
	for _, part := range parts {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write([]byte(part))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// once calls the implementation, unless the store has the response for the key.
func (h *handler) once(c *call, r *http.Request, generated http.HandlerFunc) error {
	recorded, err := h.idempotency.Begin(r.Context(), *c.key)
	if err != nil {
		return err
	}
	if recorded != nil {
		c.header.Set("Content-Type", recorded.ContentType)
		c.WriteHeader(recorded.Status)
		c.body = append(c.body, recorded.Body...)
		return h.validateResponse(c, r)
	}
	certain, ctx := false, context.WithoutCancel(r.Context()) // the caller may leave
	defer func() { h.settle(ctx, c, certain) }()              // and the implementation may panic
	err = h.invoke(c, r, generated)
	certain = err == nil && c.status/100 == 2
	return err
}

// settle records the response if it is certain, and releases the key. If the store fails, the log says so, and
// the caller gets the response all the same.
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
