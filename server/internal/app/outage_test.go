package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestOutages goes through an outage of ten minutes and a half, with nine failures a second.
func TestOutages(t *testing.T) {
	t.Parallel()
	for level, want := range map[slog.Level]int{slog.LevelInfo: 12, slog.LevelError: 11} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			var away atomic.Bool
			o := newOutages(func(context.Context) error {
				if away.Load() {
					return errors.New("connection refused")
				}
				return nil
			}, slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level})))
			ctx, end := context.WithCancel(t.Context())
			ended := make(chan struct{})
			logger := o.background().With("part", "queue").WithGroup("job")
			lines := func() (n int) {
				synctest.Wait()
				defer out.Reset()
				return strings.Count(out.String(), "\n")
			}
			logger.Error("before anybody watches")
			require.Equal(t, 1, lines())
			go func() { defer close(ended); o.run(ctx) }()
			synctest.Wait()
			logger.Info("works")
			logger.Error("fails for a reason of its own", "err", "x")
			require.Contains(t, func() string { synctest.Wait(); return out.String() }(), `part=queue job.err=x`)
			out.Reset()

			away.Store(true)
			for range 9 * 630 {
				logger.Error("fails", "err", "connection refused")
				time.Sleep(time.Second / 9)
			}
			away.Store(false)
			time.Sleep(2 * time.Second)
			synctest.Wait()
			require.Equal(t, 1, strings.Count(out.String(), "the database is unavailable: "))
			require.Equal(t, 10, strings.Count(out.String(), "the database is still unavailable"))
			require.Contains(t, out.String(), "away=1m0s")
			require.Contains(t, out.String(), "away=10m0s")
			require.Equal(t, want, lines(), "and, unless it is below the level, that it is back")

			logger.Error("was begun in the outage")
			require.Zero(t, lines())
			time.Sleep(lateFor)
			logger.Error("has nothing to do with it")
			require.Equal(t, 1, lines())
			end()
			<-ended
			logger.Error("nobody watches any more")
			require.Equal(t, 1, lines())
		})
	}
}
