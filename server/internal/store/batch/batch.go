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

// ErrAlone says that a submission can't share a transaction, because it has to wait for a lock, or because the shared
// transaction failed. It is tried again in its own transaction.
var ErrAlone = errors.New("to be submitted alone")

// ErrUploadGone says that the document of a change is not there. It was uploaded for another client, or so long ago that
// it was removed.
var ErrUploadGone = errors.New("the uploaded document is not there")

// Alone returns the error for each of n callers whose shared transaction failed without a commit. One of them may be the
// cause, so each is tried again alone. If the database is away, or if it is not known whether the transaction was
// committed, all callers get err.
func Alone(n int, err error) error {
	if n == 1 || errors.Is(err, store.ErrUnavailable) {
		return err
	}
	return ErrAlone
}

// Submission is a submission to decide on, with what was loaded for it.
type Submission struct {
	enablement.Call
	// Context is that of the caller: nothing is written for a caller who has left.
	Context context.Context //nolint:containedctx // submissions of several callers
	Decide  func(enablement.File) (enablement.Change, error)
	// Whole is true to load the whole file, as for [enablement.Store.Change].
	Whole bool

	// ClientFound and RequestFound are false for what belongs to another company. If the request was not found, File
	// has only the client.
	ClientFound, RequestFound bool
	File                      enablement.File
	// Recorded is the last response under the idempotency key, however old; nil if there is none.
	Recorded *Record
	// KeyTaken is true if another process works on the idempotency key.
	KeyTaken bool
	// Locked is true if another transaction has locked the request, so that it could not be loaded.
	Locked bool
	// Fault says why what is stored can't be read.
	Fault error

	// Change and Err are the result of Decide.
	Change enablement.Change
	Err    error
}

// New returns a submission for which nothing was loaded yet.
func New(ctx context.Context, c enablement.Call, decide func(enablement.File) (enablement.Change, error)) *Submission {
	return &Submission{Call: c, Context: ctx, Decide: decide}
}

// NewWhole returns any other write, for which nothing was loaded yet. If it creates a client, there is nothing to load.
func NewWhole(ctx context.Context, c enablement.Call, decide func(enablement.File) (enablement.Change, error)) *Submission {
	s := New(ctx, c, decide)
	s.Whole = true
	if s.Creates() {
		s.ClientFound, s.File.Client.CompanyID = true, c.CompanyID
	}
	return s
}

// Creates reports whether the call creates a client.
func (s *Submission) Creates() bool { return s.Whole && s.ClientID == "" }

// Reset forgets what was loaded, to repeat the transaction.
func (s *Submission) Reset() {
	if s.Whole {
		*s = *NewWhole(s.Context, s.Call, s.Decide)
	} else {
		*s = *New(s.Context, s.Call, s.Decide)
	}
}

// Record is what is stored under an idempotency key. It is deleted together with the client.
type Record struct {
	enablement.Idempotency
	ClientID string
	Response []byte
	At       time.Time
}

// Audit is an audit row with its client and company.
type Audit struct {
	enablement.AuditRow
	ClientID, CompanyID string
}

// Writes is what the database has to write, all of it or nothing. It has each client, request and key once, as it is after
// all submissions.
type Writes struct {
	// Clients are created or replaced; Deleted are the ids of clients to delete.
	Clients []enablement.Client
	Deleted []string
	// Requested are new requests; Requests are updated.
	Requested []enablement.Request
	Requests  []enablement.Request
	// Documents become their clients'.
	Documents     []Document
	Audit         []Audit
	Notifications []enablement.Notification
	Records       []Record
	// Submitted wait for a decision from now on; Decided no longer do.
	Submitted []enablement.Submitted
	Decided   []Decided
}

// Document is an uploaded document that becomes the client's and supersedes the one of its type.
type Document struct {
	enablement.Document
	ClientID string
	At       time.Time
}

// Decided is a request that the provider decided on.
type Decided struct {
	RequestID string
	At        time.Time
}

// Empty reports whether there is nothing to write.
func (w *Writes) Empty() bool { return len(w.Audit) == 0 }

// Decide decides on the submissions in their order, and returns what to write.
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
