package clienttest_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
)

// memory is the API with its clients in memory, served as any implementation is. Anybody may look into it, so that a
// test knows what a call did whose response never came. What a test puts there is two hours old.
type memory struct {
	url     string
	handler http.Handler
	keys    *server.MemoryIdempotency

	mu       sync.Mutex
	clients  []api.Client // the newest first, as the products
	products []api.Product
	used     int
	// asks: a new request misses a passport. documents and submissions count what was done.
	asks                   bool
	documents, submissions int
}

var _ api.StrictServerInterface = (*memory)(nil)

const memoryKey = "sk_canary_5f1c0b7e"

// idle are those of tests that ended: it takes a while to make a handler.
var idle sync.Pool

// newMemory serves what around makes of the API.
func newMemory(t *testing.T, around func(next http.Handler) http.Handler) *memory {
	t.Helper()
	m, ok := idle.Get().(*memory)
	if !ok {
		m = &memory{keys: server.NewMemoryIdempotency()}
		var err error
		m.handler, err = server.Handler(m, server.WithIdempotency(m.keys), server.WithLogger(slog.New(slog.DiscardHandler)),
			server.WithAuthenticator(server.AuthenticatorFunc(func(_ context.Context, key string, _ netip.Addr) (server.Principal, error) {
				if key != memoryKey {
					return server.Principal{}, server.ErrInvalidKey
				}
				return server.Principal{KeyID: "k", CompanyID: "cmp_1", AccessLevel: 3}, nil
			})))
		require.NoError(t, err)
	}
	m.clients, m.products, m.asks, m.documents, m.submissions = nil, nil, false, 0, 0
	served := httptest.NewServer(around(m.handler))
	m.url = served.URL
	t.Cleanup(func() {
		served.Close() // when all calls have ended
		idle.Put(m)
	})
	return m
}

func plain(next http.Handler) http.Handler { return next }

// client calls the API at an address.
func (m *memory) client(t *testing.T, url string, opts ...client.Option) *client.Client {
	t.Helper()
	return newClient(t, &service{key: memoryKey}, url, opts...)
}

// newMemoryClient does not wait for long.
func newMemoryClient(t *testing.T, url string) *client.Client {
	t.Helper()
	return new(memory).client(t, url, client.WithAttemptTimeout(200*time.Millisecond))
}

// read returns what there is.
func (m *memory) read() ([]api.Client, []api.Product) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.clients), slices.Clone(m.products)
}

func (m *memory) at(age time.Duration) api.Timestamp { return api.NewTimestamp(time.Now().Add(-age)) }

func (m *memory) id(prefix string) string {
	m.used++
	return fmt.Sprintf("%s_%d", prefix, m.used)
}

// put stores a client of two hours ago.
func (m *memory) put(in api.ClientInput) api.Client {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.store(api.Client{ID: m.id("cl"), Status: api.ClientPending, CreatedAt: m.at(2 * time.Hour), UpdatedAt: m.at(2 * time.Hour)}, in)
}

func (m *memory) store(client api.Client, in api.ClientInput) api.Client {
	client = api.Client{
		ID: client.ID, Type: api.Individual, Status: client.Status, FirstName: in.FirstName, SecondName: in.SecondName,
		LastName: in.LastName, Email: in.Email, BirthDate: in.BirthDate, PhoneCountryCode: in.PhoneCountryCode,
		PhoneNumber: in.PhoneNumber, Address: api.Address(in.Address), CreatedAt: client.CreatedAt, UpdatedAt: client.UpdatedAt,
	}
	if at := m.find(client.ID); at >= 0 {
		m.clients[at] = client
	} else {
		m.clients = slices.Insert(m.clients, 0, client)
	}
	return client
}

// ask stores a request of two hours ago.
func (m *memory) ask(clientID string, status api.ProductStatus) api.Product {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.open(clientID, status, 2*time.Hour)
}

