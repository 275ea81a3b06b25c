package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

func requestBy(t *testing.T, f Fixture, call enablement.Call, product enablement.Product, at time.Time) (enablement.Change, error) {
	t.Helper()
	return f.Change(t.Context(), windowed(call, at), func(file enablement.File) (enablement.Change, error) {
		change, err := enablement.RequestProduct(file, product, at, enablement.NewID)
		change.Response = []byte("requested " + change.Request.ID)
		return change, err
	})
}

func request(t *testing.T, f Fixture, clientID string, product enablement.Product, at time.Time) (enablement.Request, error) {
	t.Helper()
	change, err := requestBy(t, f, callOf("requestProduct", clientID, ""), product, at)
	return change.Request, err
}

func exerciseProducts(t *testing.T, open Open) {
	t.Run("request", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		complete := sample.Cases[0]
		before, err := f.File(t.Context(), sample.Company, complete.ClientID)
		require.NoError(t, err)
		require.Equal(t, []enablement.Request{current(t, f, complete)}, before.Requests)
		require.Len(t, before.Documents, 1)
		require.Zero(t, before.Request)

		var made []enablement.Request
		for i, product := range []enablement.Product{enablement.RampsPix, enablement.RampsCards} {
			r, err := request(t, f, complete.ClientID, product, now.Add(time.Duration(i)*time.Second))
			require.NoError(t, err)
			require.Equal(t, enablement.PendingDocumentation, r.Status)
			require.True(t, r.Evaluation.Complete(), "it has what it needs, and waits to be submitted")
			made = append(made, r)
			require.Equal(t, 1, f.Count(`audit WHERE operation = 'requestProduct' AND client_id = '`+complete.ClientID+`'
				AND request_id = '`+r.ID+`' AND from_status = '' AND to_status = 'pending_documentation'`))
		}
		slices.Reverse(made)
		after, err := f.File(t.Context(), sample.Company, complete.ClientID)
		require.NoError(t, err)
		require.Equal(t, slices.Concat(made, before.Requests), after.Requests)
		require.Equal(t, rows(2, 0, 0), written(f))

		count := f.Count("requests")
		for product, want := range map[enablement.Product]error{
			enablement.CardsIndividuals: enablement.ErrRequestActive,
			enablement.RampsPix:         enablement.ErrRequestActive,
			"nonsense":                  enablement.ErrInvalidProduct,
		} {
			_, err := request(t, f, complete.ClientID, product, now)
			require.ErrorIs(t, err, want)
		}
		require.Equal(t, count, f.Count("requests"))
		require.Equal(t, rows(2, 0, 0), written(f), "a refusal writes nothing")

		call := submissionOf(complete)
		call.RequestID = made[0].ID
		submitted, err := submit(t, f, call)
		require.NoError(t, err)
		require.Equal(t, enablement.InKYC, submitted.Status)
	})

	t.Run("after a rejection", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		rejected := sample.Cases[4]
		r, err := request(t, f, rejected.ClientID, enablement.CardsIndividuals, now)
		require.NoError(t, err)
		file, err := f.File(t.Context(), sample.Company, rejected.ClientID)
		require.NoError(t, err)
		require.Equal(t, []enablement.Request{r, current(t, f, rejected)}, file.Requests)
	})

	t.Run("at once", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		before := fixtures[0].Count("requests")
		requireOne(t, all(fixtures, 20, func(f Fixture, _ int) error {
			_, err := request(t, f, sample.Cases[1].ClientID, enablement.RampsPix, now)
			return err
		}), enablement.ErrRequestActive)
		require.Equal(t, before+1, fixtures[0].Count("requests"))
		require.Equal(t, rows(1, 0, 0), written(fixtures[0]))
	})
}
