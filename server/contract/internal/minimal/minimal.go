// Package minimal is a small service in memory, by hand, as somebody might write it who takes only the
// generated interface and package server. It has a request for every fixture of the case table.
package minimal

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/contract"
)

const (
	company = "cmp_7Yk2"
	client  = "4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG"
)

// Keys that the service knows.
const (
	Key         = "ck_test_valid_key_0001"
	LowLevelKey = "ck_test_low_level_0001"
	OtherKey    = "ck_test_other_company1"
	RevokedKey  = "ck_test_revoked_key_01"
	limitedKey  = "ck_test_limited_key_01"
	busyKey     = "ck_test_unavailable_01"
)

// Service implements the operation.
type Service struct {
	mutex    sync.Mutex
	requests map[string]*request
	replays  map[string]replay
	now      time.Time
}

type request struct {
	product  api.ProductType
	status   api.ProductStatus
	missing  api.MissingRequirements
	rejected []api.RejectedItem
	updated  time.Time
	fails    bool
}

type replay struct {
	request string
	answer  api.SubmitProductResponseObject // nil while the call runs
}

var created = time.Date(2026, 4, 15, 10, 30, 0, 0, time.UTC)

// New returns a handler over a service of its own, and what there is in it.
func New() (http.Handler, contract.Fixtures) {
	nothing := api.MissingRequirements{Documents: []api.DocumentRequirement{}, Data: []api.DataRequirement{}}
	document, phone := nothing, nothing
	document.Documents = []api.DocumentRequirement{{
		ID: "identity_document", Name: "Identity document", Required: true,
		ValidDocuments: []api.ValidDocument{{
			ID: "passport", Name: "Passport", RequireImage: true,
			Metadata: []api.MetadataField{{ID: "number", Name: "Document Number", DataType: api.DataTypeString, Required: true}},
		}},
	}}
	phone.Data = []api.DataRequirement{{
		ID: "personal_information", Name: "Personal information", Required: true,
		Fields: []api.DataField{{Key: "phone", DataType: api.DataTypePhone, Required: true}},
	}}
	pending := func(missing api.MissingRequirements, rejected ...api.RejectedItem) *request {
		return &request{product: api.CardsIndividuals, status: api.PendingDocumentation, missing: missing, rejected: rejected, updated: created}
	}
	in := func(status api.ProductStatus) *request {
		r := pending(nothing)
		r.status = status
		return r
	}
	of := func(product api.ProductType) *request {
		r := pending(nothing)
		r.product = product
		return r
	}
	requested := pending(document)
	requested.status = api.Requested
	failing := pending(nothing)
	failing.fails = true
	s := &Service{
		now: created.Add(24 * time.Hour),
		requests: map[string]*request{
			"complete": pending(nothing), "repeated": pending(nothing), "ramps_cards": of(api.RampsCards), "ramps_pix": of(api.RampsPix),
			"requested": requested, "incomplete": pending(phone),
			"rejected_document": pending(document, api.RejectedItem{Type: api.RejectedDocument, Key: "passport", Reason: "The document expired."}),
			"rejected_data":     pending(phone, api.RejectedItem{Type: api.RejectedData, Key: "phone", Reason: "The number is too short."}),
			"in_kyc":            in(api.InKyc), "enabled": in(api.Enabled), "rejected": in(api.Rejected),
			"running": pending(nothing), "failing": failing,
		},
		replays: map[string]replay{"still-running": {request: "running"}},
	}
	handler, err := server.Handler(s, server.WithAuthenticator(server.AuthenticatorFunc(authenticate)),
		server.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		panic(err) // the specification is embedded: a test would have failed before
	}
	subject := func(id string) contract.Subject { return contract.Subject{ClientID: client, RequestID: id} }
	f := contract.Fixtures{
		Key: Key, LowLevelKey: LowLevelKey, RevokedKey: RevokedKey, OtherCompanyKey: OtherKey,
		Complete: subject("complete"), Repeated: subject("repeated"), RampsCards: subject("ramps_cards"), RampsPix: subject("ramps_pix"),
		Requested: subject("requested"), Incomplete: subject("incomplete"), RejectedDocument: subject("rejected_document"),
		RejectedData: subject("rejected_data"), InKYC: subject("in_kyc"), Enabled: subject("enabled"), Rejected: subject("rejected"),
		Running: subject("running"), Limited: subject("incomplete"), Failing: subject("failing"), Unavailable: subject("incomplete"),
	}
	f.Running.IdempotencyKey = "still-running"
	f.Limited.Key, f.Unavailable.Key = limitedKey, busyKey
	return handler, f
}

