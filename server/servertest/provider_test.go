package servertest_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/servertest"
)

func submit(t *testing.T, s *servertest.Server) (requestID string) {
	t.Helper()
	clientID, requestID := s.CompleteRequest()
	_, err := s.Client().SubmitProduct(t.Context(), clientID, requestID)
	require.NoError(t, err)
	return requestID
}

func TestProvider_failures(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	s.Provider().FailNext(2)
	s.Provider().AnswerNext(1, http.StatusFound)
	requestID := submit(t, s)
	s.CheckNotified(requestID, 1)
	require.Equal(t, 4, s.Provider().Attempts())
	require.Zero(t, s.Provider().Refused())
	n := s.Notifications(requestID)[0]
	require.Equal(t, servertest.NotificationDelivered, n.State)
	var statuses []int
	for _, d := range n.Deliveries {
		statuses = append(statuses, d.StatusCode)
	}
	require.Equal(t, []int{500, 500, 302, 204}, statuses)
	received := s.Provider().Received()[0]
	require.Equal(t, n.ID, received.ID)
	require.Equal(t, api.NotificationProductInKyc, received.Type)
	require.Equal(t, s.DefaultCompany(), received.Data.CompanyID)
}

func TestProvider_givenUp(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.WithDeliverySchedule(time.Millisecond))
	s.Provider().FailNext(2)
	requestID := submit(t, s)
	s.CheckNotified(requestID, 0)
	n := s.Notifications(requestID)[0]
	require.Equal(t, servertest.NotificationDead, n.State)
	require.Len(t, n.Deliveries, 2)
	require.Equal(t, "the provider answered 500", n.Deliveries[1].Fault)

	s.Provider().AnswerNext(1, http.StatusGone)
	requestID = submit(t, s)
	s.CheckNotified(requestID, 0)
	require.Len(t, s.Notifications(requestID)[0].Deliveries, 1)

	s.Provider().BusyNext(1, 3600)
	requestID = submit(t, s)
	s.CheckNotified(requestID, 1)
}

func TestProvider_hangs(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	release := s.Provider().Hang()
	requestID := submit(t, s)
	require.Eventually(t, func() bool { return s.Provider().Attempts() == 1 }, 10*time.Second, time.Millisecond)
	require.Equal(t, servertest.NotificationPending, s.Notifications(requestID)[0].State)
	release()
	release()
	s.CheckNotified(requestID, 1)
}

// TestProvider_hangsAtTheEnd ends the test while a delivery waits: that must not take long.
func TestProvider_hangsAtTheEnd(t *testing.T) {
	t.Parallel()
	inner := &scope{TB: t}
	s := servertest.New(inner)
	s.Provider().Hang()
	clientID, requestID := s.CompleteRequest()
	_, err := s.Client().SubmitProduct(t.Context(), clientID, requestID)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.Provider().Attempts() == 1 }, 10*time.Second, time.Millisecond)
	began := time.Now()
	inner.end()
	require.Empty(t, inner.failures)
	require.Less(t, time.Since(began), 3*time.Second)
}

// clock is a test's clock.
type clock struct{ now atomic.Pointer[time.Time] }

func newClock(at time.Time) *clock {
	c := &clock{}
	c.now.Store(&at)
	return c
}

func (c *clock) Now() time.Time { return *c.now.Load() }

func (c *clock) Advance(d time.Duration) {
	now := c.Now().Add(d)
	c.now.Store(&now)
}

func TestWithClock(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]time.Time{
		"past":   time.Date(2001, time.February, 3, 4, 5, 6, 0, time.UTC),
		"future": time.Date(2101, time.February, 3, 4, 5, 6, 0, time.UTC),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClock(at)
			s := servertest.New(t, servertest.WithClock(c.Now))
			s.Provider().FailNext(1)
			expiring := s.Key(s.DefaultCompany(), 3, func(k *servertest.KeyRecord) { k.ExpiresAt = at.Add(time.Hour) })
			clientID, requestID := s.CompleteRequest()
			const key = "the-same"
			try := func(secret string) error {
				_, err := s.ClientWithKey(secret).SubmitProduct(t.Context(), clientID, requestID, client.WithIdempotencyKey(key), client.WithAttempts(1))
				return err
			}
			require.NoError(t, try(expiring))
			state := s.RequestState(requestID)
			require.Equal(t, at, state.UpdatedAt)
			require.Equal(t, at, s.Audit(requestID)[0].At)
			s.CheckNotified(requestID, 1) // the attempt that failed was repeated, after a real wait
			require.Equal(t, at, s.Provider().Received()[0].SentAt)
			require.WithinDuration(t, at, s.Notifications(requestID)[0].Deliveries[0].At, time.Minute)

			c.Advance(23 * time.Hour)
			require.ErrorIs(t, try(expiring), client.ErrUnauthorized, "the key expired")
			require.NoError(t, try(s.DefaultKey()), "the idempotency key is still good")
			c.Advance(time.Hour + time.Second)
			require.ErrorIs(t, try(s.DefaultKey()), client.ErrNotPending, "the idempotency key is forgotten")
		})
	}
}

func TestWithClock_expires(t *testing.T) {
	t.Parallel()
	c := newClock(time.Date(2026, time.April, 16, 9, 20, 0, 0, time.UTC))
	s := servertest.New(t, servertest.WithClock(c.Now))
	clientID, requestID := s.CompleteRequest()
	c.Advance(6 * 365 * 24 * time.Hour)
	submission, err := s.Client().SubmitProduct(t.Context(), clientID, requestID)
	require.NoError(t, err)
	require.Equal(t, "The document expired on 2031-04-16.", submission.RejectedItems[0].Reason)
}
