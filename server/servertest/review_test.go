package servertest_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/servertest"
)

func TestReview(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for _, test := range []struct {
		decision     servertest.Decision
		code         string
		clientStatus api.ClientStatus
	}{
		{servertest.Decision{Status: api.Rejected, RejectionDescription: "Not the person."}, "REJECTED_BY_PROVIDER", api.ClientPending},
		{servertest.Decision{Status: api.Rejected, RejectionCode: "OTHER"}, "OTHER", api.ClientPending},
		{servertest.Decision{Status: api.Enabled}, "", api.ClientActive},
	} {
		clientID, requestID := s.CompleteRequest()
		c := s.Client()
		_, err := c.SubmitProduct(t.Context(), clientID, requestID)
		require.NoError(t, err)
		s.Review(requestID, test.decision)
		products, err := c.Products(t.Context(), clientID)
		require.NoError(t, err)
		require.Equal(t, test.decision.Status, products[0].Status)
		require.Equal(t, test.code, products[0].RejectionCode)
		require.Equal(t, test.decision.RejectionDescription, products[0].RejectionDescription)
		client, err := c.Client(t.Context(), clientID)
		require.NoError(t, err)
		require.Equal(t, test.clientStatus, client.Status)
	}
}

func TestReview_fails(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	_, requestID := s.CompleteRequest()
	inner := &fatal{scope{TB: t}}
	ended := make(chan bool)
	go func() {
		defer close(ended)
		s.For(inner).Review(requestID, servertest.Decision{Status: api.Enabled})
	}()
	<-ended
	require.Len(t, inner.failures, 1)
	require.Contains(t, inner.failures[0], "not in KYC")
}

// fatal is a scope whose goroutine ends where the test would.
type fatal struct{ scope }

func (f *fatal) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}
