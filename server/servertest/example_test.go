package servertest_test

import (
	"errors"
	"testing"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/server/servertest"
)

// TestExample is a user's test: a response is lost, and submitting again does no harm.
func TestExample(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	clientID, requestID := s.CompleteRequest()

	_, err := s.Client().SubmitProduct(t.Context(), clientID, requestID,
		client.WithHeader(servertest.FaultHeader, "lose"), client.WithAttempts(1))
	var failed *client.Error
	if !errors.As(err, &failed) || failed.Outcome != client.Unknown {
		t.Fatalf("the response was lost, and the error is %v", err)
	}
	submission, err := s.Client().SubmitProduct(t.Context(), clientID, requestID,
		client.WithIdempotencyKey(failed.IdempotencyKey))
	if err != nil || !submission.Complete() {
		t.Fatalf("submitting again: %v, %v", submission, err)
	}
	s.CheckNotified(requestID, 1)
}
