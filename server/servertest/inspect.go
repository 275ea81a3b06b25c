package servertest

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// RequestState is a request as it is stored.
type RequestState struct {
	ID       string
	ClientID string
	Product  api.ProductType
	Status   api.ProductStatus
	// MissingDocuments are the ids of requirements, MissingFields the keys of data fields, as of the
	// last submission; so are RejectedItems. A request that was never submitted has none.
	MissingDocuments, MissingFields     []string
	RejectedItems                       []api.RejectedItem
	RejectionCode, RejectionDescription string
	CreatedAt, UpdatedAt                time.Time
}

// AuditRow is what is kept of a call that changes something, and was not refused.
type AuditRow struct {
	// Operation is its id in openapi.yaml, such as submitProduct.
	Operation string
	// RequestID, From and To are of the request; empty where the call was about none.
	RequestID string
	From, To  api.ProductStatus
	KeyID     string
	// TraceID is the call's X-Trace-Id.
	TraceID string
	// Missing counts requirements, Rejected items.
	Missing, Rejected int
	At                time.Time
}

// NotificationState says how far a notification has come.
type NotificationState string

// The states of a notification: it is tried, the provider took it, it was given up, or its client was deleted before.
const (
	NotificationPending   NotificationState = "pending"
	NotificationDelivered NotificationState = "delivered"
	NotificationDead      NotificationState = "dead"
	NotificationCancelled NotificationState = "cancelled"
)

// Notification is a notification and what came of it.
type Notification struct {
	// ID is its webhook-id.
	ID          string
	State       NotificationState
	SubmittedAt time.Time
	// Deliveries are all attempts, the first one first.
	Deliveries []Delivery
}

// Delivery is an attempt to deliver a notification.
type Delivery struct {
	At       time.Time
	Duration time.Duration
	// StatusCode is the provider's, 0 where it gave no answer.
	StatusCode int
	// Fault says why it failed; it is empty if it did not.
	Fault string
}

// RequestState returns a request. It fails the test where there is none.
func (s *Server) RequestState(requestID string) RequestState {
	s.t.Helper()
	var r RequestState
	var evaluation string
	err := s.db.Writer().QueryRowContext(s.context(),
		`SELECT id, client_id, product, status, evaluation, rejection_code, rejection_description, created_at, updated_at
		 FROM requests WHERE id = ?`, requestID).
		Scan(&r.ID, &r.ClientID, &r.Product, &r.Status, &evaluation,
			&r.RejectionCode, &r.RejectionDescription, &r.CreatedAt, &r.UpdatedAt)
	r.CreatedAt, r.UpdatedAt = r.CreatedAt.UTC(), r.UpdatedAt.UTC()
	var e enablement.Evaluation
	if err == nil && evaluation != "" {
		err = json.Unmarshal([]byte(evaluation), &e)
	}
	if err != nil {
		s.t.Fatalf("servertest: request %s: %v", requestID, err)
	}
	for _, d := range e.Missing.Documents {
		r.MissingDocuments = append(r.MissingDocuments, d.ID)
	}
	for _, d := range e.Missing.Data {
		for _, f := range d.Fields {
			r.MissingFields = append(r.MissingFields, f.Key)
		}
	}
	for _, i := range e.Rejected {
		r.RejectedItems = append(r.RejectedItems, api.RejectedItem{Type: api.RejectedItemType(i.Type), Key: i.Key, Reason: i.Reason})
	}
	return r
}

// Audit returns the audit of a request, or of a client and its requests, the oldest row first. It is there still
// when the client was deleted.
func (s *Server) Audit(id string) []AuditRow {
	s.t.Helper()
	var rows []AuditRow
	for _, a := range s.history(id).Audit {
		rows = append(rows, AuditRow{
			Operation: a.Operation,
			RequestID: a.RequestID,
			From:      api.ProductStatus(a.From),
			To:        api.ProductStatus(a.To),
			KeyID:     a.KeyID,
			TraceID:   a.TraceID,
			Missing:   a.Missing,
			Rejected:  a.Rejected,
			At:        a.At,
		})
	}
	return rows
}

// Notifications returns the notifications about a request: none, or one.
func (s *Server) Notifications(requestID string) []Notification {
	s.t.Helper()
	h := s.history(requestID)
	if h.NotificationID == "" {
		return nil
	}
	status, err := s.store.Notification(s.context(), h.NotificationID)
	if err != nil {
		s.t.Fatalf("servertest: notification %s: %v", h.NotificationID, err)
	}
	n := Notification{ID: status.ID, State: NotificationState(status.State), SubmittedAt: status.SubmittedAt}
	for _, d := range h.Deliveries {
		n.Deliveries = append(n.Deliveries, Delivery{At: d.StartedAt, Duration: d.Duration, StatusCode: d.StatusCode, Fault: d.Fault})
	}
	return []Notification{n}
}

func (s *Server) history(id string) enablement.History {
	s.t.Helper()
	h, err := s.store.History(s.context(), id)
	if err != nil {
		s.t.Fatalf("servertest: request or client %s: %v", id, err)
	}
	return h
}

// context is good in the test's cleanup, too.
func (s *Server) context() context.Context { return context.WithoutCancel(s.t.Context()) }

// drainLimit is far above what the default schedule takes.
const drainLimit = 30 * time.Second

// lookAgain is how often it is looked whether all is settled, besides after every attempt.
const lookAgain = 20 * time.Millisecond

// Drain waits until every notification is delivered or given up. It fails the test if that takes longer
// than 30 seconds: see [Server.Settle].
func (s *Server) Drain() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.context(), drainLimit)
	defer cancel()
	if err := s.Settle(ctx); err != nil {
		s.t.Fatalf("servertest: %v", err)
	}
}

// Settle is [Server.Drain] with a context, for schedules that take longer.
func (s *Server) Settle(ctx context.Context) error {
	ticker := time.NewTicker(lookAgain)
	defer ticker.Stop()
	for {
		attempted := s.settled.next()
		stats, err := s.store.QueueStats(ctx, time.Now())
		switch {
		case err == nil && stats.Pending == 0:
			return nil
		case err != nil && ctx.Err() == nil:
			return err
		}
		select {
		case <-attempted:
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for deliveries, of which %d are not settled: %w", stats.Pending, ctx.Err())
		}
	}
}

// CheckStatus fails the test, and lets it go on, unless the request has the status.
func (s *Server) CheckStatus(requestID string, want api.ProductStatus) {
	s.t.Helper()
	if got := s.RequestState(requestID).Status; got != want {
		s.t.Errorf("request %s is %s, not %s", requestID, got, want)
	}
}

// CheckAudit fails the test, and lets it go on, unless the request's audit has the statuses that
// submissions led to, in this order: none where no submission was taken.
func (s *Server) CheckAudit(requestID string, want ...api.ProductStatus) {
	s.t.Helper()
	var got []api.ProductStatus
	for _, row := range s.Audit(requestID) {
		if row.Operation == "submitProduct" {
			got = append(got, row.To)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("the audit of request %s is %v, not %v", requestID, got, want)
	}
}

// CheckNotified fails the test, and lets it go on, unless the provider took exactly so many
// notifications about the request: 0 or 1. It first waits until deliveries are settled.
func (s *Server) CheckNotified(requestID string, want int) {
	s.t.Helper()
	s.Drain()
	got := 0
	for _, n := range s.provider.Received() {
		if n.Data.ID == requestID {
			got++
		}
	}
	if got != want {
		s.t.Errorf("the provider took %d notifications about request %s, not %d", got, requestID, want)
	}
}
