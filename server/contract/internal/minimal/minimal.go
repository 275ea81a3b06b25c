// Package minimal is a small service in memory, written by hand as an implementer would, with the generated interface
// and package server alone. It also makes the situations that the API alone can't make, for every fixture of the case
// table.
package minimal

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/contract"
)

const company = "cmp_7Yk2"

// Keys that the service knows.
const (
	Key         = "ck_test_valid_key_0001"
	LowLevelKey = "ck_test_low_level_0001"
	OtherKey    = "ck_test_other_company1"
	RevokedKey  = "ck_test_revoked_key_01"
	BarredKey   = "ck_test_barred_key_001"
	LimitedKey  = "ck_test_limited_key_01"
	BusyKey     = "ck_test_unavailable_01"
	FailingKey  = "ck_test_failing_key_01"
	runningKey  = "ck_test_running_key_01"
)

// Service implements all operations.
type Service struct {
	mutex   sync.Mutex
	clients []*client // the oldest first
	replays replays
	now     time.Time
}

type client struct {
	company string
	api.Client
	requests  []*api.Product // the oldest first
	documents []string       // their types
}

var (
	_       api.StrictServerInterface = (*Service)(nil)
	created                           = time.Date(2026, 4, 15, 10, 30, 0, 0, time.UTC)
)

// New returns a handler over a service of its own, and what there is in it.
func New() (http.Handler, contract.Fixtures) {
	handler, fixtures, _ := Renewable()
	return handler, fixtures
}

// Renewable is [New] with the service itself, which can be what it was before.
func Renewable() (http.Handler, contract.Fixtures, *Service) {
	s := &Service{}
	c, r := s.renew()
	f := contract.Fixtures{
		Key: Key, LowLevelKey: LowLevelKey, RevokedKey: RevokedKey, BarredKey: BarredKey, OtherCompanyKey: OtherKey,
		Requested:   contract.Subject{ClientID: c.ID, RequestID: r.ID},
		Decide:      s.decide,
		Running:     contract.Subject{Key: runningKey, IdempotencyKey: "still-running"},
		Limited:     contract.Subject{Key: LimitedKey},
		Failing:     contract.Subject{Key: FailingKey},
		Unavailable: contract.Subject{Key: BusyKey},
	}
	handler, err := server.Handler(s, server.WithAuthenticator(server.AuthenticatorFunc(authenticate)),
		server.WithIdempotency(&s.replays), server.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		panic(err) // the specification is embedded: a test would have failed before
	}
	return handler, f, s
}

// Renew has the service be as it was at first, with nothing but a client that has a request in status requested. That
// takes far less time than another handler.
func (s *Service) Renew() { s.renew() }

func (s *Service) renew() (*client, *api.Product) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.clients, s.now, s.replays.MemoryIdempotency = nil, created, server.NewMemoryIdempotency()
	c := s.add(company, "client_requested", api.ClientInput{
		FirstName: "Ana", LastName: "Example", Email: "requested@example.com", BirthDate: "1984-11-21",
		Address: api.AddressInput{StreetLine1: "Calle 1", City: "Del Viso", PostalCode: "1669", State: "ARG-B", Country: "ARG"},
	})
	r := s.request(c, "requested", api.CardsIndividuals)
	r.Status = api.Requested
	return c, r
}

// Keep returns what has the clients be again as they are now.
func (s *Service) Keep() (back func()) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	kept := cloned(s.clients)
	return func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.clients = cloned(kept)
	}
}

func cloned(clients []*client) (all []*client) {
	for _, c := range clients {
		other := *c
		other.documents, other.requests = slices.Clone(c.documents), nil
		for _, r := range c.requests {
			request := *r
			other.requests = append(other.requests, &request)
		}
		all = append(all, &other)
	}
	return all
}

func authenticate(_ context.Context, key string, _ netip.Addr) (server.Principal, error) {
	ours := server.Principal{KeyID: key, CompanyID: company, AccessLevel: 3}
	switch key {
	case Key, FailingKey, runningKey:
		return ours, nil
	case LowLevelKey:
		ours.AccessLevel = 1
		return ours, nil
	case OtherKey:
		ours.CompanyID = "cmp_other"
		return ours, nil
	case BarredKey:
		return server.Principal{}, server.ErrAccessDenied
	case LimitedKey:
		return server.Principal{}, &server.Error{Status: http.StatusTooManyRequests, Code: api.CodeTooManyRequests, RetryAfter: 4 * time.Second}
	case BusyKey:
		return server.Principal{}, server.Unavailable(time.Second, nil)
	default:
		return server.Principal{}, server.ErrInvalidKey
	}
}

// replays has a call under way with every Idempotency-Key of one API key.
type replays struct{ *server.MemoryIdempotency }

func (r replays) Begin(ctx context.Context, key server.Idempotency) (*server.RecordedResponse, error) {
	if caller, _ := server.PrincipalFrom(ctx); caller.KeyID == runningKey {
		return nil, server.ErrIdempotencyInProgress
	}
	return r.MemoryIdempotency.Begin(ctx, key)
}

// enter begins an operation, at a second of its own. The service is the caller's alone until leave.
func (s *Service) enter(ctx context.Context) (companyID string, leave func(), err error) {
	caller, _ := server.PrincipalFrom(ctx)
	if caller.KeyID == FailingKey {
		return "", nil, errors.New("the disk is full")
	}
	s.mutex.Lock()
	s.now = s.now.Add(time.Second)
	return caller.CompanyID, s.mutex.Unlock, nil
}

// about is [Service.enter] for an operation on a client.
func (s *Service) about(ctx context.Context, id string) (c *client, leave func(), err error) {
	companyID, leave, err := s.enter(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range s.clients {
		if c.ID == id && c.company == companyID {
			return c, leave, nil
		}
	}
	leave()
	return nil, nil, server.NotFound("Company client not found with id: " + id)
}

func (s *Service) id() string { return "id_" + strconv.FormatInt(s.now.Unix(), 10) }
