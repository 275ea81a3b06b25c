package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/httpapi"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

var now = time.Date(2026, time.April, 16, 9, 20, 0, 0, time.UTC)

// decide is what a store is given to decide with.
type decide = func(enablement.File) (enablement.Change, error)

// storeFunc is a store whose writes are a function.
type storeFunc func(context.Context, enablement.Call, decide) (enablement.Change, error)

func (f storeFunc) Submit(ctx context.Context, c enablement.Call, d decide) (enablement.Change, error) {
	return f(ctx, c, d)
}

func (f storeFunc) Change(ctx context.Context, c enablement.Call, d decide) (enablement.Change, error) {
	return f(ctx, c, d)
}

// Client, Clients and File are what a write would find.

func (f storeFunc) Client(ctx context.Context, companyID, clientID string) (enablement.Client, error) {
	found, err := f.File(ctx, companyID, clientID)
	return found.Client, err
}

func (f storeFunc) Clients(ctx context.Context, companyID string) ([]enablement.Client, error) {
	found, err := f.File(ctx, companyID, "")
	return []enablement.Client{found.Client}, err
}

func (f storeFunc) File(ctx context.Context, companyID, clientID string) (found enablement.File, err error) {
	_, err = f(ctx, enablement.Call{CompanyID: companyID, ClientID: clientID}, func(file enablement.File) (enablement.Change, error) {
		found = file
		return enablement.Change{}, nil
	})
	return found, err
}

// Upload keeps nothing.
func (f storeFunc) Upload(context.Context, string, string, enablement.Upload, time.Time) (int64, error) {
	return 7, nil
}

// file is of a request that lacks nothing.
func file() enablement.File {
	return enablement.File{
		Request: enablement.Request{
			ID: "request_1", CompanyID: "company_1", ClientID: "client_1", Product: enablement.CardsIndividuals,
			Status: enablement.PendingDocumentation, CreatedAt: now.Add(-time.Hour), UpdatedAt: now.Add(-time.Hour),
		},
		Client: enablement.Client{
			ID: "client_1", CompanyID: "company_1", Status: enablement.ClientPending, CreatedAt: now.Add(-time.Hour), UpdatedAt: now.Add(-time.Hour),
			FirstName: "Ana", LastName: "Example", Email: "ana@example.com",
			BirthDate: "1984-11-21", PhoneCountryCode: 54, PhoneNumber: 91123456789, Address: enablement.Address{Country: "ARG"},
		},
		Documents: []enablement.Document{{Type: "passport", FrontImage: true, Metadata: map[string]string{
			"number": "TEST0001", "issuing_country": "ARG", "expiration_date": "2030-01-31",
		}}},
	}
}

// newHandler serves the API over a store to two companies, by keys that are their names.
func newHandler(t *testing.T, config httpapi.Config) http.Handler {
	t.Helper()
	if config.Clock == nil {
		config.Clock = func() time.Time { return now }
	}
	handler, err := server.Handler(httpapi.New(config),
		server.WithTimeout(time.Minute),
		server.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
		server.WithAuthenticator(server.AuthenticatorFunc(func(_ context.Context, key string, _ netip.Addr) (server.Principal, error) {
			return server.Principal{KeyID: "key_of_" + key, CompanyID: key, AccessLevel: 3}, nil
		})))
	require.NoError(t, err)
	return handler
}

