package access

import (
	"context"
	"errors"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// cacheFor is how old what is known of a key may be. With the time a look-up takes it keeps the
	// promise that a revoked key stops within a second, in every process.
	cacheFor = 500 * time.Millisecond
	// cacheSize bounds the memory: some hundred bytes a key.
	cacheSize = 10_000
)

// Cache remembers keys for half a second, so that a busy key is not looked up on every call. What
// isn't a usable key is not remembered: guesses must not push keys out, and the time of a refusal
// must not tell a key that was good once from one that never was.
type Cache struct {
	finder  Finder
	timeout time.Duration
	clock   func() time.Time
	keys    *lru.Cache[Hash, cached]
}

type cached struct {
	key   Key
	until time.Time
}

var _ Finder = (*Cache)(nil)

// NewCache returns a cache in front of a finder, which gets so long for each key.
func NewCache(finder Finder, timeout time.Duration, clock func() time.Time) *Cache {
	keys, err := lru.New[Hash, cached](cacheSize)
	if err != nil {
		panic(err) // the size is a constant
	}
	return &Cache{finder: finder, timeout: timeout, clock: clock, keys: keys}
}

// KeyByHash implements [Finder].
func (c *Cache) KeyByHash(ctx context.Context, hash Hash) (Key, error) {
	now := c.clock()
	if known, ok := c.keys.Get(hash); ok && now.Before(known.until) && !now.Before(known.until.Add(-cacheFor)) {
		return known.key, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	key, err := c.finder.KeyByHash(ctx, hash)
	switch {
	case err == nil && key.Usable(now):
		c.keys.Add(hash, cached{key: key, until: now.Add(cacheFor)})
	case err == nil, errors.Is(err, ErrKeyNotFound):
		c.keys.Remove(hash)
	}
	return key, err
}
