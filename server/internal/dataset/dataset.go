// Package dataset is what can be imported into the service: companies, clients, their documents and
// their requests, as JSON with the field names of the API.
package dataset

import (
	"encoding/json"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// Dataset is the content of an import file. In JSON it is one.
type Dataset struct {
	// At is the moment of the import; what came without a time gets it.
	At        time.Time  `json:"-"`
	Companies []Company  `json:"companies,omitempty"`
	Clients   []Client   `json:"clients,omitempty"`
	Documents []Document `json:"documents,omitempty"`
	Requests  []Request  `json:"requests,omitempty"`
	// Keys come with the sample only: a secret has no place in an import file.
	Keys []Key `json:"-"`
}

// Key is an API key with the hash of its secret.
type Key struct {
	access.Key
	Hash access.Hash
}

// Company owns clients and API keys.
type Company struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Client is an individual client with the fields of the API (upstream, create individual client).
// Empty fields are allowed: a request then lists them as missing.
type Client struct {
	ID        string `json:"id"`
	CompanyID string `json:"company_id"`
	// Type is `individual`, or absent.
	Type string `json:"type,omitempty"`
	// Status is taken so that a client object of the API can be imported as it is. Nothing reads it: a client is active
	// if a request of it is enabled, else pending.
	Status           string             `json:"status,omitempty"`
	FirstName        string             `json:"first_name,omitempty"`
	SecondName       string             `json:"second_name,omitempty"`
	LastName         string             `json:"last_name,omitempty"`
	Email            string             `json:"email,omitempty"`
	BirthDate        string             `json:"birth_date,omitempty"`
	PhoneCountryCode int                `json:"phone_country_code,omitempty"`
	PhoneNumber      int64              `json:"phone_number,omitempty"`
	Address          enablement.Address `json:"address,omitzero"`
	CreatedAt        api.Timestamp      `json:"created_at,omitzero"`
	UpdatedAt        api.Timestamp      `json:"updated_at,omitzero"`
}

// Stored is the client as it is stored, as long as no request of it is enabled.
func (c *Client) Stored() enablement.Client {
	return enablement.Client{
		ID: c.ID, CompanyID: c.CompanyID, Status: enablement.ClientPending,
		FirstName: c.FirstName, SecondName: c.SecondName, LastName: c.LastName, Email: c.Email, BirthDate: c.BirthDate,
		PhoneCountryCode: c.PhoneCountryCode, PhoneNumber: c.PhoneNumber, Address: c.Address,
		CreatedAt: c.CreatedAt.Time, UpdatedAt: c.UpdatedAt.Time,
	}
}

// Document is a document of a client with the fields of the API (upstream, complete product
// documentation). A client has one document of a type: importing another replaces it.
type Document struct {
	ClientID string            `json:"client_id"`
	Type     string            `json:"document_type"`
	Front    Image             `json:"image_front,omitzero"`
	Back     Image             `json:"image_back,omitzero"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// MetadataJSON is the metadata as a store keeps it.
func (d *Document) MetadataJSON() (string, error) {
	if d.Metadata == nil {
		return "{}", nil
	}
	text, err := json.Marshal(d.Metadata)
	return string(text), err
}

// Request is a product enablement request of a client (upstream, list client products).
type Request struct {
	ID                   string             `json:"id"`
	ClientID             string             `json:"client_id"`
	Product              enablement.Product `json:"product"`
	Status               enablement.Status  `json:"status"`
	RejectionCode        string             `json:"rejection_code,omitempty"`
	RejectionDescription string             `json:"rejection_description,omitempty"`
	CreatedAt            api.Timestamp      `json:"created_at,omitzero"`
	UpdatedAt            api.Timestamp      `json:"updated_at,omitzero"`
}