func ask(h http.Handler, company, client, request, key string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/management/clients/individuals/"+client+"/products/"+request+"/submit", nil)
	r.Header.Set("X-Api-Key", company)
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestSubmitProduct(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	var call enablement.Call
	h := newHandler(t, httpapi.Config{Store: storeFunc(func(ctx context.Context, c enablement.Call, decide decide) (enablement.Change, error) {
		deadline, bounded := ctx.Deadline()
		require.True(t, bounded)
		require.Less(t, time.Until(deadline), time.Minute)
		call = c
		change, err := decide(file())
		require.NoError(t, err)
		require.Equal(t, now, change.At)
		require.Regexp(t, `^ntf_[A-Za-z0-9_-]{26,60}$`, change.Notification.ID)
		ids[change.Notification.ID] = true
		return change, err
	})})
	for range 100 {
		w := ask(h, "company_1", "client_1", "request_1", "")
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		require.Equal(t, "application/json", w.Header().Get("Content-Type"))
		require.Equal(t, enablement.Call{
			Operation: "submitProduct", CompanyID: "company_1", ClientID: "client_1", RequestID: "request_1",
			KeyID: "key_of_company_1", TraceID: w.Header().Get("X-Trace-Id"),
		}, call)
		var got api.EvaluatedProduct
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
		require.Equal(t, api.EvaluatedProduct{
			Product: api.Product{
				ID: "request_1", ClientID: "client_1", Product: api.CardsIndividuals, Status: api.InKyc,
				MissingRequirements: api.MissingRequirements{Documents: []api.DocumentRequirement{}, Data: []api.DataRequirement{}},
				CreatedAt:           api.NewTimestamp(now.Add(-time.Hour)), UpdatedAt: api.NewTimestamp(now),
			},
			RejectedItems: []api.RejectedItem{},
		}, got)
	}
	require.Len(t, ids, 100)
}

// The clock is read where the decision is made, so waiting for the file does not make it old.
func TestSubmitProduct_readsTheClockLate(t *testing.T) {
	t.Parallel()
	loaded := false
	h := newHandler(t, httpapi.Config{
		Store: storeFunc(func(_ context.Context, _ enablement.Call, decide decide) (enablement.Change, error) {
			loaded = true
			return decide(file())
		}),
		Clock: func() time.Time {
			require.True(t, loaded)
			return now
		},
	})
	require.Equal(t, http.StatusOK, ask(h, "company_1", "client_1", "request_1", "").Code)
}

func TestSubmitProduct_refusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err     error
		status  int
		code    api.ErrorCode
		message string
	}{
		"client":      {enablement.ErrClientNotFound, 404, api.CodeNotFound, "Company client not found with id: client_1"},
		"request":     {enablement.ErrRequestNotFound, 404, api.CodeNotFound, "Product enablement request not found with id: request_1"},
		"not pending": {enablement.ErrNotPending, 409, api.CodeVal, "The enablement request is not pending documentation"},
		"mismatch":    {enablement.ErrIdempotencyMismatch, 422, api.CodeIdempotencyMismatch, "This Idempotency-Key was used for another call"},
		"in progress": {enablement.ErrIdempotencyInProgress, 409, api.CodeIdempotencyInProgress, "A call with this Idempotency-Key is still running"},
		"away":        {store.ErrUnavailable, 503, api.CodeServiceUnavailable, ""},
		"too slow":    {context.DeadlineExceeded, 503, api.CodeServiceUnavailable, ""},
		"broken":      {errors.New("disk full"), 500, api.CodeServerError, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var observed error
			h := newHandler(t, httpapi.Config{
				// What a store returns along with an error is not to be looked at.
				Store: storeFunc(func(context.Context, enablement.Call, decide) (enablement.Change, error) {
					return enablement.Change{Request: file().Request, Response: []byte("{}")}, test.err
				}),
				Observe: func(_ context.Context, operation string, _ time.Time, _ enablement.Change, err error) {
					require.Equal(t, "submitProduct", operation)
					observed = err
				},
			})
			w := ask(h, "company_1", "client_1", "request_1", "")
			require.Equal(t, test.status, w.Code, w.Body)
			require.ErrorIs(t, observed, test.err)
			var got api.Error
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
			require.Equal(t, test.code, got.Code)
			if test.message != "" {
				require.Equal(t, test.message, got.Message)
			}
			if test.status == 503 || test.code == api.CodeIdempotencyInProgress {
				require.Equal(t, "1", w.Header().Get("Retry-After"))
			}
		})
	}
	t.Run("by the decision", func(t *testing.T) {
		t.Parallel()
		h := newHandler(t, httpapi.Config{Store: storeFunc(func(_ context.Context, _ enablement.Call, decide decide) (enablement.Change, error) {
			f := file()
			f.Request.Status = enablement.InKYC
			return decide(f)
		})})
		require.Equal(t, http.StatusConflict, ask(h, "company_1", "client_1", "request_1", "").Code)
	})
}

