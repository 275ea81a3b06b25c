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
	// MissingDocuments are ids of requirements, and MissingFields are keys of data fields. They and
	// RejectedItems are those of the last submission. A request that was never submitted has none.
	MissingDocuments, MissingFields     []string
	RejectedItems                       []api.RejectedItem
	RejectionCode, RejectionDescription string
	CreatedAt, UpdatedAt                time.Time
}

// AuditRow is the record of a successful call that changes something.
type AuditRow struct {
	// Operation is the operationId, such as submitProduct.
	Operation string
	// RequestID, From and To are empty if the call was not about a request.
	RequestID string
	From, To  api.ProductStatus
	KeyID     string
	// TraceID is the X-Trace-Id of the call.
	TraceID string
	// Missing is the number of missing requirements, and Rejected that of rejected items.
	Missing, Rejected int
	At                time.Time
}

// NotificationState is the state of a notification.
type NotificationState string

// A notification is pending until the provider accepts it (delivered) or the service gives it up (dead). It is cancelled
// if its client is deleted before.
const (
	NotificationPending   NotificationState = "pending"
	NotificationDelivered NotificationState = "delivered"
	NotificationDead      NotificationState = "dead"
	NotificationCancelled NotificationState = "cancelled"
)

// Notification is a notification with its deliveries.
type Notification struct {
	// ID is the webhook-id.
	ID          string
	State       NotificationState
	SubmittedAt time.Time
	// Deliveries are all attempts, the oldest first.
	Deliveries []Delivery
}

// Delivery is an attempt to deliver a notification.
type Delivery struct {
	At       time.Time
	Duration time.Duration
	// StatusCode is the status of the provider's response; 0 if there was none.
	StatusCode int
	// Fault says why the attempt failed; it is empty if it did not.
	Fault string
}

// RequestState returns a request. It fails the test if the request doesn't exist.
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

// Audit returns the audit of a request, or of a client and its requests, the oldest row first. The audit stays
// when the client is deleted.
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
// than 30 seconds. For more time, use [Server.Settle].
func (s *Server) Drain() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.context(), drainLimit)
	defer cancel()
	if err := s.Settle(ctx); err != nil {
		s.t.Fatalf("servertest: %v", err)
	}
}

// Settle is [Server.Drain] with a context in place of the limit of 30 seconds.
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

// CheckStatus fails the test if the request does not have the status. The test goes on.
func (s *Server) CheckStatus(requestID string, want api.ProductStatus) {
	s.t.Helper()
	if got := s.RequestState(requestID).Status; got != want {
		s.t.Errorf("request %s is %s, not %s", requestID, got, want)
	}
}

// CheckAudit fails the test if the statuses after the request's submissions, in their order, are not
// these. The test goes on. Give no status if no submission succeeded.
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

// CheckNotified waits until every notification is delivered or given up, and then fails the test if the
// provider has not accepted this number of notifications about the request: 0 or 1. The test goes on.
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
