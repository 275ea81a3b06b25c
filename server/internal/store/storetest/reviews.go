package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

var (
	enable = enablement.Decision{Status: enablement.Enabled}
	reject = enablement.Decision{
		Status: enablement.Rejected, RejectionCode: enablement.RejectedByProvider, RejectionDescription: "The photo is \"old\".",
	}
)

// review decides on a request of the sample's company.
func review(t *testing.T, f Fixture, c sample.Case, d enablement.Decision, at time.Time) (enablement.Change, error) {
	t.Helper()
	call := callOf("review", c.ClientID, "")
	call.RequestID = c.RequestID
	return f.Change(t.Context(), call, func(file enablement.File) (enablement.Change, error) {
		return enablement.Review(file, d, at)
	})
}

// undecided lists the ids of what waits for a decision, in pages of two.
func undecided(t *testing.T, f Fixture) (ids []string) {
	t.Helper()
	for after := ""; ; after = ids[len(ids)-1] {
		page, err := f.Undecided(t.Context(), after, 2)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), 2)
		for _, s := range page {
			submitted, err := f.Submitted(t.Context(), s.RequestID)
			require.NoError(t, err)
			require.Equal(t, submitted, s)
			ids = append(ids, s.RequestID)
		}
		if len(page) < 2 {
			return ids
		}
	}
}

