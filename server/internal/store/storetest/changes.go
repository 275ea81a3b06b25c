package storetest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

// exerciseChanges has changes repeated, cut and made at the same moment as others.
func exerciseChanges(t *testing.T, open Open) {
	t.Run("repeated", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		call := Keyed(callOf("createClient", "", "new@example.com"), "k")
		first, err := createBy(t, f, call, input("new@example.com"), now)
		require.NoError(t, err)
		after := written(f)
		again, err := createBy(t, f, call, input("new@example.com"), now.Add(time.Hour))
		require.NoError(t, err)
		require.Equal(t, enablement.Change{Response: first.Response, Replayed: true}, again)
		require.Equal(t, after, written(f))
		require.Equal(t, 1, f.Count(`idempotency WHERE client_id = '`+first.Client.ID+`'`))

		mismatch := call
		key := *call.Idempotency
		key.Fingerprint[0]++
		mismatch.Idempotency = &key
		_, err = createBy(t, f, mismatch, input("other@example.com"), now)
		require.ErrorIs(t, err, enablement.ErrIdempotencyMismatch)
		require.Equal(t, after, written(f))
		_, err = createBy(t, f, call, input("new@example.com"), now.Add(enablement.IdempotencyWindow))
		require.ErrorIs(t, err, enablement.ErrClientExists, "the window is over")

		asked := Keyed(callOf("requestProduct", first.Client.ID, ""), "r")
		requested, err := requestBy(t, f, asked, enablement.RampsPix, now)
		require.NoError(t, err)
		repeated, err := requestBy(t, f, asked, enablement.RampsPix, now.Add(time.Hour))
		require.NoError(t, err)
		require.Equal(t, enablement.Change{Response: requested.Response, Replayed: true}, repeated)
		require.Equal(t, 2, f.Count(`idempotency WHERE client_id = '`+first.Client.ID+`'`))
	})

	t.Run("repeated at once", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		before := fixtures[0].Count("clients")
		call := Keyed(callOf("createClient", "", "new@example.com"), "k")
		responses := make([]string, 20)
		for _, err := range all(fixtures, len(responses), func(f Fixture, i int) error {
			change, err := createBy(t, f, call, input("new@example.com"), now)
			responses[i] = string(change.Response)
			return err
		}) {
			if err != nil {
				require.ErrorIs(t, err, enablement.ErrIdempotencyInProgress)
			}
		}
		slices.Sort(responses)
		responses = slices.DeleteFunc(slices.Compact(responses), func(s string) bool { return s == "" })
		require.Len(t, responses, 1, "whoever is answered, is answered the same")
		require.Equal(t, before+1, fixtures[0].Count("clients"))
	})

	t.Run("caller gone", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		before := f.Count("clients")
		ctx, cancel := context.WithCancel(t.Context())
		_, err := f.Change(ctx, callOf("createClient", "", "new@example.com"), func(file enablement.File) (enablement.Change, error) {
			cancel()
			return enablement.CreateClient(file, input("new@example.com"), now, enablement.NewID)
		})
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, before, f.Count("clients"))
		require.Equal(t, rows(0, 0, 0), written(f))
	})

	// A submission sees the client as it is before an update or after it, and updates don't undo each other.
	t.Run("submissions and updates", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		c := sample.Cases[1] // without a document, so that it stays pending
		with, without := input("new@example.com"), input("new@example.com")
		without.PhoneCountryCode, without.PhoneNumber = 0, 0
		var want []enablement.Evaluation
		for _, in := range []enablement.ClientInput{with, without} {
			_, err := update(t, fixtures[0], c.ClientID, in, now)
			require.NoError(t, err)
			r, err := submit(t, fixtures[0], submissionOf(c))
			require.NoError(t, err)
			want = append(want, r.Evaluation)
		}
		require.NotEqual(t, want[0], want[1])

		const updates = 50
		var group sync.WaitGroup
		var updateErrs []error
		outcomes := make([][]outcome, len(fixtures))
		group.Go(func() {
			for i := range updates {
				in := []enablement.ClientInput{with, without}[i%2]
				_, err := update(t, fixtures[0], c.ClientID, in, now.Add(time.Duration(i)*time.Second))
				updateErrs = append(updateErrs, err)
			}
		})
		for i, f := range fixtures {
			group.Go(func() {
				for range updates {
					r, response, err := submitAt(t, f, submissionOf(c), now)
					outcomes[i] = append(outcomes[i], outcome{r, response, err})
				}
			})
		}
		group.Wait()
		for _, err := range updateErrs {
			require.NoError(t, err)
		}
		for _, o := range slices.Concat(outcomes...) {
			require.NoError(t, o.err)
			require.Contains(t, want, o.request.Evaluation)
		}
		last, err := submit(t, fixtures[1], submissionOf(c))
		require.NoError(t, err)
		require.Equal(t, want[(updates-1)%2], last.Evaluation)
		require.Equal(t, updates+2, fixtures[0].Count(`audit WHERE operation = 'updateClient'`))
	})
}
