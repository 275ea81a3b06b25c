// Package sample has what only the stand-in needs: its data, its keys and its own provider. All of it is public, so it
// is served on loopback only.
package sample

import (
	"bytes"
	"image"
	"image/png"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// The companies of the sample and the secrets of their keys.
const (
	Company      = "cmp_sample"
	OtherCompany = "cmp_other"

	KeyLevel1       = "sample-key-level-1"
	KeyLevel3       = "sample-key-level-3"
	KeyOtherCompany = "sample-key-other-company"
)

// Key is a key of the sample and what it is there to show.
type Key struct{ Secret, Does string }

// Keys are the sample's keys. The first may do all.
var Keys = []Key{
	{KeyLevel3, "of the sample's company"},
	{KeyLevel1, "level too low to submit: 401"},
	{KeyOtherCompany, "another company: 404"},
}

// Case is a request of the sample and what it is there to show.
type Case struct {
	Title     string
	ClientID  string
	RequestID string
}

// Path is where the case is submitted.
func (c Case) Path() string {
	return "/management/clients/individuals/" + c.ClientID + "/products/" + c.RequestID + "/submit"
}

// Cases are the sample's requests. The first is the seed's.
var Cases = []Case{
	{"complete: enters KYC", "4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG", "2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh"},
	{"incomplete: phone and passport missing", "sample-client-incomplete", "sample-request-incomplete"},
	{"expired passport, client under age", "sample-client-rejected-items", "sample-request-rejected-items"},
	{"already enabled", "sample-client-enabled", "sample-request-enabled"},
	{"already rejected", "sample-client-rejected", "sample-request-rejected"},
	{"complete: enters KYC, and the provider rejects it", "sample-client-to-reject", "sample-request-to-reject"},
}

// Data returns the data that the sample service starts with. All of it is invented but the seed's
// ids and creation time.
func Data(now time.Time) *dataset.Dataset {
	created := api.NewTimestamp(time.Date(2026, time.April, 15, 10, 30, 0, 0, time.UTC))
	d := &dataset.Dataset{
		At: now,
		Companies: []dataset.Company{
			{ID: Company, Name: "Sample company"},
			{ID: OtherCompany, Name: "Another company"},
		},
		Keys: []dataset.Key{
			publicKey(Company, 1, KeyLevel1, now),
			publicKey(Company, 3, KeyLevel3, now),
			publicKey(OtherCompany, 3, KeyOtherCompany, now),
		},
	}
	add := func(c Case, status enablement.Status, change func(*dataset.Client, *dataset.Document, *dataset.Request)) {
		client := dataset.Client{
			ID:               c.ClientID,
			CompanyID:        Company,
			Type:             "individual",
			FirstName:        "Sample",
			LastName:         "Person",
			Email:            strings.ToLower(c.ClientID) + "@example.com", // no two clients have the same
			BirthDate:        "1990-05-17",
			PhoneCountryCode: 54,
			PhoneNumber:      91123456789,
			Address:          enablement.Address{StreetLine1: "Sample street 1", City: "Del Viso", PostalCode: "1669", State: "ARG-B", Country: "ARG"},
			CreatedAt:        created,
			UpdatedAt:        created,
		}
		document := dataset.Document{
			ClientID: c.ClientID,
			Type:     "passport",
			Front:    photo(),
			Metadata: map[string]string{
				"number":          "SAMPLE0001",
				"issuing_country": "ARG",
				"expiration_date": now.AddDate(5, 0, 0).Format(time.DateOnly),
			},
		}
		request := dataset.Request{
			ID:        c.RequestID,
			ClientID:  c.ClientID,
			Product:   enablement.CardsIndividuals,
			Status:    status,
			CreatedAt: created,
			UpdatedAt: created,
		}
		change(&client, &document, &request)
		d.Clients = append(d.Clients, client)
		if document.Type != "" {
			d.Documents = append(d.Documents, document)
		}
		d.Requests = append(d.Requests, request)
	}
	asItIs := func(*dataset.Client, *dataset.Document, *dataset.Request) {}
	add(Cases[0], enablement.PendingDocumentation, asItIs)
	add(Cases[1], enablement.PendingDocumentation, func(c *dataset.Client, doc *dataset.Document, _ *dataset.Request) {
		c.PhoneCountryCode, c.PhoneNumber = 0, 0
		*doc = dataset.Document{}
	})
	add(Cases[2], enablement.PendingDocumentation, func(c *dataset.Client, doc *dataset.Document, _ *dataset.Request) {
		c.BirthDate = now.AddDate(-16, 0, 0).Format(time.DateOnly)
		doc.Metadata["expiration_date"] = now.AddDate(0, -6, 0).Format(time.DateOnly)
	})
	add(Cases[3], enablement.Enabled, asItIs)
	add(Cases[4], enablement.Rejected, func(_ *dataset.Client, _ *dataset.Document, r *dataset.Request) {
		r.RejectionCode = "REJECTED_BY_PROVIDER"
		r.RejectionDescription = "The provider could not verify the client"
	})
	add(Cases[5], enablement.PendingDocumentation, func(_ *dataset.Client, doc *dataset.Document, _ *dataset.Request) {
		doc.Metadata["number"] = rejectedNumber + "0001"
	})
	return d
}

func publicKey(companyID string, level int, secret string, now time.Time) dataset.Key {
	key := access.New(companyID, level, secret, now)
	key.Prefix = strings.TrimPrefix(secret, "sample-key-") // they all start with it
	return dataset.Key{Key: key, Hash: access.HashOf(secret)}
}

// photo is the smallest real PNG.
func photo() dataset.Image {
	var b bytes.Buffer
	_ = png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))) // to memory: can't fail
	return dataset.Image{MediaType: "image/png", Content: b.Bytes()}
}