// A response that can't be written leaves nothing to commit.
func TestSubmitProduct_unwritable(t *testing.T) {
	t.Parallel()
	h := newHandler(t, httpapi.Config{Store: storeFunc(func(_ context.Context, _ enablement.Call, decide decide) (enablement.Change, error) {
		f := file()
		f.Request.CreatedAt = now.AddDate(10_000, 0, 0)
		_, err := decide(f)
		require.ErrorContains(t, err, "year", "the store learns of it in time")
		return enablement.Change{}, err
	})})
	require.Equal(t, http.StatusInternalServerError, ask(h, "company_1", "client_1", "request_1", "").Code)
}

func TestSubmitProduct_idempotency(t *testing.T) {
	t.Parallel()
	const recorded = `{"product":{"id":"request_1","client_id":"client_1","product":"cards_individuals","status":"in_kyc",` +
		`"missing_requirements":{"documents":[],"data":[]},"created_at":"2026-04-15T10:30:00","updated_at":"2026-04-15T10:30:00"},"rejected_items":[]}` + "\n"
	entered, leave := make(chan struct{}), make(chan struct{})
	h := newHandler(t, httpapi.Config{Store: storeFunc(func(_ context.Context, c enablement.Call, _ decide) (enablement.Change, error) {
		if !now.Add(-24 * time.Hour).Equal(c.Idempotency.Since) {
			return enablement.Change{}, errors.New("not the window")
		}
		entered <- struct{}{}
		<-leave
		return enablement.Change{Response: []byte(recorded), Replayed: true}, nil
	})})
	bodies := make(chan string, 3)
	submit := func(company, key string) { bodies <- ask(h, company, "client_1", "request_1", key).Body.String() }
	go submit("company_1", "k")
	<-entered
	w := ask(h, "company_1", "client_1", "request_1", "k")
	require.Equal(t, http.StatusConflict, w.Code)
	require.Contains(t, w.Body.String(), "IDEMPOTENCY_IN_PROGRESS")
	go submit("company_1", "another")
	<-entered
	go submit("company_2", "k")
	<-entered
	close(leave)
	for range 3 {
		require.Equal(t, recorded, <-bodies, "the same bytes")
	}
	go submit("company_1", "k")
	<-entered
	require.Equal(t, recorded, <-bodies, "the key is free again")
}

// TestSubmitProduct_identity: what the store knows a repeat by.
func TestSubmitProduct_identity(t *testing.T) {
	t.Parallel()
	of := func(company, client, request, key string) (got enablement.Idempotency) {
		h := newHandler(t, httpapi.Config{Store: storeFunc(func(_ context.Context, c enablement.Call, decide decide) (enablement.Change, error) {
			got = *c.Idempotency
			return enablement.Change{}, enablement.ErrClientNotFound
		})})
		ask(h, company, client, request, key)
		return got
	}
	base := of("a", "b", "c", "k")
	require.Equal(t, base, of("a", "b", "c", "k"))
	require.NotEqual(t, base.ID, of("x", "b", "c", "k").ID, "companies don't meet")
	require.NotEqual(t, base.ID, of("a", "b", "c", "l").ID)
	require.Equal(t, base.ID, of("a", "x", "c", "k").ID)
	require.NotEqual(t, base.Fingerprint, of("a", "x", "c", "k").Fingerprint)
	require.NotEqual(t, of("a", "bc", "d", "k").Fingerprint, of("a", "b", "cd", "k").Fingerprint, "parts don't run into each other")
}
