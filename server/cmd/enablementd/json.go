package main

import (
	"encoding/json"
	"io"
	"net/netip"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// What --json prints, for programs: fields are added to it, and none is renamed. What is not there has no field.

func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

type keyJSON struct {
	ID         string         `json:"id"`
	CompanyID  string         `json:"company_id"`
	Prefix     string         `json:"prefix"`
	Level      int            `json:"level"`
	Allow      []netip.Prefix `json:"allow,omitempty"`
	CreatedAt  time.Time      `json:"created_at"`
	ExpiresAt  time.Time      `json:"expires_at,omitzero"`
	RevokedAt  time.Time      `json:"revoked_at,omitzero"`
	LastUsedAt time.Time      `json:"last_used_at,omitzero"`
}

func keyAsJSON(k access.Key) keyJSON {
	return keyJSON{k.ID, k.CompanyID, k.Prefix, k.AccessLevel, k.Allow, k.CreatedAt.UTC(), utc(k.ExpiresAt), utc(k.RevokedAt), utc(k.LastUsedAt)}
}

type notificationJSON struct {
	ID             string    `json:"id"`
	RequestID      string    `json:"request_id"`
	State          string    `json:"state"`
	SubmittedAt    time.Time `json:"submitted_at"`
	Attempts       int       `json:"attempts"`
	LastAttemptAt  time.Time `json:"last_attempt_at,omitzero"`
	LastStatusCode int       `json:"last_status_code,omitempty"`
	LastFault      string    `json:"last_fault,omitempty"`
}

func notificationAsJSON(n enablement.NotificationStatus) notificationJSON {
	return notificationJSON{
		n.ID, n.RequestID, string(n.State), n.SubmittedAt.UTC(), n.Attempts, utc(n.LastAttempt), n.LastStatusCode, n.LastFault,
	}
}

type historyJSON struct {
	ID             string            `json:"id"`
	Status         enablement.Status `json:"status,omitempty"`
	Audit          []auditJSON       `json:"audit"`
	NotificationID string            `json:"notification_id,omitempty"`
	Deliveries     []deliveryJSON    `json:"deliveries,omitempty"`
}

type auditJSON struct {
	At        time.Time         `json:"at"`
	Operation string            `json:"operation"`
	RequestID string            `json:"request_id,omitempty"`
	From      enablement.Status `json:"from,omitempty"`
	To        enablement.Status `json:"to,omitempty"`
	Missing   int               `json:"missing"`
	Rejected  int               `json:"rejected"`
	KeyID     string            `json:"key_id"`
	TraceID   string            `json:"trace_id"`
}

type deliveryJSON struct {
	StartedAt  time.Time `json:"started_at"`
	Seconds    float64   `json:"seconds"`
	StatusCode int       `json:"status_code,omitempty"`
	Fault      string    `json:"fault,omitempty"`
	State      string    `json:"state"`
	Process    string    `json:"process"`
}

func historyAsJSON(id string, h enablement.History) historyJSON {
	return historyJSON{
		id, h.Status,
		all(h.Audit, func(a enablement.AuditRow) auditJSON {
			return auditJSON{a.At.UTC(), a.Operation, a.RequestID, a.From, a.To, a.Missing, a.Rejected, a.KeyID, a.TraceID}
		}),
		h.NotificationID,
		all(h.Deliveries, func(d enablement.Delivery) deliveryJSON {
			return deliveryJSON{d.StartedAt.UTC(), d.Duration.Seconds(), d.StatusCode, d.Fault, string(d.State), d.Process}
		}),
	}
}

type submittedJSON struct {
	RequestID   string             `json:"request_id"`
	ClientID    string             `json:"client_id"`
	CompanyID   string             `json:"company_id"`
	Product     enablement.Product `json:"product"`
	Status      enablement.Status  `json:"status"`
	SubmittedAt time.Time          `json:"submitted_at"`
	// AsStoredNow: what was stored at that moment is not recorded.
	AsStoredNow bool           `json:"as_stored_now,omitempty"`
	Client      *reviewedJSON  `json:"client,omitempty"`
	Documents   []documentJSON `json:"documents,omitempty"`
}

type reviewedJSON struct {
	FirstName        string             `json:"first_name"`
	SecondName       string             `json:"second_name,omitempty"`
	LastName         string             `json:"last_name"`
	Email            string             `json:"email"`
	BirthDate        string             `json:"birth_date"`
	PhoneCountryCode int                `json:"phone_country_code,omitempty"`
	PhoneNumber      int64              `json:"phone_number,omitempty"`
	Address          enablement.Address `json:"address"`
}

type documentJSON struct {
	Type       string            `json:"type"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	FrontImage bool              `json:"front_image"`
	BackImage  bool              `json:"back_image"`
}

// undecidedAsJSON has no personal data.
func undecidedAsJSON(s enablement.Submitted) submittedJSON {
	return submittedJSON{
		RequestID: s.RequestID, ClientID: s.ClientID, CompanyID: s.CompanyID, Product: s.Product, Status: s.Status, SubmittedAt: s.At.UTC(),
	}
}

func submittedAsJSON(s enablement.Submitted) submittedJSON {
	c, shown := s.Client, undecidedAsJSON(s)
	shown.AsStoredNow = s.Now
	shown.Client = &reviewedJSON{c.FirstName, c.SecondName, c.LastName, c.Email, c.BirthDate, c.PhoneCountryCode, c.PhoneNumber, c.Address}
	shown.Documents = all(s.Documents, func(d enablement.Document) documentJSON {
		return documentJSON{d.Type, d.Metadata, d.FrontImage, d.BackImage}
	})
	return shown
}

// all is never nil: a list without an entry is [].
func all[From, To any](list []From, to func(From) To) []To {
	converted := make([]To, len(list))
	for i, one := range list {
		converted[i] = to(one)
	}
	return converted
}

// utc leaves no time as it is.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}