func exerciseReviews(t *testing.T, open Open) {
	first, incomplete := sample.Cases[0], sample.Cases[1]

	t.Run("as it was submitted", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		u := passport("SUBMITTED", 2*mebibyte)
		id := complete(t, f, first, u, now.Add(-time.Minute))
		file, err := f.File(t.Context(), sample.Company, first.ClientID)
		require.NoError(t, err)
		_, err = submit(t, f, submissionOf(first))
		require.NoError(t, err)
		want := enablement.Submitted{
			RequestID: first.RequestID, ClientID: first.ClientID, CompanyID: sample.Company, Product: enablement.CardsIndividuals,
			At: now, Status: enablement.InKYC, Client: file.Client, Documents: file.Documents,
		}
		requireSubmitted := func() {
			t.Helper()
			got, err := f.Submitted(t.Context(), first.RequestID)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		requireSubmitted()
		require.Equal(t, id, want.Documents[0].ID)

		later := now.Add(time.Minute)
		_, err = update(t, f, first.ClientID, input("new@example.com"), later)
		require.NoError(t, err)
		requireSubmitted()
		r, err := request(t, f, first.ClientID, enablement.RampsPix, later)
		require.NoError(t, err)
		complete(t, f, sample.Case{ClientID: first.ClientID, RequestID: r.ID}, passport("BETWEEN", 0), later)
		requireSubmitted()
		data := sample.Data(later)
		data.Requests, data.Keys = nil, nil
		require.NoError(t, f.Import(t.Context(), data))
		requireSubmitted()
		require.Equal(t, "SAMPLE0001", documentsOf(t, f, first.ClientID)[0].Metadata["number"])

		superseded := f.Count(`documents WHERE superseded_at IS NOT NULL`)
		require.EqualValues(t, superseded-1, pruneDocuments(t, f, later.Add(time.Hour)), "all but what was submitted")
		requireSubmitted()
		requirePhoto(t, f, id, "front", u.Front)
		_, err = review(t, f, first, reject, later)
		require.NoError(t, err)
		want.Status = enablement.Rejected
		requireSubmitted()
		require.Zero(t, pruneDocuments(t, f, later.Add(time.Hour)), "it is kept when it is decided on")

		require.NoError(t, remove(t, f, first.ClientID))
		_, err = f.Submitted(t.Context(), first.RequestID)
		require.ErrorIs(t, err, enablement.ErrRequestNotFound)
		requirePhoto(t, f, id, "front", enablement.Photo{})
	})

	t.Run("not recorded", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		inKYC := sample.Data(now).Requests[0]
		inKYC.ID, inKYC.Product, inKYC.Status = "in-kyc", enablement.RampsPix, enablement.InKYC
		require.NoError(t, f.Import(t.Context(), &dataset.Dataset{At: now, Requests: []dataset.Request{inKYC}}))
		require.Equal(t, []string{inKYC.ID}, undecided(t, f))
		for id, status := range map[string]enablement.Status{
			inKYC.ID: enablement.InKYC, sample.Cases[3].RequestID: enablement.Enabled, sample.Cases[4].RequestID: enablement.Rejected,
		} {
			got, err := f.Submitted(t.Context(), id)
			require.NoError(t, err)
			file, err := f.File(t.Context(), sample.Company, got.ClientID)
			require.NoError(t, err)
			require.Equal(t, enablement.Submitted{
				RequestID: id, ClientID: file.Client.ID, CompanyID: sample.Company, Product: got.Product, At: inKYC.UpdatedAt.Time,
				Status: status, Client: file.Client, Documents: file.Documents, Now: true,
			}, got)
		}
		_, err := review(t, f, sample.Case{ClientID: inKYC.ClientID, RequestID: inKYC.ID}, enable, now)
		require.NoError(t, err)
		require.Empty(t, undecided(t, f))
	})

	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		for _, id := range []string{"", "nothing", "%", first.RequestID + "\x00", first.RequestID + "\xff"} {
			_, err := f.Submitted(t.Context(), id)
			require.ErrorIs(t, err, enablement.ErrRequestNotFound, "%q", id)
			if id != "" {
				_, err = f.Undecided(t.Context(), id, 10)
				require.ErrorIs(t, err, enablement.ErrRequestNotFound, "%q", id)
			}
			_, err = review(t, f, sample.Case{ClientID: first.ClientID, RequestID: "x" + id}, enable, now)
			require.ErrorIs(t, err, enablement.ErrRequestNotFound, "%q", id)
		}
		_, err := f.Submitted(t.Context(), first.RequestID)
		require.ErrorIs(t, err, enablement.ErrNotInKYC)
		_, err = review(t, f, first, enable, now)
		require.ErrorIs(t, err, enablement.ErrNotInKYC)
		_, err = review(t, f, sample.Case{ClientID: first.ClientID, RequestID: incomplete.RequestID}, enable, now)
		require.ErrorIs(t, err, enablement.ErrRequestNotFound)
		require.Empty(t, undecided(t, f))
		require.Equal(t, rows(0, 0, 0), written(f))
	})

	t.Run("pages", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		after := []time.Duration{3, 1, 1, 0, 2}
		notifyAt(t, f, len(after), func(i int) time.Time { return now.Add(after[i] * time.Microsecond) })
		id := func(i int) string { return first.RequestID + "-" + string(rune('0'+i)) }
		want := []string{id(3), id(1), id(2), id(4), id(0)}
		require.Equal(t, want, undecided(t, f), "oldest first, then by their ids")
		_, err := review(t, f, sample.Case{ClientID: first.ClientID, RequestID: id(1)}, reject, now)
		require.NoError(t, err)
		page, err := f.Undecided(t.Context(), id(1), 1)
		require.NoError(t, err)
		require.Equal(t, id(2), page[0].RequestID, "where a page ended stays known")
		require.Equal(t, []string{id(3), id(2), id(4), id(0)}, undecided(t, f))
	})

	for _, decision := range []enablement.Decision{enable, reject} {
		t.Run(string(decision.Status), func(t *testing.T) {
			t.Parallel()
			f := withSample(t, open, nil)
			before, err := f.Client(t.Context(), sample.Company, first.ClientID)
			require.NoError(t, err)
			_, err = submit(t, f, submissionOf(first))
			require.NoError(t, err)
			later := now.Add(time.Hour)
			change, err := review(t, f, first, decision, later)
			require.NoError(t, err)
			stored := current(t, f, first)
			require.Equal(t, change.Request, stored)
			require.Equal(t, decision, enablement.Decision{
				Status: stored.Status, RejectionCode: stored.RejectionCode, RejectionDescription: stored.RejectionDescription,
			})
			require.Equal(t, later, stored.UpdatedAt)
			require.Empty(t, undecided(t, f))
			require.Equal(t, 1, f.Count(`reviews WHERE decided_at IS NOT NULL`))
			require.Equal(t, 1, f.Count(`audit WHERE operation = 'review' AND from_status = 'in_kyc' AND to_status = '`+string(decision.Status)+`'`))
			client, err := f.Client(t.Context(), sample.Company, first.ClientID)
			require.NoError(t, err)
			if decision == enable {
				before.Status, before.UpdatedAt = enablement.ClientActive, later
			}
			require.Equal(t, before, client)

			again, err := review(t, f, first, decision, later.Add(time.Hour))
			require.NoError(t, err)
			require.False(t, again.Changed)
			require.Equal(t, stored, current(t, f, first))
		})
	}

	t.Run("contrary decisions at once", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		other := reject
		other.RejectionCode = "OTHER"
		decisions := []enablement.Decision{enable, reject, other}
		_, err := submit(t, fixtures[0], submissionOf(first))
		require.NoError(t, err)
		requireOne(t, all(fixtures, len(decisions), func(f Fixture, i int) error {
			_, err := review(t, f, first, decisions[i], now)
			return err
		}), enablement.ErrNotInKYC)
		stored := current(t, fixtures[0], first)
		require.Contains(t, decisions, enablement.Decision{
			Status: stored.Status, RejectionCode: stored.RejectionCode, RejectionDescription: stored.RejectionDescription,
		})
	})

	t.Run("begun anew", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		complete(t, f, first, passport("NEW1", 0), now)
		for range 2 {
			_, err := submit(t, f, submissionOf(first))
			require.NoError(t, err)
			require.Equal(t, []string{first.RequestID}, undecided(t, f))
			require.NoError(t, f.Reset(t.Context(), beginning()))
			require.Empty(t, undecided(t, f))
			require.Zero(t, f.Count(`documents WHERE client_id IS NULL`))
		}
	})
}