func authenticate(_ context.Context, key string, _ netip.Addr) (server.Principal, error) {
	switch key {
	case Key:
		return server.Principal{CompanyID: company, AccessLevel: 3}, nil
	case LowLevelKey:
		return server.Principal{CompanyID: company, AccessLevel: 2}, nil
	case OtherKey:
		return server.Principal{CompanyID: "cmp_other", AccessLevel: 3}, nil
	case limitedKey:
		return server.Principal{}, &server.Error{Status: http.StatusTooManyRequests, Code: api.CodeTooManyRequests, RetryAfter: 4 * time.Second}
	case busyKey:
		return server.Principal{}, server.Unavailable(time.Second, nil)
	default:
		return server.Principal{}, server.ErrInvalidKey
	}
}

// SubmitProduct implements [api.StrictServerInterface].
func (s *Service) SubmitProduct(ctx context.Context, call api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
	caller, _ := server.PrincipalFrom(ctx)
	if caller.CompanyID != company || call.ClientID != client {
		return nil, server.NotFound("Company client not found with id: " + call.ClientID)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	r := s.requests[call.ProductRequestID]
	if r == nil {
		return nil, server.NotFound("Product enablement request not found with id: " + call.ProductRequestID)
	}
	if key := call.Params.IdempotencyKey; key != nil {
		earlier, known := s.replays[*key]
		switch {
		case known && earlier.request != call.ProductRequestID:
			return nil, &server.Error{
				Status: http.StatusUnprocessableEntity, Code: api.CodeIdempotencyMismatch,
				Message: "This Idempotency-Key was used for another submission",
			}
		case known && earlier.answer == nil:
			return nil, &server.Error{
				Status: http.StatusConflict, Code: api.CodeIdempotencyInProgress,
				Message: "A call with this Idempotency-Key is still running", RetryAfter: time.Second,
			}
		case known:
			return earlier.answer, nil
		}
	}
	if r.fails {
		return nil, errors.New("the disk is full")
	}
	if !r.status.Pending() {
		return nil, server.Conflict(api.CodeVal, "The enablement request is not pending documentation")
	}
	answer := s.evaluate(call, r)
	if key := call.Params.IdempotencyKey; key != nil {
		s.replays[*key] = replay{call.ProductRequestID, answer}
	}
	return answer, nil
}

func (s *Service) evaluate(call api.SubmitProductRequestObject, r *request) api.SubmitProductResponseObject {
	status := api.InKyc
	if len(r.missing.Documents)+len(r.missing.Data) > 0 {
		status = api.PendingDocumentation
	}
	if status != r.status {
		r.status, r.updated = status, s.now
	}
	rejected := append([]api.RejectedItem{}, r.rejected...)
	return api.SubmitProduct200JSONResponse{SubmittedJSONResponse: api.SubmittedJSONResponse{Body: api.EvaluatedProduct{
		Product: api.Product{
			ID: call.ProductRequestID, ClientID: call.ClientID, Product: r.product, Status: r.status,
			MissingRequirements: r.missing, CreatedAt: api.NewTimestamp(created), UpdatedAt: api.NewTimestamp(r.updated),
		},
		RejectedItems: rejected,
	}}}
}
