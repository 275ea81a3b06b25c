package access_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/access"
)

// keys is storage in memory that counts how often it is asked.
type keys struct {
	mu     sync.Mutex
	stored map[access.Hash]access.Key
	asked  int
	err    error
	used   []map[string]time.Time
}

func (k *keys) KeyByHash(_ context.Context, hash access.Hash) (access.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	if k.err != nil {
		return access.Key{}, k.err
	}
	key, ok := k.stored[hash]
	if !ok {
		return access.Key{}, access.ErrKeyNotFound
	}
	return key, nil
}

func (k *keys) TouchKeys(_ context.Context, used map[string]time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return k.err
	}
	k.used = append(k.used, used)
	return nil
}

func (k *keys) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func (k *keys) touched() []map[string]time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.used
}

// hanging is storage that does not answer.
type hanging struct{}

func (hanging) KeyByHash(ctx context.Context, _ access.Hash) (access.Key, error) {
	<-ctx.Done()
	return access.Key{}, ctx.Err()
}

func TestCache(t *testing.T) {
	t.Parallel()
	hash := access.HashOf("secret")
	setUp := func() (*keys, *access.Cache, *time.Time) {
		k := &keys{stored: map[access.Hash]access.Key{hash: {ID: "key_1"}}}
		clock := now
		return k, access.NewCache(k, time.Minute, func() time.Time { return clock }), &clock
	}
	find := func(t *testing.T, c *access.Cache) access.Key {
		t.Helper()
		key, err := c.KeyByHash(t.Context(), hash)
		require.NoError(t, err)
		return key
	}

	t.Run("asks once within half a second", func(t *testing.T) {
		t.Parallel()
		k, cache, clock := setUp()
		for range 10 {
			require.Equal(t, "key_1", find(t, cache).ID)
		}
		require.Equal(t, 1, k.asked)
		*clock = now.Add(499 * time.Millisecond)
		find(t, cache)
		require.Equal(t, 1, k.asked)
		*clock = now.Add(500 * time.Millisecond)
		find(t, cache)
		require.Equal(t, 2, k.asked)
	})
	t.Run("a revoked key stops within a second", func(t *testing.T) {
		t.Parallel()
		k, cache, clock := setUp()
		require.True(t, find(t, cache).Usable(now))
		k.stored[hash] = access.Key{ID: "key_1", RevokedAt: now}
		*clock = now.Add(time.Second - 1)
		require.False(t, find(t, cache).Usable(*clock))
	})
	t.Run("a look-up ends in time", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			cache := access.NewCache(hanging{}, time.Minute, time.Now)
			began := time.Now()
			_, err := cache.KeyByHash(t.Context(), hash)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, time.Minute, time.Since(began))
		})
	})
	t.Run("a deleted key is forgotten", func(t *testing.T) {
		t.Parallel()
		k, cache, clock := setUp()
		find(t, cache)
		delete(k.stored, hash)
		*clock = now.Add(time.Second)
		_, err := cache.KeyByHash(t.Context(), hash)
		require.ErrorIs(t, err, access.ErrKeyNotFound)
	})
	t.Run("what is no key is not remembered", func(t *testing.T) {
		t.Parallel()
		k, cache, _ := setUp()
		for range 3 {
			_, err := cache.KeyByHash(t.Context(), access.HashOf("guess"))
			require.ErrorIs(t, err, access.ErrKeyNotFound)
		}
		require.Equal(t, 3, k.asked)
		k.stored[access.HashOf("guess")] = access.Key{ID: "key_2"}
		key, err := cache.KeyByHash(t.Context(), access.HashOf("guess"))
		require.NoError(t, err, "a new key works at once")
		require.Equal(t, "key_2", key.ID)
	})
	t.Run("storage fails", func(t *testing.T) {
		t.Parallel()
		k, cache, clock := setUp()
		find(t, cache)
		k.err = errors.New("disk full")
		find(t, cache)
		*clock = now.Add(time.Second)
		_, err := cache.KeyByHash(t.Context(), hash)
		require.ErrorIs(t, err, k.err, "an old answer is not given for want of a new one")
	})
	t.Run("the clock steps back", func(t *testing.T) {
		t.Parallel()
		k, cache, clock := setUp()
		find(t, cache)
		*clock = now.Add(-time.Hour)
		find(t, cache)
		require.Equal(t, 2, k.asked, "what seems to come from the future is not believed for an hour")
	})
}

func TestUsage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &keys{}
		usage := access.NewUsage(k, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { usage.Run(ctx) })
		start := time.Now()

		usage.Note("key_1", start)
		usage.Note("key_1", start.Add(time.Second))
		usage.Note("key_2", start)
		synctest.Wait()
		require.Empty(t, k.touched(), "not a write per call")
		time.Sleep(10*time.Second + 1)
		synctest.Wait()
		require.Equal(t, []map[string]time.Time{{"key_1": start.Add(time.Second), "key_2": start}}, k.touched())

		time.Sleep(30 * time.Second)
		synctest.Wait()
		require.Len(t, k.touched(), 1, "nothing new, nothing written")

		k.fail(errors.New("disk full"))
		usage.Note("key_1", start.Add(time.Minute))
		usage.Note("key_2", start.Add(time.Minute))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		k.fail(nil)
		usage.Note("key_1", start.Add(2*time.Minute))
		cancel()
		group.Wait()
		require.Equal(t, map[string]time.Time{"key_1": start.Add(2 * time.Minute), "key_2": start.Add(time.Minute)}, k.touched()[1],
			"what failed is kept, and the end writes what is left")
	})
}
