package client_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
)

func TestWaitProduct(t *testing.T) {
	t.Parallel()
	list := func(status api.ProductStatus) func(*http.Request) (*http.Response, error) {
		another := asked(api.RampsPix, api.Enabled, api.Timestamp{Time: time.Unix(0, 0)})
		another.ID = "another"
		return says(200, inJSON(t, []api.Product{another, asked(api.CardsIndividuals, status, api.Timestamp{Time: time.Unix(0, 0)})}))
	}
	const every = time.Minute
	for name, tt := range map[string]struct {
		lines  []func(*http.Request) (*http.Response, error)
		status api.ProductStatus
		err    error
		looks  int // how often it looked; repetitions of one look come within moments
	}{
		"enabled":               {lines: []func(*http.Request) (*http.Response, error){list(api.Enabled)}, status: api.Enabled, looks: 1},
		"rejected":              {lines: []func(*http.Request) (*http.Response, error){list(api.Rejected)}, status: api.Rejected, looks: 1},
		"decided later":         {lines: []func(*http.Request) (*http.Response, error){list(api.PendingDocumentation), list(api.InKyc), list("on_hold"), list(api.Enabled)}, status: api.Enabled, looks: 4},
		"down for a while":      {lines: []func(*http.Request) (*http.Response, error){says(503, ""), says(500, ""), breaks(syscall.ECONNRESET), says(502, ""), list(api.Rejected)}, status: api.Rejected, looks: 2},
		"unauthorized":          {lines: []func(*http.Request) (*http.Response, error){list(api.InKyc), says(401, `{"code":"AUTH"}`)}, err: client.ErrUnauthorized, looks: 2},
		"the client is gone":    {lines: []func(*http.Request) (*http.Response, error){list(api.InKyc), says(404, noClient)}, err: client.ErrNotFound, looks: 2},
		"no such request":       {lines: []func(*http.Request) (*http.Response, error){says(200, `[]`)}, err: client.ErrNotFound, looks: 1},
		"not the API":           {lines: []func(*http.Request) (*http.Response, error){says(200, `<html>`)}, err: client.ErrInvalidResponse, looks: 1},
		"redirected":            {lines: []func(*http.Request) (*http.Response, error){says(307, "")}, err: client.ErrRedirect, looks: 1},
		"cut, and well at last": {lines: []func(*http.Request) (*http.Response, error){says(200, `[{`), says(200, `[{`), says(200, `[{`), list(api.Enabled)}, status: api.Enabled, looks: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &played{lines: tt.lines}
				product, err := playing(t, p).WaitProduct(t.Context(), clientID, requestID, every)
				if tt.err != nil {
					require.Nil(t, product)
					require.ErrorIs(t, err, tt.err)
				} else {
					require.NoError(t, err)
					require.Equal(t, requestID, product.ID)
					require.Equal(t, tt.status, product.Status)
				}
				looks := 1
				for i := 1; i < len(p.at); i++ {
					if waited := p.at[i].Sub(p.at[i-1]); waited > 5*time.Second {
						looks++
						require.GreaterOrEqual(t, waited, every/2)
						require.LessOrEqual(t, waited, every*3/2)
					}
				}
				require.Equal(t, tt.looks, looks)
			})
		})
	}

	t.Run("at random", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := &played{lines: []func(*http.Request) (*http.Response, error){list(api.InKyc)}}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Hour)
			defer cancel()
			_, err := playing(t, p).WaitProduct(ctx, clientID, requestID, every)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.InDelta(t, 600, p.sent(), 60)
			waits := make(map[time.Duration]bool)
			for i := 1; i < len(p.at); i++ {
				waits[p.at[i].Sub(p.at[i-1]).Truncate(time.Second)] = true
			}
			require.Greater(t, len(waits), 40, "they are all over the minute")
		})
	})
	t.Run("as long as the server asks", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := &played{lines: []func(*http.Request) (*http.Response, error){says(503, "", "Retry-After", "3600"), list(api.Enabled)}}
			began := time.Now()
			_, err := playing(t, p).WaitProduct(t.Context(), clientID, requestID, every)
			require.NoError(t, err)
			require.Len(t, p.at, 2)
			require.GreaterOrEqual(t, time.Since(began), time.Hour)
		})
	})
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := &played{lines: []func(*http.Request) (*http.Response, error){list(api.InKyc)}}
			ctx, cancel := context.WithCancelCause(t.Context())
			began := time.Now()
			time.AfterFunc(10*time.Second, func() { cancel(errors.New("shutting down")) })
			product, err := playing(t, p).WaitProduct(ctx, clientID, requestID, every)
			require.Nil(t, product)
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, 10*time.Second, time.Since(began), "at once")
			require.Len(t, p.at, 1)
			require.IsType(t, new(client.Error), err)
		})
	})
	t.Run("behind the gate", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := &played{lines: []func(*http.Request) (*http.Response, error){says(429, "", "Retry-After", "300"), list(api.Enabled)}}
			c := playing(t, p)
			_, err := c.Clients(t.Context(), client.WithTimeout(time.Second)) // somebody else met a block
			require.ErrorIs(t, err, client.ErrRateLimited)
			began := time.Now()
			_, err = c.WaitProduct(t.Context(), clientID, requestID, time.Second, client.WithTimeout(time.Second))
			require.NoError(t, err)
			require.Len(t, p.at, 2, "nothing is sent within the block")
			require.GreaterOrEqual(t, time.Since(began), 5*time.Minute)
		})
	})

	c := newClient(t)
	for _, every := range []time.Duration{0, -1} {
		_, err := c.WaitProduct(t.Context(), clientID, requestID, every)
		require.ErrorIs(t, err, client.ErrInvalidInput)
		require.ErrorContains(t, err, "WaitProduct: every")
	}
	for _, ids := range [][2]string{{"a b", requestID}, {clientID, ""}, {clientID, strings.Repeat("a", 65)}} {
		_, err := c.WaitProduct(t.Context(), ids[0], ids[1], time.Minute)
		require.ErrorIs(t, err, client.ErrInvalidInput)
	}
}

// TestOnboard_refuses: what a later step would refuse, nobody has to undo the steps before for.
func TestOnboard_refuses(t *testing.T) {
	t.Parallel()
	c := newClient(t, client.WithHTTPClient(&http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
		panic("nothing is to be sent")
	})}))
	for want, o := range map[string]client.Onboarding{
		"Onboarding.Key is empty":       {},
		"Onboarding.Product is empty":   {Key: "k"},
		"Onboarding.WaitEvery is -1s":   {Key: "k", Product: api.CardsIndividuals, WaitEvery: -time.Second},
		"Onboarding.Documents[0]: Docu": {Key: "k", Product: api.CardsIndividuals, Documents: []client.Document{{Type: "passport"}}},
	} {
		_, err := c.Onboard(t.Context(), o)
		require.ErrorIs(t, err, client.ErrInvalidInput)
		require.ErrorContains(t, err, want)
	}
}
