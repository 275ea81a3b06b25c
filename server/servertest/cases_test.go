package servertest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/servertest"
)

// answer is an HTTP answer.
type answer struct {
	status int
	header http.Header
	body   string
}

// call makes a call with the path as it is.
func call(t *testing.T, s *servertest.Server, method, path string, header http.Header) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, nil)
	require.NoError(t, err)
	r.Header = header
	r.Close = true
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func path(clientID, requestID string) string {
	return "/management/clients/individuals/" + clientID + "/products/" + requestID + "/submit"
}

func TestServer_cases(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	clientID, requestID := s.CompleteRequest()
	submit := path(clientID, requestID)
	key := s.DefaultKey()
	revoked := s.Key(s.DefaultCompany(), 3, func(k *servertest.KeyRecord) { k.RevokedAt = time.Now() })
	settled := func(status api.ProductStatus) string { return path(s.SettledRequest(status)) }
	const denied = "Access denied. The API Key is not authorized to do this operation."
	const notPending = "The enablement request is not pending documentation"
	for name, test := range map[string]struct {
		method, path, key string
		status            int
		code              api.ErrorCode
		message           string
	}{
		"no key":          {"POST", submit, "", 401, api.CodeAuth, "Invalid API key"},
		"unknown key":     {"POST", submit, "cm_unknown", 401, api.CodeAuth, "Invalid API key"},
		"revoked key":     {"POST", submit, revoked, 401, api.CodeAuth, "Invalid API key"},
		"level 1":         {"POST", submit, s.Key(s.DefaultCompany(), 1), 401, api.CodeAPIError, denied},
		"level 2":         {"POST", submit, s.Key(s.DefaultCompany(), 2), 401, api.CodeAPIError, denied},
		"other company":   {"POST", submit, s.Key(s.Company(), 3), 404, api.CodeNotFound, "Company client not found with id: " + clientID},
		"unknown client":  {"POST", path("nobody", requestID), key, 404, api.CodeNotFound, "Company client not found with id: nobody"},
		"unknown request": {"POST", path(clientID, "nothing"), key, 404, api.CodeNotFound, "Product enablement request not found with id: nothing"},
		"in KYC":          {"POST", settled(api.InKyc), key, 409, api.CodeVal, notPending},
		"enabled":         {"POST", settled(api.Enabled), key, 409, api.CodeVal, notPending},
		"rejected":        {"POST", settled(api.Rejected), key, 409, api.CodeVal, notPending},
		"space in id":     {"POST", path("a%20b", requestID), key, 400, api.CodeBadRequest, ""},
		"65 characters":   {"POST", path(strings.Repeat("a", 65), requestID), key, 400, api.CodeBadRequest, ""},
		"dots":            {"POST", path("..", requestID), key, 404, api.CodeNotFound, ""},
		"unknown query":   {"POST", submit + "?force=true", key, 400, api.CodeBadRequest, ""},
		"GET":             {"GET", submit, key, 405, api.CodeMethodNotAllowed, ""},
		"other path":      {"POST", "/management/clients", key, 404, api.CodeNotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{}
			if test.key != "" {
				header.Set("X-Api-Key", test.key)
			}
			got := call(t, s, test.method, test.path, header)
			require.Equal(t, test.status, got.status, got.body)
			var body api.Error
			require.NoError(t, json.Unmarshal([]byte(got.body), &body))
			require.Equal(t, test.code, body.Code)
			require.Equal(t, got.header.Get("X-Trace-Id"), body.TraceID)
			if test.message != "" {
				require.Equal(t, test.message, body.Message)
			}
		})
	}
	s.CheckAudit(requestID)
	s.CheckNotified(requestID, 0)
	require.Equal(t, 200, call(t, s, "POST", submit, http.Header{"X-Api-Key": {key}}).status, "what was refused changed nothing")
}

func TestServer_incomplete(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	clientID, requestID := s.IncompleteRequest()
	require.Empty(t, s.RequestState(requestID).MissingFields, "it was not submitted yet")
	submission, err := s.Client().SubmitProduct(t.Context(), clientID, requestID)
	require.NoError(t, err)
	require.Equal(t, api.PendingDocumentation, submission.Product.Status)
	require.Empty(t, submission.RejectedItems)
	state := s.RequestState(requestID)
	require.Equal(t, []string{"identity_document"}, state.MissingDocuments)
	require.Equal(t, []string{"phone"}, state.MissingFields)
	require.Equal(t, submission.Product.UpdatedAt.Time, state.UpdatedAt.Truncate(time.Second))
	audit := s.Audit(requestID)
	require.Len(t, audit, 1)
	require.Equal(t, api.PendingDocumentation, audit[0].From)
	require.Equal(t, 2, audit[0].Missing)
	require.Regexp(t, `^key_`, audit[0].KeyID)
	require.Empty(t, s.Notifications(requestID))
}

