package enablement

import (
	"crypto/rand"
	"strings"
	"time"
)

// ClientStatus is the status of a client.
type ClientStatus string

// The statuses of a client (upstream, create individual client).
const (
	ClientPending  ClientStatus = "pending"
	ClientActive   ClientStatus = "active"
	ClientRejected ClientStatus = "rejected"
)

// Client is an individual client of a company. An empty field has no value. Fields are stored as they came; the
// evaluation checks them.
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
	// PhoneCountryCode and PhoneNumber are the parts of one phone number; 0 if there is none.
	PhoneCountryCode int
	PhoneNumber      int64
	Address          Address
	CreatedAt        time.Time
	UpdatedAt        time.Time
}

// Address is the address of a client. It is stored as JSON, with the field names of the API.
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

// NewID returns a random id of 32 letters and digits, as upstream's are (seed). Nobody can guess it, and it does not
// come twice.
func NewID() string { return (rand.Text() + rand.Text())[:32] }

// CreateClient makes a new client with an id from newID. The client is pending until the provider decides on one of its
// requests (upstream). A company can't have two clients with one e-mail (own rule).
func CreateClient(f File, in ClientInput, now time.Time, newID func() string) (Change, error) {
	if f.EmailTaken {
		return Change{}, ErrClientExists
	}
	at := moment(now)
	client := in.apply(f.Client)
	client.ID, client.Status, client.CreatedAt, client.UpdatedAt = newID(), ClientPending, at, at
	return Change{Client: &client, At: at, Changed: true}, nil
}

// UpdateClient replaces all fields that a caller can set; a field that is left out is removed (upstream: a full
// replacement). Clients that already have the same e-mail keep it. UpdatedAt changes only if something else did, and
// never decreases.
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

// DeleteClient deletes the client, whatever the status of its requests (upstream: permanent, with all data).
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
