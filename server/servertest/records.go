package servertest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"io"
	"net/netip"
	"sync"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// ClientRecord is a client as it is stored. An empty field is missing in evaluations.
type ClientRecord struct {
	ID        string
	FirstName string
	LastName  string
	Email     string
	// BirthDate is written yyyy-mm-dd.
	BirthDate        string
	PhoneCountryCode int
	PhoneNumber      int64
	Address          api.Address
}

// DocumentRecord is a document of a client.
type DocumentRecord struct {
	// Type is passport, national_id or drivers_license.
	Type string
	// FrontPhoto and BackPhoto say which photos there are. Every photo is the same grey dot.
	FrontPhoto, BackPhoto bool
	// Metadata has number, issuing_country and expiration_date, which is written yyyy-mm-dd.
	Metadata map[string]string
}

// RequestRecord is a product enablement request. Its times are stored to the second.
type RequestRecord struct {
	ID      string
	Product api.ProductType
	Status  api.ProductStatus
	// RejectionCode and RejectionDescription are for [api.Rejected] only.
	RejectionCode, RejectionDescription string
	CreatedAt, UpdatedAt                time.Time
}

// KeyRecord is an API key.
type KeyRecord struct {
	// Secret is the key that a caller sends.
	Secret string
	// AccessLevel is 1 or more; openapi.yaml says which level an operation needs.
	AccessLevel int
	// AllowedFrom are the addresses that may use the key; none means any. Tests call from 127.0.0.1.
	AllowedFrom []netip.Prefix
	// ExpiresAt and RevokedAt are zero for never.
	ExpiresAt, RevokedAt time.Time
}

// DefaultCompany returns the company that every server starts with. [Server.Client] has a key of it.
func (s *Server) DefaultCompany() (companyID string) { return s.company }

// DefaultKey returns the API key of [Server.Client], which is one of [Server.DefaultCompany].
func (s *Server) DefaultKey() (secret string) { return s.key }

// Company adds a company without keys and clients.
func (s *Server) Company() (companyID string) {
	s.t.Helper()
	companyID = newID("cmp_")
	s.add(&dataset.Dataset{Companies: []dataset.Company{{ID: companyID, Name: "Company of a test"}}})
	return companyID
}

// Key adds an API key and returns its secret. A function can change the record before it is stored.
func (s *Server) Key(companyID string, level int, change ...func(*KeyRecord)) (secret string) {
	s.t.Helper()
	k := KeyRecord{Secret: access.NewSecret(), AccessLevel: level}
	for _, c := range change {
		c(&k)
	}
	key := access.New(companyID, k.AccessLevel, k.Secret, s.config.clock())
	key.Allow, key.ExpiresAt, key.RevokedAt = k.AllowedFrom, k.ExpiresAt, k.RevokedAt
	if err := s.store.CreateKey(s.context(), key, access.HashOf(k.Secret)); err != nil {
		s.t.Fatalf("servertest: adding a key: %v", err)
	}
	return k.Secret
}

// ClientOf adds a client of a company. By default, the client has all that a product needs, except for a
// document.
func (s *Server) ClientOf(companyID string, change ...func(*ClientRecord)) (clientID string) {
	s.t.Helper()
	id := newID("cl_")
	c := ClientRecord{
		ID:               id,
		FirstName:        "Ana",
		LastName:         "Example",
		Email:            id + "@example.com",
		BirthDate:        s.date(-30, 0),
		PhoneCountryCode: 54,
		PhoneNumber:      91123456789,
		Address:          api.Address{StreetLine1: "Calle 1", City: "Del Viso", PostalCode: "1669", State: "ARG-B", Country: "ARG"},
	}
	for _, f := range change {
		f(&c)
	}
	s.add(&dataset.Dataset{Clients: []dataset.Client{{
		ID:               c.ID,
		CompanyID:        companyID,
		FirstName:        c.FirstName,
		LastName:         c.LastName,
		Email:            c.Email,
		BirthDate:        c.BirthDate,
		PhoneCountryCode: c.PhoneCountryCode,
		PhoneNumber:      c.PhoneNumber,
		Address:          enablement.Address(c.Address),
	}}})
	return c.ID
}

// Document adds a document of a client, or replaces the one of the same type. By default, it is a passport
// that is valid for five years.
func (s *Server) Document(clientID string, change ...func(*DocumentRecord)) {
	s.t.Helper()
	d := DocumentRecord{
		Type:       "passport",
		FrontPhoto: true,
		Metadata: map[string]string{
			"number":          "TEST0001",
			"issuing_country": "ARG",
			"expiration_date": s.date(5, 0),
		},
	}
	for _, f := range change {
		f(&d)
	}
	document := dataset.Document{ClientID: clientID, Type: d.Type, Metadata: d.Metadata}
	if d.FrontPhoto {
		document.Front = photo()
	}
	if d.BackPhoto {
		document.Back = photo()
	}
	s.add(&dataset.Dataset{Documents: []dataset.Document{document}})
}

