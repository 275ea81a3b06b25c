package access_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/access"
)

type toucher func(context.Context, map[string]time.Time) error

func (t toucher) TouchKeys(ctx context.Context, used map[string]time.Time) error { return t(ctx, used) }

// TestUsage_cut: what is being written when the service stops is written again at once, and nobody is told of it.
func TestUsage_cut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var written []map[string]time.Time
		ctx, stop := context.WithCancel(t.Context())
		usage := access.NewUsage(toucher(func(within context.Context, used map[string]time.Time) error {
			if ctx.Err() == nil {
				stop()
				return within.Err()
			}
			written = append(written, used)
			return within.Err()
		}), slog.New(slog.NewTextHandler(&log, nil)))
		now := time.Now()
		usage.Note("key_1", now)
		usage.Run(ctx)
		require.Equal(t, []map[string]time.Time{{"key_1": now}}, written)
		require.Empty(t, log.String())
	})
}
