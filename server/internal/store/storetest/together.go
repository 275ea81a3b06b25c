package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

// exerciseTogether: submissions that come together may share a transaction, but nothing else.
func exerciseTogether(t *testing.T, open Open) {
	const each = 40
	fixtures := several(t, open)
	stored := sample.Data(now)
	complete, incomplete := sample.Cases[0], sample.Cases[1]
	data := &dataset.Dataset{At: now}
	for i := range each {
		for _, c := range []sample.Case{complete, incomplete} {
			data.Requests = append(data.Requests, dataset.Request{
				ID: fmt.Sprintf("%s-%d", c.RequestID, i), ClientID: c.ClientID,
				Product: stored.Requests[0].Product, Status: enablement.Requested,
			})
		}
	}
	require.NoError(t, fixtures[0].Import(t.Context(), data))

	kinds := []struct {
		c      sample.Case
		change func(*enablement.Call)
		status enablement.Status
		err    error
	}{
		{complete, func(*enablement.Call) {}, enablement.InKYC, nil},
		{incomplete, func(*enablement.Call) {}, enablement.PendingDocumentation, nil},
		{complete, func(s *enablement.Call) { s.CompanyID = sample.OtherCompany }, "", enablement.ErrClientNotFound},
		{incomplete, func(s *enablement.Call) { s.ClientID = "nobody" }, "", enablement.ErrClientNotFound},
		{incomplete, func(s *enablement.Call) { s.ClientID = complete.ClientID }, "", enablement.ErrRequestNotFound},
		{complete, func(s *enablement.Call) { s.RequestID += "\xff" }, "", enablement.ErrRequestNotFound},
	}
	outcomes := atOnce(t, fixtures, each*len(kinds), func(i int) (enablement.Call, time.Time) {
		kind := kinds[i%len(kinds)]
		s := submissionOf(kind.c)
		s.RequestID = fmt.Sprintf("%s-%d", s.RequestID, i/len(kinds))
		if i%2 == 0 {
			s = Keyed(s, fmt.Sprint(i))
		}
		kind.change(&s)
		return s, now
	})
	for i, o := range outcomes {
		kind := kinds[i%len(kinds)]
		require.ErrorIs(t, o.err, kind.err)
		require.Equal(t, kind.status, o.request.Status)
		if kind.err == nil {
			require.Equal(t, fmt.Sprintf("%s-%d", kind.c.RequestID, i/len(kinds)), o.request.ID, "its own answer")
			require.Equal(t, kind.c.ClientID, o.request.ClientID)
		}
	}
	require.Equal(t, map[string]int{"audit": 2 * each, "idempotency": each, "notifications": each, "river_job": each}, unshared(fixtures[0]))
	require.LessOrEqual(t, fixtures[0].Count("river_job"), each)
	requeue := func() int {
		n, err := fixtures[0].RequeueStranded(t.Context(), now, 2*each, func(enablement.NotificationStatus) time.Time { return time.Time{} })
		require.NoError(t, err)
		return n
	}
	require.Zero(t, requeue(), "each has a job, or shares one")
	fixtures[0].Exec(`DELETE FROM river_job`)
	require.Equal(t, each, requeue())
	list, err := fixtures[0].Notifications(t.Context(), "", "", 10*each)
	require.NoError(t, err)
	told := make(map[string]bool)
	for _, n := range list {
		told[n.RequestID] = true
	}
	for i := range each {
		require.True(t, told[fmt.Sprintf("%s-%d", complete.RequestID, i)])
	}
}