func (m *memory) open(clientID string, status api.ProductStatus, age time.Duration) api.Product {
	product := api.Product{
		ID: m.id("rq"), ClientID: clientID, Product: api.CardsIndividuals, Status: status, CreatedAt: m.at(age), UpdatedAt: m.at(age),
		MissingRequirements: api.MissingRequirements{Documents: []api.DocumentRequirement{}, Data: []api.DataRequirement{}},
	}
	m.products = slices.Insert(m.products, 0, product)
	return product
}

// lack has a request miss a passport.
func (m *memory) lack(requestID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.miss(slices.IndexFunc(m.products, func(p api.Product) bool { return p.ID == requestID }))
}

func (m *memory) miss(at int) {
	m.products[at].MissingRequirements.Documents = []api.DocumentRequirement{{
		ID: "identity_document", Name: "Identity document", Required: true,
		ValidDocuments: []api.ValidDocument{{ID: "passport", Name: "Passport", Metadata: []api.MetadataField{}}},
	}}
}

func (m *memory) find(clientID string) int {
	return slices.IndexFunc(m.clients, func(c api.Client) bool { return c.ID == clientID })
}

func (m *memory) of(clientID string) (*api.Client, error) {
	if at := m.find(clientID); at >= 0 {
		return &m.clients[at], nil
	}
	return nil, server.NotFound("Company client not found with id: " + clientID)
}

var errExists = &server.Error{Status: http.StatusBadRequest, Code: api.CodeVal, Message: "Company client already exists for this company"}

func (m *memory) taken(email, clientID string) bool {
	return slices.ContainsFunc(m.clients, func(c api.Client) bool { return strings.EqualFold(c.Email, email) && c.ID != clientID })
}

// CreateClient and all that follow implement [api.StrictServerInterface].
func (m *memory) CreateClient(_ context.Context, r api.CreateClientRequestObject) (api.CreateClientResponseObject, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.taken(r.Body.Email, "") {
		return nil, errExists
	}
	created := m.store(api.Client{ID: m.id("cl"), Status: api.ClientPending, CreatedAt: m.at(0), UpdatedAt: m.at(0)}, *r.Body)
	return api.CreateClient201JSONResponse{ClientCreatedJSONResponse: api.ClientCreatedJSONResponse{Body: created}}, nil
}

func (m *memory) ListClients(context.Context, api.ListClientsRequestObject) (api.ListClientsResponseObject, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := append(api.Clients{}, m.clients...)
	return api.ListClients200JSONResponse{ClientsListedJSONResponse: api.ClientsListedJSONResponse{Body: list}}, nil
}

func (m *memory) GetClient(_ context.Context, r api.GetClientRequestObject) (api.GetClientResponseObject, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	client, err := m.of(r.ClientID)
	if err != nil {
		return nil, err
	}
	return api.GetClient200JSONResponse{ClientStoredJSONResponse: api.ClientStoredJSONResponse{Body: *client}}, nil
}

func (m *memory) UpdateClient(_ context.Context, r api.UpdateClientRequestObject) (api.UpdateClientResponseObject, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	client, err := m.of(r.ClientID)
	if err != nil {
		return nil, err
	}
	if m.taken(r.Body.Email, r.ClientID) {
		return nil, errExists
	}
	if client.Input() != *r.Body {
		client.UpdatedAt = m.at(0)
	}
	updated := m.store(*client, *r.Body)
	return api.UpdateClient200JSONResponse{ClientStoredJSONResponse: api.ClientStoredJSONResponse{Body: updated}}, nil
}

func (m *memory) DeleteClient(_ context.Context, r api.DeleteClientRequestObject) (api.DeleteClientResponseObject, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.of(r.ClientID); err != nil {
		return nil, err
	}
	m.clients = slices.Delete(m.clients, m.find(r.ClientID), m.find(r.ClientID)+1)
	m.products = slices.DeleteFunc(m.products, func(p api.Product) bool { return p.ClientID == r.ClientID })
	m.keys.Forget(r.ClientID)
	return api.DeleteClient204Response{}, nil
}

