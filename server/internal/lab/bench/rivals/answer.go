package rivals

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/httpapi"
)

// What every call sends.
const (
	secret    = "cm_0b0c7a0e6f0b4f3c9d5e0f6b6a1f2f11aaaaaaaaaaa"
	clientID  = "4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG"
	requestID = "2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh"
	path      = "/management/clients/individuals/" + clientID + "/products/" + requestID + "/submit"
	level     = 3 // the specification's x-access-level
)

// traceID is what the rivals respond with: they make none by themselves.
const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"

var created, updated = time.Date(2026, 4, 15, 10, 30, 0, 0, time.UTC), time.Date(2026, 4, 16, 9, 20, 0, 0, time.UTC)

// oneKey finds the one key that there is.
type oneKey struct{ key access.Key }

func (o oneKey) KeyByHash(_ context.Context, hash access.Hash) (access.Key, error) {
	if hash != access.HashOf(secret) {
		return access.Key{}, access.ErrKeyNotFound
	}
	return o.key, nil
}

func newAuthenticator() *httpapi.Authenticator {
	key := oneKey{access.New("cmp_7Yk2", level, secret, created)}
	return httpapi.NewAuthenticator(key, time.Minute, access.NewUsage(nil, nil).Note, time.Now)
}

var errLevel = errors.New("access level too low")

// authenticate is what the rivals check a key with.
func authenticate(ctx context.Context, a *httpapi.Authenticator, key string) error {
	principal, err := a.Authenticate(ctx, key, netip.Addr{})
	if err == nil && principal.AccessLevel < level {
		err = errLevel
	}
	return err
}

// answer is the domain's: a complete request, as in the specification's first example.
func answer(c enablement.Call) enablement.Request {
	return enablement.Request{
		ID: c.RequestID, CompanyID: c.CompanyID, ClientID: c.ClientID,
		Product: enablement.CardsIndividuals, Status: enablement.InKYC,
		CreatedAt: created, UpdatedAt: updated,
	}
}

// typed is the same in the generated types.
func typed(r enablement.Request) api.EvaluatedProduct {
	return api.EvaluatedProduct{
		Product: api.Product{
			ID: r.ID, ClientID: r.ClientID, Product: api.ProductType(r.Product), Status: api.ProductStatus(r.Status),
			MissingRequirements: api.MissingRequirements{
				Documents: []api.DocumentRequirement{}, Data: []api.DataRequirement{},
			},
			CreatedAt: api.NewTimestamp(r.CreatedAt), UpdatedAt: api.NewTimestamp(r.UpdatedAt),
		},
		RejectedItems: []api.RejectedItem{},
	}
}

// call is what a row sends.
type call struct{ method, path, body string }

var (
	submit = call{http.MethodPost, path, ""}
	create = call{http.MethodPost, clients, person}
	update = call{http.MethodPut, clients + "/" + clientID, person}
)

const (
	clients = "/management/clients/individuals"
	person  = `{"first_name":"Ana","last_name":"Example","email":"ana@example.com","birth_date":"1984-11-21",` +
		`"phone_country_code":54,"phone_number":91123456789,` +
		`"address":{"street_line1":"Calle 1","city":"Del Viso","postal_code":"1669","state":"ARG-B","country":"ARG"}}`
)

// newRequest is made once for each way: a call gets a copy of it, and the body anew.
func newRequest(ctx context.Context, c call) *http.Request {
	r, err := http.NewRequestWithContext(ctx, c.method, "http://127.0.0.1:8080"+c.path, strings.NewReader(c.body))
	if err != nil {
		panic(err) // all of it is constant
	}
	r.RemoteAddr = "192.0.2.1:51234"
	r.RequestURI = c.path
	if c.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("X-Api-Key", secret)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "bench")
	return r
}
