package storetest

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

// beginning is what a reset brings back.
func beginning() *dataset.Dataset {
	data := sample.Data(now)
	data.Keys = nil
	return data
}

func exerciseReset(t *testing.T, open Open) {
	t.Run("begins anew", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		var before []enablement.Request
		for _, c := range sample.Cases {
			before = append(before, current(t, f, c))
		}
		beforeClients, err := f.Clients(t.Context(), sample.Company)
		require.NoError(t, err)
		data := beginning()
		data.Requests = nil
		data.Clients[1].PhoneCountryCode, data.Clients[1].PhoneNumber = 54, 91123456789
		data.Documents = append(data.Documents, data.Documents[0])
		data.Documents[len(data.Documents)-1].ClientID = sample.Cases[1].ClientID
		require.NoError(t, f.Import(t.Context(), data))
		for _, c := range sample.Cases[:3] {
			_, err := submit(t, f, submissionOf(c))
			require.NoError(t, err)
		}
		_, err = request(t, f, sample.Cases[3].ClientID, enablement.RampsPix, now)
		require.NoError(t, err)
		_, err = update(t, f, sample.Cases[3].ClientID, input("new@example.com"), now)
		require.NoError(t, err)
		require.NoError(t, remove(t, f, sample.Cases[4].ClientID))

		for range 2 { // the second finds nothing to do
			require.NoError(t, f.Reset(t.Context(), beginning()))
			for i, c := range sample.Cases {
				require.Equal(t, before[i], current(t, f, c), c.Title)
				h, err := f.History(t.Context(), c.RequestID)
				require.NoError(t, err)
				require.Empty(t, h.Audit)
				require.Empty(t, h.NotificationID)
			}
			require.Equal(t, len(sample.Cases), f.Count("requests"))
			require.Equal(t, 3, f.Count("api_keys"))
			require.Equal(t, rows(6, 2, 2), written(f))
			clients, err := f.Clients(t.Context(), sample.Company)
			require.NoError(t, err)
			require.Equal(t, beforeClients, clients)
		}

		request, err := submit(t, f, submissionOf(sample.Cases[1]))
		require.NoError(t, err)
		require.Equal(t, enablement.PendingDocumentation, request.Status, "what was imported meanwhile is gone")
		request, err = submit(t, f, submissionOf(sample.Cases[0]))
		require.NoError(t, err)
		require.Equal(t, enablement.InKYC, request.Status)
		require.Equal(t, rows(8, 3, 3), written(f))
	})

	t.Run("empty store", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		require.NoError(t, f.Reset(t.Context(), beginning()))
		_, err := submit(t, f, submissionOf(sample.Cases[0]))
		require.NoError(t, err)
	})

	t.Run("notification that waits", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		_, err := submit(t, f, submissionOf(sample.Cases[0]))
		require.NoError(t, err)
		h, err := f.History(t.Context(), sample.Cases[0].RequestID)
		require.NoError(t, err)
		require.NoError(t, f.Reset(t.Context(), beginning()))

		n, err := f.Notification(t.Context(), h.NotificationID)
		require.NoError(t, err)
		require.Equal(t, enablement.NotificationPending, n.State)
		require.Regexp(t, "^"+sample.Cases[0].RequestID+"-[A-Z2-7]{26}$", n.RequestID)
		record(t, f, n.ID, now, enablement.NotificationDelivered)
		aside, err := f.History(t.Context(), n.RequestID)
		require.NoError(t, err)
		require.Empty(t, aside.Status, "it is no request any more")
		require.Equal(t, n.ID, aside.NotificationID)
		require.Len(t, aside.Audit, 1)
		require.Len(t, aside.Deliveries, 1)
	})

	t.Run("idempotency key", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		s := keyed(sample.Cases[0], "again")
		_, first, err := submitAt(t, f, s, now)
		require.NoError(t, err)
		require.NoError(t, f.Reset(t.Context(), beginning()))
		request, second, err := submitAt(t, f, s, now.Add(1))
		require.NoError(t, err)
		require.Equal(t, enablement.InKYC, request.Status, "decided, not replayed")
		require.NotEqual(t, first, second)
	})

	t.Run("all or nothing", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		_, err := submit(t, f, submissionOf(sample.Cases[0]))
		require.NoError(t, err)
		data := beginning()
		data.Clients[4].CompanyID = "nowhere"
		var fault *dataset.EntryError
		require.ErrorAs(t, f.Reset(t.Context(), data), &fault)
		require.Equal(t, enablement.InKYC, current(t, f, sample.Cases[0]).Status)
		require.Equal(t, len(sample.Cases), f.Count("requests"))
	})

	// Whoever submits meanwhile is answered as before the reset or as after it, by whatever process.
	t.Run("meanwhile", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		another := Fixture{Store: f.Another()}
		const each, resets = 20, 5
		var group sync.WaitGroup
		submitted := make([][]error, 6)
		for i := range submitted {
			group.Go(func() {
				for range each {
					_, _, err := submitAt(t, []Fixture{f, another}[i%2], submissionOf(sample.Cases[i/2]), now)
					submitted[i] = append(submitted[i], err)
				}
			})
		}
		reset := make([]error, resets)
		for i := range reset {
			group.Go(func() { reset[i] = []Fixture{f, another}[i%2].Reset(t.Context(), beginning()) })
		}
		group.Wait()
		for _, err := range reset {
			require.NoError(t, err)
		}
		transitions := 0
		for i, errs := range submitted {
			for _, err := range errs {
				if i/2 == 0 && err == nil {
					transitions++
				}
				if err != nil {
					require.ErrorIs(t, err, enablement.ErrNotPending)
				}
			}
		}
		require.LessOrEqual(t, transitions, resets+1, "once for each beginning")
		require.GreaterOrEqual(t, transitions, 1)
		require.GreaterOrEqual(t, f.Count("notifications"), transitions)
		require.Equal(t, f.Count("notifications"), f.Count("river_job"))
	})
}
