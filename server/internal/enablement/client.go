package enablement

import (
	"crypto/rand"
	"strings"
	"time"
)

// ClientStatus says where a client stands.
type ClientStatus string

// The statuses of a client (upstream, create individual client).
const (
	ClientPending  ClientStatus = "pending"
	ClientActive   ClientStatus = "active"
	ClientRejected ClientStatus = "rejected"
)

// Client is what is stored of an individual client of a company. An empty field is not stored. Fields are
// kept as they came: the evaluation judges them.
type Client struct {
	ID         string
	CompanyID  string
	Status     ClientStatus
	FirstName  string
	SecondName string
	LastName   string
	Email      string
	// BirthDate is yyyy-mm-dd.
	BirthDate string
	// PhoneCountryCode and PhoneNumber are two fields of one number, 0 where not stored.
	PhoneCountryCode int
	PhoneNumber      int64
	Address          Address
	CreatedAt        time.Time
	UpdatedAt        time.Time
}

// Address is a client's. It is stored as JSON, under the names of the API.
type Address struct {
	StreetLine1 string `json:"street_line1,omitempty"`
	StreetLine2 string `json:"street_line2,omitempty"`
	City        string `json:"city,omitempty"`
	PostalCode  string `json:"postal_code,omitempty"`
	State       string `json:"state,omitempty"`
	StateCode   string `json:"state_code,omitempty"`
	// Country is an ISO 3166-1 alpha-3 code.
	Country     string `json:"country,omitempty"`
	CountryCode string `json:"country_code,omitempty"`
}

// NewID returns an id that nobody can guess or meet twice, of 32 letters and digits like upstream's (seed).
func NewID() string { return (rand.Text() + rand.Text())[:32] }

// CreateClient says what a new client is, under an id that newID makes: pending, until one of its requests is
// decided on (upstream). The same e-mail is the same client (own rule).
func CreateClient(f File, in ClientInput, now time.Time, newID func() string) (Change, error) {
	if f.EmailTaken {
		return Change{}, ErrClientExists
	}
	at := moment(now)
	client := in.apply(f.Client)
	client.ID, client.Status, client.CreatedAt, client.UpdatedAt = newID(), ClientPending, at, at
	return Change{Client: &client, At: at, Changed: true}, nil
}

// UpdateClient replaces all that a caller can say of a client: what is left out is gone (upstream: a full
// replacement). Clients that had the same e-mail before keep it. UpdatedAt moves only if something changed, and
// never back.
func UpdateClient(f File, in ClientInput, now time.Time) (Change, error) {
	if f.EmailTaken && foldEmail(in.Email) != foldEmail(f.Client.Email) {
		return Change{}, ErrClientExists
	}
	client := in.apply(f.Client)
	c := Change{Client: &client, At: moment(now), Changed: client != f.Client}
	if c.Changed && c.At.After(client.UpdatedAt) {
		client.UpdatedAt = c.At
	}
	return c, nil
}

// DeleteClient has the client go, whatever became of its requests (upstream: permanent, with all data).
func DeleteClient(_ File, now time.Time) (Change, error) {
	return Change{Deleted: true, At: moment(now), Changed: true}, nil
}

// foldEmail is the same for e-mails that differ in the case of ASCII letters alone, as a store compares them.
func foldEmail(email string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, email)
}

// moment is a time as all storage keeps it.
func moment(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