func TestServer_rejectedItems(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	clientID, requestID := s.RejectedItemsRequest()
	submission, err := s.Client().SubmitProduct(t.Context(), clientID, requestID)
	require.NoError(t, err)
	require.Len(t, submission.RejectedItems, 2)
	require.Equal(t, submission.RejectedItems, s.RequestState(requestID).RejectedItems)
	s.CheckStatus(requestID, api.PendingDocumentation)

	// A pending request can be completed and submitted again.
	s.Document(clientID)
	s.Import(strings.NewReader(`{"clients": [{"id": "` + clientID + `", "company_id": "` + s.DefaultCompany() + `",
		"first_name": "Ana", "last_name": "Example", "email": "ana@example.com", "birth_date": "1984-11-21",
		"phone_country_code": 54, "phone_number": 91123456789, "address": {"country": "ARG"}}]}`))
	_, err = s.Client().SubmitProduct(t.Context(), clientID, requestID)
	require.NoError(t, err)
	s.CheckAudit(requestID, api.PendingDocumentation, api.InKyc)
	s.CheckNotified(requestID, 1)
}

func TestServer_otherDocuments(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	clientID := s.ClientOf(s.DefaultCompany(), func(c *servertest.ClientRecord) { c.ID = "my-client" })
	s.Document(clientID, func(d *servertest.DocumentRecord) { d.Type, d.BackPhoto = "national_id", true })
	requestID := s.Request(clientID, func(r *servertest.RequestRecord) {
		r.ID, r.Product, r.Status = "my-request", api.RampsPix, api.Requested
	})
	_, err := s.Client().SubmitProduct(t.Context(), "my-client", "my-request")
	require.NoError(t, err)
	require.Equal(t, api.RampsPix, s.RequestState(requestID).Product)
	s.CheckStatus(requestID, api.InKyc)
}

func TestServer_parallelSubmits(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	submit := path(s.CompleteRequest())
	const callers = 32
	answers := make(chan int, callers)
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+submit, nil)
			if err != nil {
				return
			}
			r.Close = true
			r.Header.Set("X-Api-Key", s.DefaultKey())
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				return
			}
			_ = resp.Body.Close()
			answers <- resp.StatusCode
		})
	}
	group.Wait()
	close(answers)
	counts := make(map[int]int)
	for status := range answers {
		counts[status]++
	}
	require.Equal(t, map[int]int{200: 1, 409: callers - 1}, counts)
	s.Drain()
	require.Len(t, s.Provider().Received(), 1)
}

func TestServer_rateLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.April, 16, 9, 20, 0, 0, time.UTC)
	s := servertest.New(t, servertest.WithRateLimit(3), servertest.WithClock(func() time.Time { return now }))
	var statuses []int
	for range 4 {
		statuses = append(statuses, call(t, s, "POST", path("nobody", "nothing"), http.Header{"X-Api-Key": {s.DefaultKey()}}).status)
	}
	require.Equal(t, []int{404, 404, 404, 429}, statuses)
}

func TestServer_shared(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for _, name := range []string{"one", "two"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s.For(t)
			clientID, requestID := s.CompleteRequest()
			_, err := s.Client().SubmitProduct(t.Context(), clientID, requestID)
			require.NoError(t, err)
			s.CheckNotified(requestID, 1)
		})
	}
}

func TestServer_checksFail(t *testing.T) {
	t.Parallel()
	inner := &scope{TB: t}
	defer inner.end()
	s := servertest.New(inner)
	_, requestID := s.CompleteRequest()
	s.CheckStatus(requestID, api.InKyc)
	s.CheckAudit(requestID, api.InKyc)
	s.CheckNotified(requestID, 1)
	require.Equal(t, []string{
		"request " + requestID + " is pending_documentation, not in_kyc",
		"the audit of request " + requestID + " is [], not [in_kyc]",
		"the provider took 0 notifications about request " + requestID + ", not 1",
	}, inner.failures)
}