func (m *memory) RequestProduct(_ context.Context, r api.RequestProductRequestObject) (api.RequestProductResponseObject, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.of(r.ClientID); err != nil {
		return nil, err
	}
	if r.Body.Subproduct != string(api.CardsIndividuals) {
		return nil, &server.Error{Status: http.StatusPreconditionFailed, Code: api.CodeVal, Message: "Invalid product"}
	}
	if slices.ContainsFunc(m.products, func(p api.Product) bool { return p.ClientID == r.ClientID && p.Status != api.Rejected }) {
		return nil, server.Conflict(api.CodeVal, "An enablement request is already active for this product")
	}
	m.open(r.ClientID, api.PendingDocumentation, 0)
	if m.asks {
		m.miss(0)
	}
	requested := m.products[0]
	return api.RequestProduct201JSONResponse{ProductRequestedJSONResponse: api.ProductRequestedJSONResponse{Body: requested}}, nil
}

func (m *memory) ListProducts(_ context.Context, r api.ListProductsRequestObject) (api.ListProductsResponseObject, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.of(r.ClientID); err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(append(api.Products{}, m.products...), func(p api.Product) bool { return p.ClientID != r.ClientID })
	return api.ListProducts200JSONResponse{ProductsListedJSONResponse: api.ProductsListedJSONResponse{Body: list}}, nil
}

func (m *memory) CompleteDocumentation(_ context.Context, r api.CompleteDocumentationRequestObject) (api.CompleteDocumentationResponseObject, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, err := m.pending(r.ClientID, r.ProductRequestID)
	if err != nil {
		return nil, err
	}
	rejected := []api.RejectedItem{}
	if kind := r.Body.Document.DocumentType; !m.products[at].Misses(kind) && !r.Body.Document.Replace {
		rejected = append(rejected, api.RejectedItem{Type: api.RejectedDocument, Key: kind, Reason: "One is stored already."})
	} else if !strings.HasPrefix(http.DetectContentType(r.Body.Document.ImageFront.Content), "image/") {
		rejected = append(rejected, api.RejectedItem{Type: api.RejectedDocument, Key: kind, Reason: "It is not a photo."})
	} else if m.documents++; m.products[at].Misses(kind) {
		m.products[at].MissingRequirements.Documents, m.products[at].UpdatedAt = []api.DocumentRequirement{}, m.at(0)
	}
	return api.CompleteDocumentation200JSONResponse{DocumentationCompletedJSONResponse: api.DocumentationCompletedJSONResponse{Body: api.EvaluatedProduct{
		Product: m.products[at], RejectedItems: rejected,
	}}}, nil
}

func (m *memory) SubmitProduct(_ context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, err := m.pending(r.ClientID, r.ProductRequestID)
	if err != nil {
		return nil, err
	}
	if len(m.products[at].MissingRequirements.Documents) == 0 {
		m.submissions++
		m.products[at].Status, m.products[at].UpdatedAt = api.InKyc, m.at(0)
	}
	return api.SubmitProduct200JSONResponse{SubmittedJSONResponse: api.SubmittedJSONResponse{Body: api.EvaluatedProduct{
		Product: m.products[at], RejectedItems: []api.RejectedItem{},
	}}}, nil
}

// pending returns where a request is that is pending.
func (m *memory) pending(clientID, requestID string) (at int, err error) {
	if _, err := m.of(clientID); err != nil {
		return 0, err
	}
	at = slices.IndexFunc(m.products, func(p api.Product) bool { return p.ID == requestID && p.ClientID == clientID })
	switch {
	case at < 0:
		return 0, server.NotFound("Product request not found with id: " + requestID)
	case !m.products[at].Status.Pending():
		return 0, server.Conflict(api.CodeVal, "The enablement request is not pending documentation")
	}
	return at, nil
}
