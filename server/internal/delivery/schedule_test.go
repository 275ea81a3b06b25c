package delivery_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/delivery"
)

func TestSchedule_Wait(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		attempt    int
		retryAfter time.Duration
		least      time.Duration
		most       time.Duration
	}{
		"first":                    {1, 0, 4 * time.Second, 6 * time.Second},
		"second":                   {2, 0, 4 * time.Minute, 6 * time.Minute},
		"third":                    {3, 0, 24 * time.Minute, 36 * time.Minute},
		"ninth":                    {9, 0, 19*time.Hour + 12*time.Minute, 28*time.Hour + 48*time.Minute},
		"beyond the last":          {40, 0, 19*time.Hour + 12*time.Minute, 28*time.Hour + 48*time.Minute},
		"before the first":         {0, 0, 4 * time.Second, 6 * time.Second},
		"asked for more":           {1, time.Minute, time.Minute, time.Minute},
		"asked for less":           {2, time.Second, 4 * time.Minute, 6 * time.Minute},
		"asked for a month":        {1, 720 * time.Hour, 24 * time.Hour, 24 * time.Hour},
		"asked for a negative one": {1, -time.Hour, 4 * time.Second, 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := make(map[time.Duration]bool)
			for range 200 {
				wait := delivery.DefaultSchedule.Wait(test.attempt, test.retryAfter)
				require.GreaterOrEqual(t, wait, test.least)
				require.LessOrEqual(t, wait, test.most)
				seen[wait] = true
			}
			if test.least < test.most {
				require.Greater(t, len(seen), 100, "the waits are spread")
			}
		})
	}
}

// TestSchedule_falling: the steps are obeyed as they are, and a longer Retry-After up to the longest of them.
func TestSchedule_falling(t *testing.T) {
	t.Parallel()
	falling := delivery.Schedule{300 * time.Millisecond, 3 * time.Second, 300 * time.Millisecond}
	require.NoError(t, falling.Check())
	for attempt, step := range falling {
		for _, asked := range []time.Duration{0, time.Millisecond, 2 * time.Second, 3 * time.Second, time.Hour} {
			wait := falling.Wait(attempt+1, asked)
			require.GreaterOrEqual(t, wait, max(step*8/10, min(asked, 3*time.Second)))
			require.LessOrEqual(t, wait, max(step*12/10, min(asked, 3*time.Second)))
		}
	}
}

func TestSchedule_Check(t *testing.T) {
	t.Parallel()
	for _, schedule := range []delivery.Schedule{nil, {0}, {time.Second, -time.Second}, {time.Microsecond}, {1 << 62}, {366 * 24 * time.Hour}} {
		require.Error(t, schedule.Check(), "%v", schedule)
	}
	for _, schedule := range []delivery.Schedule{{time.Millisecond}, {365 * 24 * time.Hour, time.Second}, delivery.DefaultSchedule} {
		require.NoError(t, schedule.Check(), "%v", schedule)
	}
}

// TestDefaultSchedule holds the schedule to what openapi.yaml promises the provider.
func TestDefaultSchedule(t *testing.T) {
	t.Parallel()
	require.Equal(t, 10, delivery.DefaultSchedule.Attempts())
	var total time.Duration
	for _, step := range delivery.DefaultSchedule {
		total += step
	}
	require.Equal(t, 75*time.Hour+35*time.Minute+5*time.Second, total)
}
