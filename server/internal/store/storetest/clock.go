package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

// edges are moments that are easy to get wrong.
var edges = map[string]time.Time{
	"all nanoseconds":   time.Date(2026, time.April, 16, 9, 20, 0, 999999999, time.UTC),
	"one nanosecond":    time.Date(2026, time.April, 16, 9, 20, 0, 1, time.UTC),
	"trailing zeros":    time.Date(2026, time.April, 16, 9, 20, 0, 120000000, time.UTC),
	"before 1970":       time.Date(1969, time.December, 31, 23, 59, 59, 999999999, time.UTC),
	"the first day":     time.Date(1, time.January, 1, 0, 0, 0, 1000, time.UTC),
	"the last day":      time.Date(9999, time.December, 31, 23, 59, 59, 999999999, time.UTC),
	"leap day":          time.Date(2028, time.February, 29, 23, 59, 59, 500, time.UTC),
	"far east":          time.Date(2027, time.January, 1, 3, 0, 0, 1500, time.FixedZone("", 14*60*60)),
	"far west":          time.Date(2026, time.December, 31, 20, 0, 0, 1500, time.FixedZone("", -12*60*60)),
	"quarter of a hour": time.Date(2026, time.April, 16, 9, 20, 0, 123456789, time.FixedZone("", 5*60*60+45*60)),
}

// kept is a moment as a store gives it back.
func kept(at time.Time) time.Time { return at.UTC().Truncate(time.Microsecond) }

func exerciseClock(t *testing.T, open Open) {
	for name, at := range edges {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := withSample(t, open, nil)

			key := access.New(sample.Company, 3, name, at)
			key.ExpiresAt, key.LastUsedAt = at, at
			require.NoError(t, f.CreateKey(t.Context(), key, access.HashOf(name)))
			require.NoError(t, f.RevokeKey(t.Context(), key.ID, at))
			found, err := f.KeyByHash(t.Context(), access.HashOf(name))
			require.NoError(t, err)
			require.Equal(t, kept(at), found.CreatedAt)
			require.Equal(t, kept(at), found.ExpiresAt)
			require.Equal(t, kept(at), found.RevokedAt)
			require.Equal(t, kept(at), found.LastUsedAt)

			// What was answered is what is stored, and time doesn't go back.
			answered, _, err := submitAt(t, f, submissionOf(sample.Cases[1]), at)
			require.NoError(t, err)
			stored := current(t, f, sample.Cases[1])
			require.Equal(t, answered.UpdatedAt, stored.UpdatedAt)
			require.Equal(t, answered.CreatedAt, stored.CreatedAt)
			require.False(t, stored.UpdatedAt.Before(stored.CreatedAt))

			_, first, err := submitAt(t, f, keyed(sample.Cases[1], "k"), at)
			require.NoError(t, err)
			last := kept(at).Add(enablement.IdempotencyWindow - 1)
			_, again, err := submitAt(t, f, keyed(sample.Cases[1], "k"), last)
			require.NoError(t, err)
			require.Equal(t, first, again, "the window is open to the last nanosecond")
			_, anew, err := submitAt(t, f, keyed(sample.Cases[1], "k"), last.Add(1))
			require.NoError(t, err)
			require.NotEqual(t, first, anew)
			pruned, err := f.PruneIdempotency(t.Context(), kept(last.Add(1)).Add(-1))
			require.NoError(t, err)
			require.Zero(t, pruned)
			pruned, err = f.PruneIdempotency(t.Context(), last.Add(1))
			require.NoError(t, err)
			require.EqualValues(t, 1, pruned)
		})
	}

	t.Run("notification", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		at := edges["far east"]
		answered, _, err := submitAt(t, f, submissionOf(sample.Cases[0]), at)
		require.NoError(t, err)
		require.Equal(t, enablement.InKYC, answered.Status)
		require.Equal(t, kept(at), answered.UpdatedAt)
		list, err := f.Notifications(t.Context(), "", "", 1)
		require.NoError(t, err)
		require.Equal(t, kept(at), list[0].SubmittedAt)
		require.Equal(t, kept(at), current(t, f, sample.Cases[0]).UpdatedAt)

		require.NoError(t, f.RecordDelivery(t.Context(), enablement.Delivery{
			NotificationID: list[0].ID, StartedAt: at, Process: "test", StatusCode: 204, State: enablement.NotificationDelivered,
		}))
		status, err := f.Notification(t.Context(), list[0].ID)
		require.NoError(t, err)
		require.Equal(t, kept(at), status.LastAttempt)
	})

	t.Run("rotated at an edge", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		old := access.New(sample.Company, 3, "old", now)
		old.ExpiresAt = edges["the last day"]
		require.NoError(t, f.CreateKey(t.Context(), old, access.HashOf("old")))
		until := edges["quarter of a hour"]
		require.NoError(t, f.RotateKey(t.Context(), old.ID, until, access.New(sample.Company, 3, "new", now), access.HashOf("new")))
		found, err := f.KeyByHash(t.Context(), access.HashOf("old"))
		require.NoError(t, err)
		require.Equal(t, kept(until), found.ExpiresAt)
	})

	t.Run("touched by a clock that lags", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		key := access.New(sample.Company, 3, "x", now)
		require.NoError(t, f.CreateKey(t.Context(), key, access.HashOf("x")))
		for _, at := range []time.Time{now.Add(time.Minute), now} {
			require.NoError(t, f.TouchKeys(t.Context(), map[string]time.Time{key.ID: at}))
		}
		found, err := f.KeyByHash(t.Context(), access.HashOf("x"))
		require.NoError(t, err)
		require.Equal(t, now.Add(time.Minute), found.LastUsedAt)
	})
}
