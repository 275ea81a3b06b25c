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
