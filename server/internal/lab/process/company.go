package process

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

// clients are how many a company has.
const clients = 100

// RequestID is the id of a company's nth request.
func RequestID(n int) string { return "rq_" + strconv.Itoa(n) }

// ClientID is the id of the client that the nth request belongs to.
func ClientID(n int) string { return "cl_" + strconv.Itoa(n%clients) }

// Company is one with so many requests, which are all complete.
func Company(id string, requests int) *dataset.Dataset {
	sample := sample.Data(time.Now())
	d := &dataset.Dataset{Companies: []dataset.Company{{ID: id}}}
	for n := range clients {
		client, document := sample.Clients[0], sample.Documents[0]
		client.ID, client.CompanyID, document.ClientID = ClientID(n), id, ClientID(n)
		d.Clients, d.Documents = append(d.Clients, client), append(d.Documents, document)
	}
	for n := range requests {
		d.Requests = append(d.Requests, dataset.Request{
			ID: RequestID(n), ClientID: ClientID(n), Product: enablement.CardsIndividuals, Status: enablement.Requested,
		})
	}
	return d
}

// Provider takes every notification.
type Provider struct {
	*httptest.Server
	Taken atomic.Int64
}

// NewProvider starts one. Flags are what a service needs to deliver to it.
func NewProvider() (p *Provider, flags []string) {
	p = &Provider{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		p.Taken.Add(1)
	}))
	return p, []string{"--provider-allow-private", "--provider-url", p.URL, "--provider-secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
}
