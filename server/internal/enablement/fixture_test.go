package enablement_test

import (
	"time"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// now is the seed's moment of submission.
var now = time.Date(2026, time.April, 16, 9, 20, 0, 0, time.UTC)

// client returns an invented client with nothing amiss.
func client() enablement.Client {
	return enablement.Client{
		ID:               "client_1",
		CompanyID:        "company_1",
		FirstName:        "Sample",
		LastName:         "Person",
		Email:            "sample.person@example.com",
		BirthDate:        "1990-05-17",
		PhoneCountryCode: 54,
		PhoneNumber:      91123456789,
		Address:          enablement.Address{Country: "ARG"},
	}
}

// document returns a document of the given kind with nothing amiss.
func document(kind string) enablement.Document {
	return enablement.Document{
		Type:       kind,
		FrontImage: true,
		BackImage:  kind != "passport",
		Metadata: map[string]string{
			"number":          "X-1234567",
			"issuing_country": "ARG",
			"expiration_date": "2030-01-31",
		},
	}
}

// with returns a document after a change.
func with(kind string, change func(*enablement.Document)) enablement.Document {
	d := document(kind)
	change(&d)
	return d
}

// passportWith returns a passport with one value of its metadata set.
func passportWith(id, value string) enablement.Document {
	return with("passport", func(d *enablement.Document) { d.Metadata[id] = value })
}

// file returns a request with all that it needs.
func file() enablement.File {
	created := time.Date(2026, time.April, 15, 10, 30, 0, 0, time.UTC)
	return enablement.File{
		Request: enablement.Request{
			ID:        "request_1",
			CompanyID: "company_1",
			ClientID:  "client_1",
			Product:   enablement.CardsIndividuals,
			Status:    enablement.PendingDocumentation,
			CreatedAt: created,
			UpdatedAt: created,
		},
		Client:    client(),
		Documents: []enablement.Document{document("passport")},
	}
}

// documents and keys name what is missing.
func documents(e enablement.Evaluation) []string {
	ids := []string{}
	for _, r := range e.Missing.Documents {
		ids = append(ids, r.ID)
	}
	return ids
}

func keys(e enablement.Evaluation) []string {
	keys := []string{}
	for _, r := range e.Missing.Data {
		for _, f := range r.Fields {
			keys = append(keys, f.Key)
		}
	}
	return keys
}
