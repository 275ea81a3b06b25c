package sample

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

func (s *standIn) listCalls(*http.Request) (any, error) { return s.calls.List(), nil }

func (s *standIn) forgetCalls(*http.Request) (any, error) {
	s.calls.Forget()
	return nil, nil //nolint:nilnil // no content
}

// mostNotifications is how many are listed.
const mostNotifications = 1000

type notificationInfo struct {
	ID          string                       `json:"id"`
	RequestID   string                       `json:"request_id"`
	ClientID    string                       `json:"client_id"`
	CompanyID   string                       `json:"company_id"`
	State       enablement.NotificationState `json:"state"`
	SubmittedAt api.Timestamp                `json:"submitted_at"`
	Attempts    int                          `json:"attempts"`
	LastAttempt api.Timestamp                `json:"last_attempt,omitzero"`
	LastStatus  int                          `json:"last_status,omitempty"`
	LastFault   string                       `json:"last_fault,omitempty"`
}

func (s *standIn) listNotifications(r *http.Request) (any, error) {
	state := enablement.NotificationState(r.URL.Query().Get("state"))
	if state != "" && !slices.Contains(enablement.NotificationStates, state) {
		return nil, &refusal{http.StatusBadRequest, "query parameter state: must be pending, delivered, dead or cancelled"}
	}
	stored, err := s.db.Notifications(r.Context(), state, "", mostNotifications)
	list := make([]notificationInfo, 0, len(stored))
	for _, n := range stored {
		info := notificationInfo{
			ID: n.ID, RequestID: n.RequestID, ClientID: n.ClientID, CompanyID: n.CompanyID, State: n.State, Attempts: n.Attempts,
			SubmittedAt: api.NewTimestamp(n.SubmittedAt), LastStatus: n.LastStatusCode, LastFault: n.LastFault,
		}
		if !n.LastAttempt.IsZero() {
			info.LastAttempt = api.NewTimestamp(n.LastAttempt)
		}
		list = append(list, info)
	}
	return list, err
}

// decision is what a call decides, and decided what came of it.
type decision struct {
	Status               enablement.Status `json:"status"`
	RejectionCode        string            `json:"rejection_code,omitempty"`
	RejectionDescription string            `json:"rejection_description,omitempty"`
}

type decided struct {
	ID       string `json:"id"`
	ClientID string `json:"client_id"`
	decision
	UpdatedAt api.Timestamp `json:"updated_at"`
}

func (s *standIn) decide(r *http.Request) (any, error) {
	var in decision
	if err := body(r, &in); err != nil {
		return nil, err
	}
	if in.Status == enablement.Rejected {
		in.RejectionCode = cmp.Or(in.RejectionCode, enablement.RejectedByProvider)
	}
	d := enablement.Decision(in)
	if err := d.Check(); err != nil { // also where there is no such request
		return nil, err
	}
	change, err := store.Review(r.Context(), s.db, r.PathValue("id"), d, s.clock.Now)
	if err != nil {
		return nil, err
	}
	s.logger.InfoContext(r.Context(), "provider: decided", "request", change.Request.ID, "status", string(change.Request.Status))
	return decided{change.Request.ID, change.Request.ClientID, in, api.NewTimestamp(change.Request.UpdatedAt)}, nil
}

func (s *standIn) getClock(*http.Request) (any, error) {
	return struct {
		Now   api.Timestamp `json:"now"`
		Ahead string        `json:"ahead"`
	}{api.NewTimestamp(s.clock.Now()), s.clock.Ahead().Round(time.Second).String()}, nil
}

func (s *standIn) setClock(r *http.Request) (any, error) {
	var in struct {
		Now api.Timestamp `json:"now"`
	}
	if err := body(r, &in); err != nil {
		return nil, err
	}
	return s.moved(r, s.clock.Set(in.Now.Time))
}

func (s *standIn) forwardClock(r *http.Request) (any, error) {
	var in struct {
		Forward string `json:"forward"`
	}
	if err := body(r, &in); err != nil {
		return nil, err
	}
	by, err := time.ParseDuration(in.Forward)
	if err != nil {
		return nil, &enablement.FieldError{Field: "forward", Rule: "must be a duration such as 24h, 90m or 30s"}
	}
	return s.moved(r, s.clock.Forward(by))
}

func (s *standIn) moved(r *http.Request, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	s.logger.InfoContext(r.Context(), "the clock was moved", "ahead", s.clock.Ahead().Round(time.Second))
	return s.getClock(r)
}
