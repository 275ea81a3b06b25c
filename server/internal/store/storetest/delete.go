package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

func remove(t *testing.T, f Fixture, clientID string) error {
	t.Helper()
	_, err := f.Change(t.Context(), callOf("deleteClient", clientID, ""), func(file enablement.File) (enablement.Change, error) {
		return enablement.DeleteClient(file, now)
	})
	return err
}

// stored is how many rows there are of a client, by their table.
func stored(f Fixture, clientID string) map[string]int {
	of := ` WHERE client_id = '` + clientID + `'`
	documents := `documents WHERE '` + clientID + `' IN (client_id, kept_for)`
	return map[string]int{
		"clients":     f.Count(`clients WHERE id = '` + clientID + `'`),
		"documents":   f.Count(documents),
		"images":      f.Count(`document_images WHERE document_id IN (SELECT id FROM ` + documents + `)`),
		"chunks":      f.Count(`document_chunks WHERE document_id IN (SELECT id FROM ` + documents + `)`),
		"reviews":     f.Count(`reviews WHERE request_id IN (SELECT id FROM requests` + of + `)`),
		"requests":    f.Count(`requests` + of),
		"idempotency": f.Count(`idempotency` + of),
	}
}

// nothing is what stored returns of a client that is not there.
var nothing = map[string]int{"clients": 0, "documents": 0, "images": 0, "chunks": 0, "reviews": 0, "requests": 0, "idempotency": 0}

