package access

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"
)

const (
	// usageEvery is how often the last uses of keys are written: not on every call.
	usageEvery = 10 * time.Second
	// usageTimeout bounds one writing.
	usageTimeout = 5 * time.Second
)

// Toucher keeps when keys were last used.
type Toucher interface {
	TouchKeys(ctx context.Context, used map[string]time.Time) error
}

// Usage collects when keys were last used and writes it every few seconds. Should the process be
// killed, the uses of the last seconds are not written.
type Usage struct {
	toucher Toucher
	logger  *slog.Logger

	mu   sync.Mutex
	used map[string]time.Time
}

// NewUsage returns a collector; Run makes it write.
func NewUsage(toucher Toucher, logger *slog.Logger) *Usage {
	return &Usage{toucher: toucher, logger: logger, used: make(map[string]time.Time)}
}

// Note notes a use.
func (u *Usage) Note(keyID string, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.used[keyID] = at
}

// Run writes until the context ends, and once more then.
func (u *Usage) Run(ctx context.Context) {
	ticker := time.NewTicker(usageEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			u.write(ctx)
		case <-ctx.Done():
			u.write(context.WithoutCancel(ctx))
			return
		}
	}
}

func (u *Usage) write(ctx context.Context) {
	u.mu.Lock()
	used := u.used
	u.used = make(map[string]time.Time, len(used))
	u.mu.Unlock()
	if len(used) == 0 {
		return
	}
	limited, cancel := context.WithTimeout(ctx, usageTimeout)
	defer cancel()
	err := u.toucher.TouchKeys(limited, used)
	if err == nil {
		return
	}
	u.putBack(used)
	if ctx.Err() == nil { // or else Run writes them at once
		u.logger.Warn("last use of keys not written, will be tried again", "keys", len(used), "err", err)
	}
}

// putBack keeps what could not be written, below what was noted since.
func (u *Usage) putBack(used map[string]time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	maps.Copy(used, u.used)
	u.used = used
}