// Request adds a request of a client. By default, it is a pending request for a card that was made
// yesterday.
func (s *Server) Request(clientID string, change ...func(*RequestRecord)) (requestID string) {
	s.t.Helper()
	yesterday := s.config.clock().AddDate(0, 0, -1)
	r := RequestRecord{
		ID:        newID("rq_"),
		Product:   api.CardsIndividuals,
		Status:    api.PendingDocumentation,
		CreatedAt: yesterday,
		UpdatedAt: yesterday,
	}
	for _, f := range change {
		f(&r)
	}
	s.add(&dataset.Dataset{Requests: []dataset.Request{{
		ID:                   r.ID,
		ClientID:             clientID,
		Product:              enablement.Product(r.Product),
		Status:               enablement.Status(r.Status),
		RejectionCode:        r.RejectionCode,
		RejectionDescription: r.RejectionDescription,
		CreatedAt:            api.NewTimestamp(r.CreatedAt),
		UpdatedAt:            api.NewTimestamp(r.UpdatedAt),
	}}})
	return r.ID
}

// CompleteRequest adds a client of [Server.DefaultCompany] with a request that enters KYC when it is
// submitted.
func (s *Server) CompleteRequest() (clientID, requestID string) {
	s.t.Helper()
	clientID = s.ClientOf(s.company)
	s.Document(clientID)
	return clientID, s.Request(clientID)
}

// IncompleteRequest adds a client of [Server.DefaultCompany] without a phone and a document, with a request.
// When it is submitted, it stays pending, and both are missing.
func (s *Server) IncompleteRequest() (clientID, requestID string) {
	s.t.Helper()
	clientID = s.ClientOf(s.company, func(c *ClientRecord) { c.PhoneCountryCode, c.PhoneNumber = 0, 0 })
	return clientID, s.Request(clientID)
}

// RejectedItemsRequest adds a client of [Server.DefaultCompany] who is too young and whose passport has
// expired, with a request. When it is submitted, it stays pending, and both are rejected.
func (s *Server) RejectedItemsRequest() (clientID, requestID string) {
	s.t.Helper()
	clientID = s.ClientOf(s.company, func(c *ClientRecord) { c.BirthDate = s.date(-16, 0) })
	s.Document(clientID, func(d *DocumentRecord) { d.Metadata["expiration_date"] = s.date(0, -6) })
	return clientID, s.Request(clientID)
}

// SettledRequest adds a client of [Server.DefaultCompany] with a request of this status, such as
// [api.Enabled].
func (s *Server) SettledRequest(status api.ProductStatus) (clientID, requestID string) {
	s.t.Helper()
	clientID = s.ClientOf(s.company)
	return clientID, s.Request(clientID, func(r *RequestRecord) {
		r.Status = status
		if status == api.Rejected {
			r.RejectionCode = "REJECTED_BY_PROVIDER"
		}
	})
}

// Import adds the data of a file for the command enablementd import: a JSON object with the lists companies,
// clients, documents and requests.
func (s *Server) Import(file io.Reader) {
	s.t.Helper()
	data, err := dataset.Open(s.context(), file, s.config.clock(), nil)
	if err == nil {
		err = errors.Join(s.store.Import(s.context(), data), data.Close())
	}
	if err != nil {
		s.t.Fatalf("servertest: importing: %v", err)
	}
}

// add goes the way of an import, so that nothing is stored that the service would not take.
func (s *Server) add(data *dataset.Dataset) {
	s.t.Helper()
	file, err := json.Marshal(data)
	if err != nil {
		s.t.Fatalf("servertest: %v", err)
	}
	s.Import(bytes.NewReader(file))
}

// date returns a day that is so far from today.
func (s *Server) date(years, months int) string {
	return s.config.clock().UTC().AddDate(years, months, 0).Format(time.DateOnly)
}

// newID returns an id that no other server has: one that strays is not found.
func newID(prefix string) string { return prefix + rand.Text() }

// photo is the smallest real PNG.
var photo = sync.OnceValue(func() dataset.Image {
	var b bytes.Buffer
	_ = png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))) // to memory: can't fail
	return dataset.Image{MediaType: "image/png", Content: b.Bytes()}
})
