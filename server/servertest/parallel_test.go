package servertest_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/servertest"
)

// waves of servers, atOnce in each. Under the race detector a server with its queue is slow: more of
// them than this is for a machine with more cores.
const (
	waves  = 4
	atOnce = 5
)

// TestNew_together runs many servers: each is asked for its own request, and for one of another
// server, and hears of nothing else.
func TestNew_together(t *testing.T) {
	t.Parallel()
	for range waves {
		together(t, atOnce)
	}
}

func together(t *testing.T, count int) {
	t.Helper()
	type one struct {
		*servertest.Server
		clientID, requestID string
	}
	servers, scopes := make([]one, count), make([]*scope, count)
	each := func(f func(i int) error) {
		t.Helper()
		errs := make([]error, count)
		var group sync.WaitGroup
		for i := range count {
			group.Go(func() { errs[i] = f(i) })
		}
		group.Wait()
		for i, err := range errs {
			require.NoError(t, err, "server %d", i)
		}
	}
	each(func(i int) error {
		scopes[i] = &scope{TB: t}
		s := servertest.New(scopes[i])
		clientID, requestID := s.CompleteRequest()
		servers[i] = one{s, clientID, requestID}
		if i%3 == 0 {
			s.Provider().FailNext(1)
		}
		return nil
	})
	each(func(i int) error {
		s, other := servers[i], servers[(i+1)%count]
		c := s.Client()
		if _, err := c.SubmitProduct(t.Context(), s.clientID, s.requestID); err != nil {
			return err
		}
		if _, err := c.SubmitProduct(t.Context(), other.clientID, other.requestID); !errors.Is(err, client.ErrNotFound) {
			return fmt.Errorf("another server's request: %w", err)
		}
		if _, err := s.ClientWithKey(other.DefaultKey()).SubmitProduct(t.Context(), s.clientID, s.requestID); !errors.Is(err, client.ErrUnauthorized) {
			return fmt.Errorf("another server's key: %w", err)
		}
		return nil
	})
	each(func(i int) error { return servers[i].Settle(t.Context()) })
	for i, s := range servers {
		s.CheckStatus(s.requestID, api.InKyc)
		s.CheckAudit(s.requestID, api.InKyc)
		received := s.Provider().Received()
		require.Len(t, received, 1)
		require.Equal(t, s.requestID, received[0].Data.ID)
		wantAttempts := 1
		if i%3 == 0 {
			wantAttempts = 2
		}
		require.Equal(t, wantAttempts, s.Provider().Attempts())
		require.Zero(t, s.Provider().Refused())
	}
	each(func(i int) error {
		scopes[i].end()
		if len(scopes[i].failures) > 0 {
			return fmt.Errorf("%v", scopes[i].failures)
		}
		return nil
	})
}