func exerciseDelete(t *testing.T, open Open) {
	complete, other := sample.Cases[0], sample.Cases[2]

	// submitted is the sample after its first case was submitted.
	submitted := func(t *testing.T) (f Fixture, notification string) {
		t.Helper()
		f = withSample(t, open, nil)
		_, err := submit(t, f, keyed(complete, "k"))
		require.NoError(t, err)
		h, err := f.History(t.Context(), complete.RequestID)
		require.NoError(t, err)
		return f, h.NotificationID
	}

	t.Run("everything goes", func(t *testing.T) {
		t.Parallel()
		f, id := submitted(t)
		_, err := submit(t, f, keyed(other, "other"))
		require.NoError(t, err)
		pix, err := requestBy(t, f, Keyed(callOf("requestProduct", complete.ClientID, ""), "r"), enablement.RampsPix, now)
		require.NoError(t, err)
		// One document that superseded the one that was submitted, and one that is being stored.
		asked := sample.Case{ClientID: complete.ClientID, RequestID: pix.Request.ID}
		u := passport("NEW1", 2*mebibyte)
		_, err = link(t, f, asked, u, upload(t, f, complete.ClientID, u, now), now)
		require.NoError(t, err)
		upload(t, f, complete.ClientID, u, now)
		require.Equal(t, map[string]int{
			"clients": 1, "documents": 3, "images": 3, "chunks": 4 * perMebibyte, "reviews": 1, "requests": 2, "idempotency": 2,
		}, stored(f, complete.ClientID))
		images, others := f.Count("document_images"), stored(f, other.ClientID)

		require.NoError(t, remove(t, f, complete.ClientID))
		require.Equal(t, nothing, stored(f, complete.ClientID))
		require.Equal(t, others, stored(f, other.ClientID))
		require.Equal(t, images-3, f.Count("document_images"))
		require.Zero(t, f.Count("document_chunks"))
		require.Zero(t, f.Count("reviews"))

		n, err := f.Notification(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, enablement.NotificationCancelled, n.State)
		require.Zero(t, live(f), "its job has ended")
		require.Equal(t, 1, f.Count(`river_job WHERE state = 'cancelled' AND finalized_at IS NOT NULL`))
		list, err := f.Notifications(t.Context(), enablement.NotificationCancelled, "", 10)
		require.NoError(t, err)
		require.Equal(t, []enablement.NotificationStatus{n}, list)
		stats, err := f.QueueStats(t.Context(), now)
		require.NoError(t, err)
		require.Zero(t, stats.Pending+stats.Dead+stats.Available)

		require.Equal(t, 4, f.Count(`audit WHERE client_id = '`+complete.ClientID+`'`), "what was done is kept")
		require.Equal(t, 1, f.Count(`audit WHERE operation = 'deleteClient' AND client_id = '`+complete.ClientID+`' AND request_id = '' AND missing = 0`))
		h, err := f.History(t.Context(), complete.RequestID)
		require.NoError(t, err)
		require.Empty(t, h.Status, "the request is gone")
		require.Equal(t, id, h.NotificationID)
		require.Len(t, h.Audit, 1)
		h, err = f.History(t.Context(), complete.ClientID)
		require.NoError(t, err)
		var operations []string
		for _, row := range h.Audit {
			operations = append(operations, row.Operation)
		}
		require.Equal(t, []string{"submitProduct", "requestProduct", "completeDocumentation", "deleteClient"}, operations)
		require.Empty(t, h.NotificationID)

		after := written(f)
		require.ErrorIs(t, remove(t, f, complete.ClientID), enablement.ErrClientNotFound)
		_, err = submit(t, f, keyed(complete, "k"))
		require.ErrorIs(t, err, enablement.ErrClientNotFound, "the recorded response is gone, too")
		_, err = f.Client(t.Context(), sample.Company, complete.ClientID)
		require.ErrorIs(t, err, enablement.ErrClientNotFound)
		require.Equal(t, after, written(f))
	})

	t.Run("the e-mail and the key are free", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		call := Keyed(callOf("createClient", "", "new@example.com"), "k")
		first, err := createBy(t, f, call, input("new@example.com"), now)
		require.NoError(t, err)
		require.NoError(t, remove(t, f, first.Client.ID))
		second, err := createBy(t, f, call, input("new@example.com"), now)
		require.NoError(t, err)
		require.NotEqual(t, first.Client.ID, second.Client.ID)
	})

	t.Run("a shared job", func(t *testing.T) {
		t.Parallel()
		for _, args := range []string{
			`{"notification_id": "ID", "others": ["ntf_other"]}`,
			`{"notification_id": "ntf_other", "others": ["ID"]}`,
		} {
			f, id := submitted(t)
			f.Exec(`UPDATE river_job SET args = '` + strings.ReplaceAll(args, "ID", id) + `'`)
			require.NoError(t, remove(t, f, complete.ClientID))
			n, err := f.Notification(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, enablement.NotificationCancelled, n.State)
			require.Equal(t, 1, live(f), "it is the others'")
		}
	})

	for name, test := range map[string]struct {
		before, want enablement.NotificationState
	}{
		"pending":   {enablement.NotificationPending, enablement.NotificationCancelled},
		"given up":  {enablement.NotificationDead, enablement.NotificationCancelled},
		"delivered": {enablement.NotificationDelivered, enablement.NotificationDelivered},
	} {
		t.Run("notification "+name, func(t *testing.T) {
			t.Parallel()
			f, id := submitted(t)
			record(t, f, id, now, test.before)
			require.NoError(t, remove(t, f, complete.ClientID))
			// An attempt that was under way is recorded, and changes nothing, whatever came of it.
			for i, state := range enablement.NotificationStates {
				record(t, f, id, now.Add(time.Duration(i)*time.Second), state)
				n, err := f.Notification(t.Context(), id)
				require.NoError(t, err)
				require.Equal(t, test.want, n.State)
				require.Equal(t, i+2, n.Attempts)
			}
			require.ErrorIs(t, f.RetryNotification(t.Context(), id), store.ErrNotDead)
			f.Exec(`DELETE FROM river_job`)
			n, err := f.RequeueStranded(t.Context(), now, 10, func(enablement.NotificationStatus) time.Time { return time.Time{} })
			require.NoError(t, err)
			require.Zero(t, n)
			pruned, err := f.PruneDeliveries(t.Context(), now.Add(time.Hour))
			require.NoError(t, err)
			require.EqualValues(t, 5, pruned)
		})
	}

	for state, want := range map[string]int{"available": 0, "scheduled": 0, "retryable": 0, "pending": 0, "running": 1} {
		t.Run("job "+state, func(t *testing.T) {
			t.Parallel()
			f, _ := submitted(t)
			notify(t, f, 1) // of the same client
			_, err := create(t, f, input("new@example.com"), now)
			require.NoError(t, err)
			f.Exec(`UPDATE river_job SET state = '` + state + `', attempted_at = '2026-04-16 09:20:00.000' WHERE kind = 'notification_deliver'`)
			put(t, f, 1, "upkeep", "available", now)
			require.NoError(t, remove(t, f, complete.ClientID))
			require.Equal(t, 2*want, live(f)-1, "one that is worked is its worker's to end")
			require.Equal(t, 1, f.Count(`river_job WHERE kind = 'upkeep' AND state = 'available'`))
			require.Equal(t, 2, f.Count(`notifications WHERE state = 'cancelled'`))
		})
	}

	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		f, _ := submitted(t)
		before := stored(f, complete.ClientID)
		_, err := f.Change(t.Context(), callOf("deleteClient", complete.ClientID, ""), func(enablement.File) (enablement.Change, error) {
			return enablement.Change{Deleted: true}, errLookOnly
		})
		require.ErrorIs(t, err, errLookOnly)
		require.Equal(t, before, stored(f, complete.ClientID))
		require.Zero(t, f.Count(`audit WHERE operation = 'deleteClient'`))
	})

	t.Run("at once", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		requireOne(t, all(fixtures, 20, func(f Fixture, _ int) error { return remove(t, f, complete.ClientID) }), enablement.ErrClientNotFound)
		require.Equal(t, nothing, stored(fixtures[0], complete.ClientID))
	})

	// Whoever comes before it is undone with the rest, whoever comes after it finds nobody.
	t.Run("among others", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		const rounds = 8
		for range rounds {
			client, err := create(t, fixtures[0], input("new@example.com"), now)
			require.NoError(t, err)
			document := sample.Data(now).Documents[0]
			document.ClientID = client.ID
			data := beginning()
			data.Clients, data.Requests, data.Documents = nil, nil, append(data.Documents[:0], document)
			require.NoError(t, fixtures[0].Import(t.Context(), data))
			r, err := request(t, fixtures[0], client.ID, enablement.RampsPix, now)
			require.NoError(t, err)
			submission := submissionOf(sample.Case{ClientID: client.ID, RequestID: r.ID})
			in := input("new@example.com")
			in.FirstName = "Other"

			calls := []func(f Fixture) error{
				func(f Fixture) error { return remove(t, f, client.ID) },
				func(f Fixture) error { _, err := submit(t, f, Keyed(submission, "k")); return err },
				func(f Fixture) error { _, err := submit(t, f, submission); return err },
				func(f Fixture) error { _, err := update(t, f, client.ID, in, now); return err },
				func(f Fixture) error {
					_, err := request(t, f, client.ID, enablement.CardsIndividuals, now)
					return err
				},
			}
			errs := all(fixtures, 4*len(calls), func(f Fixture, i int) error { return calls[i%len(calls)](f) })
			deleted := 0
			for i, err := range errs {
				switch {
				case i%len(calls) == 0 && err == nil:
					deleted++
				case err != nil && !refusedForKey(err):
					require.Contains(t, []error{enablement.ErrClientNotFound, enablement.ErrNotPending, enablement.ErrRequestActive}, err)
				}
			}
			require.Equal(t, 1, deleted)
			require.Equal(t, nothing, stored(fixtures[0], client.ID))
			require.Zero(t, fixtures[0].Count(`notifications WHERE client_id = '`+client.ID+`' AND state <> 'cancelled'`))
			require.Zero(t, live(fixtures[0]))
		}
	})
}
