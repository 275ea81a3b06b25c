package storetest

import (
	"strconv"
	"testing"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

// delivers is the kind of job that delivers a notification.
const delivers = "notification_deliver"

// put puts jobs into the queue, as they are after whatever happened to them.
func put(t *testing.T, f Fixture, n int, kind string, state rivertype.JobState, due time.Time) {
	t.Helper()
	jobs := make([]*riverdriver.JobInsertFullParams, n)
	for i := range jobs {
		jobs[i] = &riverdriver.JobInsertFullParams{
			EncodedArgs: []byte(`{}`), Kind: kind, MaxAttempts: 10, Priority: 1, Queue: "default", State: state, ScheduledAt: &due, Tags: []string{},
		}
		switch state {
		case rivertype.JobStateCancelled, rivertype.JobStateCompleted, rivertype.JobStateDiscarded:
			jobs[i].FinalizedAt = &due
		}
	}
	_, err := f.Jobs.JobInsertFullMany(t.Context(), &riverdriver.JobInsertFullManyParams{Jobs: jobs})
	require.NoError(t, err)
}

func exerciseStats(t *testing.T, open Open) {
	moment := now.Truncate(time.Millisecond) // as the queue keeps times on SQLite
	stats := func(t *testing.T, f Fixture, at time.Time) store.QueueStats {
		t.Helper()
		stats, err := f.QueueStats(t.Context(), at)
		require.NoError(t, err)
		return stats
	}

	t.Run("empty", func(t *testing.T) {
		t.Parallel()
		require.Zero(t, stats(t, withSample(t, open, nil), now))
	})

	t.Run("submitted", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		_, err := submit(t, f, submissionOf(sample.Cases[0]))
		require.NoError(t, err)
		got := stats(t, f, time.Now().Add(time.Hour))
		require.InDelta(t, time.Hour.Seconds(), got.OldestAvailable.Seconds(), 60)
		got.OldestAvailable = 0
		require.Equal(t, store.QueueStats{Available: 1, Pending: 1}, got)
	})

	// Each state has another number of jobs, so that none can stand for another.
	t.Run("all states", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		put(t, f, 1, delivers, rivertype.JobStateAvailable, moment.Add(-90*time.Second))
		put(t, f, 1, delivers, rivertype.JobStateAvailable, moment.Add(-30*time.Second))
		put(t, f, 3, delivers, rivertype.JobStateRunning, moment.Add(-2*time.Hour))
		put(t, f, 4, delivers, rivertype.JobStateRetryable, moment.Add(-2*time.Hour))
		put(t, f, 1, delivers, rivertype.JobStateRetryable, moment.Add(time.Hour))
		put(t, f, 6, delivers, rivertype.JobStateScheduled, moment.Add(-2*time.Hour))
		put(t, f, 1, delivers, rivertype.JobStateScheduled, moment.Add(time.Hour))
		for _, finished := range []rivertype.JobState{
			rivertype.JobStateCancelled, rivertype.JobStateCompleted, rivertype.JobStateDiscarded, rivertype.JobStatePending,
		} {
			put(t, f, 8, delivers, finished, moment.Add(-2*time.Hour))
		}
		want := store.QueueStats{Available: 2, Running: 3, Retryable: 5, Scheduled: 7, OldestAvailable: 90 * time.Second}
		require.Equal(t, want, stats(t, f, moment))

		for _, kind := range []string{"another", "notification_delivered", "upkeep"} {
			for _, state := range rivertype.JobStates() {
				put(t, f, 2, kind, state, moment.Add(-24*time.Hour))
			}
		}
		require.Equal(t, want, stats(t, f, moment), "jobs of another kind are no deliveries")
	})

	t.Run("none is due", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		// What fails is available already when its next attempt is near.
		put(t, f, 1, delivers, rivertype.JobStateAvailable, moment.Add(3*time.Second))
		require.Equal(t, store.QueueStats{Available: 1}, stats(t, f, moment))
		for _, state := range rivertype.JobStates() {
			if state != rivertype.JobStateAvailable {
				put(t, f, 1, delivers, state, moment.Add(-time.Hour))
			}
		}
		require.Equal(t, store.QueueStats{Available: 1, Running: 1, Retryable: 1, Scheduled: 1}, stats(t, f, moment))
	})

	t.Run("notifications", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		for i, id := range notify(t, f, 6) {
			switch {
			case i < 1:
				record(t, f, id, now, enablement.NotificationDelivered)
			case i < 3:
				record(t, f, id, now, enablement.NotificationDead)
			case i < 4:
				record(t, f, id, now, enablement.NotificationPending)
			}
		}
		got := stats(t, f, time.Now())
		require.Equal(t, []int{3, 2}, []int{got.Pending, got.Dead})
	})

	t.Run("pools", func(t *testing.T) {
		t.Parallel()
		pools := open(t, nil).Pools()
		require.NotEmpty(t, pools)
		for name, pool := range pools {
			require.NotEmpty(t, name)
			require.Positive(t, pool.MaxOpen)
			require.Equal(t, pool.Open, pool.InUse+pool.Idle)
		}
	})
}

func exercisePages(t *testing.T, open Open) {
	const n = 7
	f := withSample(t, open, nil)
	ids := notify(t, f, n)
	states := enablement.NotificationStates
	want := make(map[enablement.NotificationState][]string) // newest first
	for i := n - 1; i >= 0; i-- {
		state := states[i%len(states)]
		record(t, f, ids[i], now, state)
		want[""] = append(want[""], ids[i])
		want[state] = append(want[state], ids[i])
	}
	for state, all := range want {
		for limit := 1; limit <= n+1; limit++ {
			t.Run(string(state)+" by "+strconv.Itoa(limit), func(t *testing.T) {
				t.Parallel()
				var got []string
				for after, full := "", true; full; {
					page, err := f.Notifications(t.Context(), state, after, limit)
					require.NoError(t, err)
					require.LessOrEqual(t, len(page), limit)
					for _, n := range page {
						got = append(got, n.ID)
						after = n.ID
						require.Equal(t, 1, n.Attempts)
						require.Equal(t, "answered 500", n.LastFault)
					}
					full = len(page) == limit
				}
				require.Equal(t, all, got)
			})
		}
	}

	t.Run("after one of another state", func(t *testing.T) {
		t.Parallel()
		page, err := f.Notifications(t.Context(), enablement.NotificationPending, ids[2], n)
		require.NoError(t, err)
		require.Len(t, page, 1)
		require.Equal(t, ids[0], page[0].ID)
	})

	t.Run("after an unknown one", func(t *testing.T) {
		t.Parallel()
		for _, id := range []string{"ntf_unknown", "\xff", "a\x00b"} {
			_, err := f.Notifications(t.Context(), "", id, n)
			require.ErrorIs(t, err, enablement.ErrNotificationNotFound, "%q", id)
		}
	})

	t.Run("at the same moment", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		notifyAt(t, f, 5, func(int) time.Time { return now })
		seen := make(map[string]bool)
		for after := ""; len(seen) < 5; {
			page, err := f.Notifications(t.Context(), "", after, 2)
			require.NoError(t, err)
			require.NotEmpty(t, page)
			for _, n := range page {
				require.False(t, seen[n.ID], "twice")
				seen[n.ID] = true
				after = n.ID
			}
		}
	})
}
