// Package batch decides on the submissions of one transaction, in the same way on every database: one after the other,
// so that each sees what the ones before it changed. Any other write is a batch of one.
package batch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

// ErrAlone is what a submission is answered that cannot share a transaction: it has to wait for a lock, or
// one of the others failed. It goes on by itself.
var ErrAlone = errors.New("to be submitted alone")

// ErrUploadGone is what a change is answered whose document is not there to become its client's: it was uploaded for
// another one, or so long ago that it was removed.
var ErrUploadGone = errors.New("the uploaded document is not there")

// Alone is the error that each of n callers is answered whose transaction failed, and was not committed: one
// of them may be at fault, and each is to find out by itself whether it is. Where the database is away, or
// nobody knows whether it was committed, all have to be told.
func Alone(n int, err error) error {
	if n == 1 || errors.Is(err, store.ErrUnavailable) {
		return err
	}
	return ErrAlone
}

// Submission is one to decide on, and what the database knows about it.
type Submission struct {
	enablement.Call
	// Context is its caller's: nothing is written for a caller that went away.
	Context context.Context //nolint:containedctx // submissions of several callers
	Decide  func(enablement.File) (enablement.Change, error)
	// Whole has the whole file loaded, as [enablement.Store.Change] does.
	Whole bool

	// ClientFound and RequestFound: nothing of another company is ever found. Of a client without the
	// request that is submitted the File has no more than that.
	ClientFound, RequestFound bool
	File                      enablement.File
	// Recorded is the last response under the idempotency key, whenever that was; nil if there is none.
	Recorded *Record
	// KeyTaken: another process works on the idempotency key.
	KeyTaken bool
	// Locked: another transaction holds the request, so that nothing is known of it yet.
	Locked bool
	// Fault: what is stored cannot be read.
	Fault error

	// Change and Err are what was decided.
	Change enablement.Change
	Err    error
}

// New returns a submission of which nothing is known yet.
func New(ctx context.Context, c enablement.Call, decide func(enablement.File) (enablement.Change, error)) *Submission {
	return &Submission{Call: c, Context: ctx, Decide: decide}
}

// NewWhole returns a change, which is by itself, of which nothing is known yet. Nothing is to be found of a client that
// is to be created.
func NewWhole(ctx context.Context, c enablement.Call, decide func(enablement.File) (enablement.Change, error)) *Submission {
	s := New(ctx, c, decide)
	s.Whole = true
	if s.Creates() {
		s.ClientFound, s.File.Client.CompanyID = true, c.CompanyID
	}
	return s
}

// Creates tells whether the change is to make a client.
func (s *Submission) Creates() bool { return s.Whole && s.ClientID == "" }

// Reset forgets what is known, for a transaction that is made again.
func (s *Submission) Reset() {
	if s.Whole {
		*s = *NewWhole(s.Context, s.Call, s.Decide)
	} else {
		*s = *New(s.Context, s.Call, s.Decide)
	}
}

// Record is what is kept under an idempotency key. It goes with the client.
type Record struct {
	enablement.Idempotency
	ClientID string
	Response []byte
	At       time.Time
}

// Audit is a row of the audit.
type Audit struct {
	enablement.AuditRow
	ClientID, CompanyID string
}

// Writes is what the database is to write, together or not at all. Each client, each request and each key is there
// once, as it is in the end.
type Writes struct {
	// Clients are created, or replaced where they are there; Deleted are the ids of those that go.
	Clients []enablement.Client
	Deleted []string
	// Requested are new requests; Requests are there.
	Requested []enablement.Request
	Requests  []enablement.Request
	// Documents take their places among their clients'.
	Documents     []Document
	Audit         []Audit
	Notifications []enablement.Notification
	Records       []Record
	// Submitted wait for a decision from now on, Decided no more.
	Submitted []enablement.Submitted
	Decided   []Decided
}

// Document is an uploaded document that becomes its client's, and supersedes the one of its type.
type Document struct {
	enablement.Document
	ClientID string
	At       time.Time
}

// Decided is a request that was decided on.
type Decided struct {
	RequestID string
	At        time.Time
}

// Empty tells whether there is nothing to write.
func (w *Writes) Empty() bool { return len(w.Audit) == 0 }

// Decide decides on the submissions in their order.
func Decide(submissions []*Submission) *Writes {
	l := ledger{requests: make(map[string]enablement.Request), records: make(map[[32]byte]Record)}
	w := &Writes{}
	for _, s := range submissions {
		s.Change, s.Err = l.decide(s)
		if s.Err == nil && !s.Change.Replayed {
			l.note(s)
			w.add(s)
		}
	}
	for _, r := range l.requests {
		w.Requests = append(w.Requests, r)
	}
	for _, r := range l.records {
		w.Records = append(w.Records, r)
	}
	return w
}

