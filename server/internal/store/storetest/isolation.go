package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

func refusedForKey(err error) bool {
	return errors.Is(err, enablement.ErrIdempotencyMismatch) || errors.Is(err, enablement.ErrIdempotencyInProgress)
}

// exerciseIsolation plays two companies with a complete request each, that try each other's.
func exerciseIsolation(t *testing.T, open Open) {
	mine := submissionOf(sample.Cases[0])
	theirs := enablement.Call{CompanyID: sample.OtherCompany, ClientID: "their-client", RequestID: "their-request"}

	both := func(t *testing.T) []Fixture {
		t.Helper()
		fixtures := several(t, open)
		data := sample.Data(now)
		client, document, request := data.Clients[0], data.Documents[0], data.Requests[0]
		client.ID, client.CompanyID = theirs.ClientID, theirs.CompanyID
		document.ClientID = theirs.ClientID
		request.ID, request.ClientID = theirs.RequestID, theirs.ClientID
		require.NoError(t, fixtures[0].Import(t.Context(), &dataset.Dataset{
			At: now, Clients: []dataset.Client{client}, Documents: []dataset.Document{document}, Requests: []dataset.Request{request},
		}))
		return fixtures
	}
	// trespasses are all ways to name what is another company's, and what each must be answered.
	trespasses := func(self, other enablement.Call) []struct {
		enablement.Call
		want error
	} {
		named := func(client, request string) enablement.Call {
			s := self
			s.ClientID, s.RequestID = client, request
			return s
		}
		return []struct {
			enablement.Call
			want error
		}{
			{named(other.ClientID, other.RequestID), enablement.ErrClientNotFound},
			{named(other.ClientID, self.RequestID), enablement.ErrClientNotFound},
			{named(self.ClientID, other.RequestID), enablement.ErrRequestNotFound},
		}
	}

	t.Run("nothing is found", func(t *testing.T) {
		t.Parallel()
		fixtures := both(t)
		for _, pair := range [][2]enablement.Call{{mine, theirs}, {theirs, mine}} {
			for _, s := range trespasses(pair[0], pair[1]) {
				_, err := submit(t, fixtures[0], s.Call)
				require.ErrorIs(t, err, s.want)
				_, err = submit(t, fixtures[0], Keyed(s.Call, "k"))
				require.ErrorIs(t, err, s.want)
			}
		}
		require.Equal(t, rows(0, 0, 0), written(fixtures[0]))
	})

	t.Run("nor while it changes", func(t *testing.T) {
		t.Parallel()
		fixtures := both(t)
		attempts := append(trespasses(mine, theirs), trespasses(theirs, mine)...)
		for i, o := range atOnce(t, fixtures, 30*(len(attempts)+2), func(i int) (enablement.Call, time.Time) {
			all := []enablement.Call{mine, theirs}
			for _, a := range attempts {
				all = append(all, a.Call)
			}
			return all[i%len(all)], now
		}) {
			i %= len(attempts) + 2
			if i >= 2 {
				require.ErrorIs(t, o.err, attempts[i-2].want)
				continue
			}
			if o.err == nil {
				require.Equal(t, []string{mine.ClientID, theirs.ClientID}[i], o.request.ClientID)
				require.Equal(t, []string{mine.CompanyID, theirs.CompanyID}[i], o.request.CompanyID)
				continue
			}
			require.ErrorIs(t, o.err, enablement.ErrNotPending)
		}
		require.Equal(t, rows(2, 2, 2), unshared(fixtures[0]))
	})

	t.Run("one key, two companies", func(t *testing.T) {
		t.Parallel()
		fixtures := both(t)
		requests := []enablement.Call{mine, theirs}
		moments := []time.Time{now, now.Add(time.Hour)}
		outcomes := atOnce(t, fixtures, submitters, func(i int) (enablement.Call, time.Time) {
			return Keyed(requests[i%2], "k"), moments[i%2]
		})
		var split [2][]outcome
		for i, o := range outcomes {
			split[i%2] = append(split[i%2], o)
		}
		require.NotEqual(t, requireOneResponse(t, split[0]), requireOneResponse(t, split[1]), "each has its own answer")
		require.Equal(t, map[string]int{"audit": 2, "idempotency": 2, "notifications": 2, "river_job": 2}, unshared(fixtures[0]))
	})

	t.Run("one request between clients of a company", func(t *testing.T) {
		t.Parallel()
		fixtures := both(t)
		s := mine
		s.ClientID = sample.Cases[1].ClientID
		_, err := submit(t, fixtures[0], s)
		require.ErrorIs(t, err, enablement.ErrRequestNotFound)
		require.Equal(t, rows(0, 0, 0), written(fixtures[0]))
	})
}
