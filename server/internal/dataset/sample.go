package dataset

import (
	"bytes"
	"image"
	"image/png"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// The companies of the sample and the secrets of their keys.
const (
	SampleCompany = "cmp_sample"
	OtherCompany  = "cmp_other"

	SampleKeyLevel1  = "sample-key-level-1"
	SampleKeyLevel3  = "sample-key-level-3"
	SampleKeyCompany = "sample-key-other-company"
)

// Case is a request of the sample and what it is there to show.
type Case struct {
	Title     string
	ClientID  string
	RequestID string
}

// Cases are the sample's requests. The first is the seed's.
var Cases = []Case{
	{"complete: enters KYC", "4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG", "2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh"},
	{"incomplete: phone and passport missing", "sample-client-incomplete", "sample-request-incomplete"},
	{"expired passport, client under age", "sample-client-rejected-items", "sample-request-rejected-items"},
	{"already enabled", "sample-client-enabled", "sample-request-enabled"},
	{"already rejected", "sample-client-rejected", "sample-request-rejected"},
}

// Sample returns the data that the sample service starts with. All of it is invented but the seed's
// ids and creation time.
func Sample(now time.Time) *Dataset {
	created := api.NewTimestamp(time.Date(2026, time.April, 15, 10, 30, 0, 0, time.UTC))
	d := &Dataset{
		At: now,
		Companies: []Company{
			{ID: SampleCompany, Name: "Sample company"},
			{ID: OtherCompany, Name: "Another company"},
		},
		Keys: []Key{
			sampleKey(SampleCompany, 1, SampleKeyLevel1, now),
			sampleKey(SampleCompany, 3, SampleKeyLevel3, now),
			sampleKey(OtherCompany, 3, SampleKeyCompany, now),
		},
	}
	add := func(c Case, status enablement.Status, change func(*Client, *Document, *Request)) {
		client := Client{
			ID:               c.ClientID,
			CompanyID:        SampleCompany,
			Type:             "individual",
			FirstName:        "Sample",
			LastName:         "Person",
			Email:            "sample.person@example.com",
			BirthDate:        "1990-05-17",
			PhoneCountryCode: 54,
			PhoneNumber:      91123456789,
			Address:          Address{StreetLine1: "Sample street 1", City: "Del Viso", PostalCode: "1669", State: "ARG-B", Country: "ARG"},
			CreatedAt:        created,
			UpdatedAt:        created,
		}
		document := Document{
			ClientID: c.ClientID,
			Type:     "passport",
			Front:    samplePhoto(),
			Metadata: map[string]string{
				"number":          "SAMPLE0001",
				"issuing_country": "ARG",
				"expiration_date": now.AddDate(5, 0, 0).Format(time.DateOnly),
			},
		}
		request := Request{
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
	asItIs := func(*Client, *Document, *Request) {}
	add(Cases[0], enablement.PendingDocumentation, asItIs)
	add(Cases[1], enablement.PendingDocumentation, func(c *Client, doc *Document, _ *Request) {
		c.PhoneCountryCode, c.PhoneNumber = 0, 0
		*doc = Document{}
	})
	add(Cases[2], enablement.PendingDocumentation, func(c *Client, doc *Document, _ *Request) {
		c.BirthDate = now.AddDate(-16, 0, 0).Format(time.DateOnly)
		doc.Metadata["expiration_date"] = now.AddDate(0, -6, 0).Format(time.DateOnly)
	})
	add(Cases[3], enablement.Enabled, asItIs)
	add(Cases[4], enablement.Rejected, func(_ *Client, _ *Document, r *Request) {
		r.RejectionCode = "REJECTED_BY_PROVIDER"
		r.RejectionDescription = "The provider could not verify the client"
	})
	return d
}

func sampleKey(companyID string, level int, secret string, now time.Time) Key {
	key := access.New(companyID, level, secret, now)
	key.Prefix = strings.TrimPrefix(secret, "sample-key-") // they all start with it
	return Key{Key: key, Hash: access.HashOf(secret)}
}

// samplePhoto is the smallest real PNG.
func samplePhoto() Image {
	var b bytes.Buffer
	_ = png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))) // to memory: can't fail
	return Image{MediaType: "image/png", Content: b.Bytes()}
}
