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

// TestNew_together runs 200 servers at once: each is asked for its own request, and for one of another
// server, and hears of nothing else. A few at a time are busy, as 200 are more than a small machine
// serves in time; nor is it parallel to other tests, which measure time.
//
//nolint:paralleltest // see above
func TestNew_together(t *testing.T) {
	const count, atOnce = 200, 8
	type one struct {
		*servertest.Server
		clientID, requestID string
	}
	servers, scopes := make([]one, count), make([]*scope, count)
	each := func(f func(i int) error) {
		t.Helper()
		errs := make([]error, count)
		var group sync.WaitGroup
		slots := make(chan struct{}, atOnce)
		for i := range count {
			slots <- struct{}{}
			group.Go(func() {
				errs[i] = f(i)
				<-slots
			})
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
