package servertest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/servertest"
)

// submitWith submits once, with faults.
func submitWith(t *testing.T, s *servertest.Server, clientID, requestID, fault string, opts ...client.CallOption) (*api.EvaluatedProduct, error) {
	t.Helper()
	opts = append(opts, client.WithHeader(servertest.FaultHeader, fault), client.WithAttempts(1))
	return s.Client().SubmitProduct(t.Context(), clientID, requestID, opts...)
}

func TestFaults_errors(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	clientID, requestID := s.CompleteRequest()
	for fault, want := range map[string]struct {
		kind    error
		outcome client.Outcome
		code    api.ErrorCode
	}{
		"status=400":           {client.ErrBadRequest, client.Refused, api.CodeBadRequest},
		"status=401":           {client.ErrUnauthorized, client.Refused, api.CodeAuth},
		"status=401/API_ERROR": {client.ErrUnauthorized, client.Refused, api.CodeAPIError},
		"status=404":           {client.ErrNotFound, client.Refused, api.CodeNotFound},
		"status=409":           {client.ErrNotPending, client.Refused, api.CodeVal},
		"status=429":           {client.ErrRateLimited, client.Refused, api.CodeTooManyRequests},
		"status=500":           {client.ErrServer, client.Unknown, api.CodeServerError},
		"status=503":           {client.ErrServer, client.Unknown, api.CodeServiceUnavailable},
	} {
		t.Run(fault, func(t *testing.T) {
			_, err := submitWith(t, s, clientID, requestID, fault)
			require.ErrorIs(t, err, want.kind)
			var failed *client.Error
			require.ErrorAs(t, err, &failed)
			require.Equal(t, want.outcome, failed.Outcome)
			require.Equal(t, want.code, failed.Code)
			require.Regexp(t, `^[0-9a-f]{32}$`, failed.TraceID)
			if failed.StatusCode == http.StatusTooManyRequests || failed.StatusCode == http.StatusServiceUnavailable {
				require.Equal(t, time.Second, failed.RetryAfter)
			}
		})
	}
	for _, status := range []int{413, 422} {
		_, err := submitWith(t, s, clientID, requestID, "status="+strconv.Itoa(status))
		var failed *client.Error
		require.ErrorAs(t, err, &failed)
		require.Equal(t, status, failed.StatusCode)
	}
	s.CheckAudit(requestID)
}

// TestFaults_lose is what idempotency keys are for: it was done, and nobody was told.
func TestFaults_lose(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	clientID, requestID := s.CompleteRequest()
	_, err := submitWith(t, s, clientID, requestID, "lose")
	var failed *client.Error
	require.ErrorAs(t, err, &failed)
	require.Equal(t, client.Unknown, failed.Outcome)
	s.CheckStatus(requestID, api.InKyc)

	var response client.Response
	again, err := s.Client().SubmitProduct(t.Context(), clientID, requestID,
		client.WithIdempotencyKey(failed.IdempotencyKey), client.WithResponse(&response))
	require.NoError(t, err)
	require.Equal(t, api.InKyc, again.Product.Status)
	require.Equal(t, 200, response.StatusCode)

	_, err = s.Client().SubmitProduct(t.Context(), clientID, requestID)
	require.ErrorIs(t, err, client.ErrNotPending, "under another key it is a second submission")
	s.CheckAudit(requestID, api.InKyc)
	s.CheckNotified(requestID, 1)
}

// TestFaultNext shows the client's own retry: only its first try is hit.
func TestFaultNext(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for _, fault := range []string{"lose", "cut=20", "status=503", "status=409/IDEMPOTENCY_IN_PROGRESS"} {
		clientID, requestID := s.CompleteRequest()
		s.FaultNext(1, fault)
		var response client.Response
		submission, err := s.Client().SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
		require.NoError(t, err, fault)
		require.Equal(t, api.InKyc, submission.Product.Status)
		require.Len(t, response.Attempts, 2, fault)
		s.CheckAudit(requestID, api.InKyc)
		s.CheckNotified(requestID, 1)
	}
}

func TestFaults_replies(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	t.Run("cut", func(t *testing.T) {
		clientID, requestID := s.CompleteRequest()
		_, err := submitWith(t, s, clientID, requestID, "cut=20")
		var failed *client.Error
		require.ErrorAs(t, err, &failed)
		require.Equal(t, client.Unknown, failed.Outcome)
		s.CheckStatus(requestID, api.InKyc)
	})
	t.Run("cut after more than there is", func(t *testing.T) {
		clientID, requestID := s.CompleteRequest()
		_, err := submitWith(t, s, clientID, requestID, "cut=1000000")
		require.NoError(t, err)
	})
	t.Run("html", func(t *testing.T) {
		clientID, requestID := s.CompleteRequest()
		_, err := submitWith(t, s, clientID, requestID, "html")
		require.ErrorIs(t, err, client.ErrInvalidResponse)
		s.CheckStatus(requestID, api.InKyc)
	})
	t.Run("what the client does not know", func(t *testing.T) {
		clientID, requestID := s.CompleteRequest()
		var response client.Response
		submission, err := submitWith(t, s, clientID, requestID, "unknown-status, added-field, zoned-times", client.WithResponse(&response))
		require.NoError(t, err)
		require.Equal(t, api.ProductStatus("under_review"), submission.Product.Status)
		require.Contains(t, string(response.Body), `"sample_field"`)
		require.Contains(t, string(response.Body), `+02:00"`)
		state := s.RequestState(requestID)
		require.Equal(t, state.CreatedAt, submission.Product.CreatedAt.Time, "the moment is the same")
		require.Equal(t, api.InKyc, state.Status, "the response alone is altered")
	})
	t.Run("delay", func(t *testing.T) {
		clientID, requestID := s.CompleteRequest()
		began := time.Now()
		_, err := submitWith(t, s, clientID, requestID, "delay=50ms")
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Since(began), 50*time.Millisecond)
	})
	t.Run("delay longer than the caller waits", func(t *testing.T) {
		clientID, requestID := s.CompleteRequest()
		_, err := submitWith(t, s, clientID, requestID, "delay=15s", client.WithTimeout(30*time.Millisecond))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var failed *client.Error
		require.ErrorAs(t, err, &failed)
		require.Equal(t, client.Unknown, failed.Outcome)
		s.CheckStatus(requestID, api.PendingDocumentation)
	})
	t.Run("unknown fault", func(t *testing.T) {
		clientID, requestID := s.CompleteRequest()
		_, err := submitWith(t, s, clientID, requestID, "explode")
		require.ErrorIs(t, err, client.ErrBadRequest)
		require.ErrorContains(t, err, servertest.FaultHeader)
		require.ErrorContains(t, err, `"explode"`)
		require.ErrorContains(t, err, "unknown-status")
		s.CheckAudit(requestID)
	})
}

func TestFaults_off(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.WithFaults(false))
	clientID, requestID := s.CompleteRequest()
	_, err := submitWith(t, s, clientID, requestID, "lose,explode")
	require.NoError(t, err, "it is a header like any other")
}

func TestServer_handler(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path(s.CompleteRequest()), nil)
	r.Header.Set("X-Api-Key", s.DefaultKey())
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	require.Equal(t, 200, w.Code)

	r.Header.Set(servertest.FaultHeader, "lose")
	require.PanicsWithError(t, http.ErrAbortHandler.Error(), func() { s.Handler().ServeHTTP(httptest.NewRecorder(), r) })
}
