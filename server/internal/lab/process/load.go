package process

import (
	"context"
	"slices"
	"time"
)

// Pause waits, or until the context ends.
func Pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// Quantile returns the time that the given part of calls, from 0 to 1, did not exceed; 0 where there
// are none. It sorts them.
func Quantile(took []time.Duration, q float64) time.Duration {
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[int(q*float64(len(took)-1))].Round(10 * time.Microsecond)
}

// Median returns the middle of the values.
func Median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}