// ledger is what was decided so far, and is not in the database yet.
type ledger struct {
	requests map[string]enablement.Request
	records  map[[32]byte]Record
}

func (l *ledger) decide(s *Submission) (enablement.Change, error) {
	if s.Fault != nil {
		return enablement.Change{}, s.Fault
	}
	if s.Locked {
		return enablement.Change{}, ErrAlone
	}
	switch response, err := l.replay(s); {
	case err != nil:
		return enablement.Change{}, err
	case response != nil:
		return enablement.Change{Response: response, Replayed: true}, nil
	case !s.ClientFound:
		return enablement.Change{}, enablement.ErrClientNotFound
	}
	file := s.File
	found := s.RequestFound
	if s.Whole {
		i := slices.IndexFunc(file.Requests, func(r enablement.Request) bool { return r.ID == s.RequestID })
		if found = i >= 0 || s.RequestID == ""; i >= 0 {
			file.Request = file.Requests[i]
		}
	}
	if !found {
		return enablement.Change{}, enablement.ErrRequestNotFound
	}
	if changed, ok := l.requests[file.Request.ID]; ok {
		file.Request = changed
	}
	d, err := protect(s.Decide, file)
	if err == nil {
		err = s.Context.Err()
	}
	return d, err
}

// replay returns the response recorded under the idempotency key, nil if there is none in its window.
func (l *ledger) replay(s *Submission) ([]byte, error) {
	key := s.Idempotency
	if key == nil {
		return nil, nil
	}
	recorded := s.Recorded
	if now, ok := l.records[key.ID]; ok {
		recorded = &now
	}
	switch {
	case recorded != nil && recorded.At.After(key.Since.Truncate(time.Microsecond)): // the finest that is stored
		if !bytes.Equal(recorded.Fingerprint[:], key.Fingerprint[:]) {
			return nil, enablement.ErrIdempotencyMismatch
		}
		return recorded.Response, nil
	case s.KeyTaken:
		return nil, enablement.ErrIdempotencyInProgress
	}
	return nil, nil
}

// protect keeps a panic from the submissions of others.
func protect(decide func(enablement.File) (enablement.Change, error), file enablement.File) (d enablement.Change, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return decide(file)
}

func (l *ledger) note(s *Submission) {
	d := s.Change
	if d.Changed && d.Request.ID != "" && !d.Requested {
		l.requests[d.Request.ID] = d.Request
	}
	if s.Idempotency != nil {
		l.records[s.Idempotency.ID] = Record{Idempotency: *s.Idempotency, ClientID: s.clientID(), Response: d.Response, At: d.At}
	}
}

// clientID is of the client that was changed, or created.
func (s *Submission) clientID() string {
	if s.Change.Client != nil {
		return s.Change.Client.ID
	}
	return s.ClientID
}

func (w *Writes) add(s *Submission) {
	d := s.Change
	missing, rejected := d.Request.Evaluation.Missing, d.Request.Evaluation.Rejected
	if len(d.Rejected) > 0 {
		rejected = d.Rejected
	}
	w.Audit = append(w.Audit, Audit{
		ClientID: s.clientID(), CompanyID: s.CompanyID,
		AuditRow: enablement.AuditRow{
			At: d.At, Operation: s.Operation, RequestID: d.Request.ID, KeyID: s.KeyID, TraceID: s.TraceID, From: d.From, To: d.Request.Status,
			Missing: len(missing.Documents) + len(missing.Data), Rejected: len(rejected),
		},
	})
	if d.Client != nil && d.Changed {
		w.Clients = append(w.Clients, *d.Client)
	}
	if d.Deleted {
		w.Deleted = append(w.Deleted, s.ClientID)
	}
	if d.Requested {
		w.Requested = append(w.Requested, d.Request)
	}
	if d.Document != nil {
		w.Documents = append(w.Documents, Document{Document: *d.Document, ClientID: s.ClientID, At: d.At})
	}
	if d.Submitted != nil {
		w.Submitted = append(w.Submitted, *d.Submitted)
	}
	if d.Changed && d.From == enablement.InKYC && d.Request.Status != enablement.InKYC {
		w.Decided = append(w.Decided, Decided{RequestID: d.Request.ID, At: d.At})
	}
	if d.Notification != nil {
		w.Notifications = append(w.Notifications, *d.Notification)
	}
}
