package server_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
)

// A call that waits for longer than it may is a 503, whether it looks at its own context or at one derived from it.
func TestTimeout(t *testing.T) {
	t.Parallel()
	type key struct{}
	for name, wait := range map[string]func(context.Context) error{
		"its own": func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
		"its deadline alone": func(ctx context.Context) error {
			until, _ := ctx.Deadline()
			time.Sleep(time.Until(until))
			synctest.Wait() // for the timer of the same moment
			return ctx.Err()
		},
		"derived": func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(context.WithValue(ctx, key{}, 1))
			defer cancel()
			<-ctx.Done()
			return ctx.Err()
		},
		"derived with more time": func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			<-ctx.Done()
			return context.Cause(ctx)
		},
		"by many at once": func(ctx context.Context) error {
			ended := make(chan error)
			for range 20 {
				go func() { <-ctx.Done(); ended <- ctx.Err() }()
			}
			var all []error
			for range 20 {
				all = append(all, <-ended)
			}
			return errors.Join(all...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				f := newFixture(t, func(ctx context.Context, _ api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
					_, known := server.PrincipalFrom(ctx)
					require.True(t, known)
					return nil, wait(ctx)
				}, server.WithTimeout(3*time.Second))
				a := f.ask(t, request(http.MethodPost, goodPath))
				require.Equal(t, 3*time.Second, time.Since(began))
				require.Equal(t, http.StatusServiceUnavailable, a.status)
				require.Equal(t, "1", a.header.Get("Retry-After"))
				require.Len(t, f.log.lines(t, "ERROR"), 1, "nobody left: the service is slow")
			})
		})
	}
}

// A caller who leaves ends the call before its time, and no timer is left behind a call that waited.
func TestTimeout_callerLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var kept context.Context
		f := newFixture(t, func(ctx context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
			kept = ctx
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Second):
				return works(ctx, r)
			}
		}, server.WithTimeout(time.Minute))

		ctx, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, leave)
		began := time.Now()
		a := f.ask(t, request(http.MethodPost, goodPath).WithContext(ctx))
		require.Equal(t, http.StatusServiceUnavailable, a.status)
		require.Equal(t, time.Millisecond, time.Since(began))

		require.Equal(t, http.StatusOK, f.ask(t, request(http.MethodPost, goodPath)).status)
		require.ErrorIs(t, kept.Err(), context.Canceled, "the call is over")
	})
}
