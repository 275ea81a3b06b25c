package storetest

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

func exerciseKeys(t *testing.T, open Open) {
	create := func(t *testing.T, f Fixture, change func(*access.Key)) (access.Key, access.Hash) {
		t.Helper()
		secret := access.NewSecret()
		key := access.New(sample.Company, 3, secret, now)
		change(&key)
		hash := access.HashOf(secret)
		require.NoError(t, f.CreateKey(t.Context(), key, hash))
		return key, hash
	}

	t.Run("round trip", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		key, hash := create(t, f, func(k *access.Key) {
			k.AccessLevel = 7
			k.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
			k.ExpiresAt = now.Add(time.Hour)
		})
		found, err := f.KeyByHash(t.Context(), hash)
		require.NoError(t, err)
		require.Equal(t, key, found)
	})

	t.Run("limits", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		key, hash := create(t, f, func(k *access.Key) {
			k.AccessLevel = access.MaxLevel
			k.ExpiresAt = time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
		})
		found, err := f.KeyByHash(t.Context(), hash)
		require.NoError(t, err)
		require.Equal(t, key, found)
		for want, change := range map[string]func(*access.Key){
			"the access level of a key must be from 1 to 2147483647":               func(k *access.Key) { k.AccessLevel = access.MaxLevel + 1 },
			"the access level of a key must be from 1 to 2147483647 ":              func(k *access.Key) { k.AccessLevel = 0 },
			"the access level of a key must be from 1 to 2147483647  ":             func(k *access.Key) { k.AccessLevel = -1 },
			"the address range ::ffff:192.0.2.0/120 holds no caller's address":     func(k *access.Key) { k.Allow = []netip.Prefix{netip.MustParsePrefix("::ffff:192.0.2.0/120")} },
			"the address range invalid Prefix holds no caller's address; IPv4 ran": func(k *access.Key) { k.Allow = []netip.Prefix{{}} },
		} {
			key := access.New(sample.Company, 3, access.NewSecret(), now)
			change(&key)
			require.ErrorContains(t, f.CreateKey(t.Context(), key, access.HashOf(want)), strings.TrimSpace(want))
		}
	})

	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		_, err := f.KeyByHash(t.Context(), access.HashOf("never made"))
		require.ErrorIs(t, err, access.ErrKeyNotFound)
		require.ErrorIs(t, f.RevokeKey(t.Context(), "key_unknown", now), access.ErrKeyNotFound)
	})

	t.Run("unknown company", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		before := f.Count("api_keys")
		require.ErrorIs(t, f.CreateKey(t.Context(), access.New("nowhere", 3, "secret", now), access.HashOf("secret")), store.ErrCompanyNotFound)
		require.Equal(t, before, f.Count("api_keys"))
	})

	t.Run("same secret twice", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		_, hash := create(t, f, func(*access.Key) {})
		require.Error(t, f.CreateKey(t.Context(), access.New(sample.Company, 3, "x", now), hash))
	})

	t.Run("revoke", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		key, hash := create(t, f, func(*access.Key) {})
		require.NoError(t, f.RevokeKey(t.Context(), key.ID, now))
		require.NoError(t, f.RevokeKey(t.Context(), key.ID, now.Add(time.Hour)), "revoking twice does no harm")
		found, err := f.KeyByHash(t.Context(), hash)
		require.NoError(t, err)
		require.True(t, now.Equal(found.RevokedAt), "the first moment stands")
		require.False(t, found.Usable(now))
	})

	t.Run("rotate", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		old, oldHash := create(t, f, func(*access.Key) {})
		fresh := access.New(sample.Company, 3, "fresh secret", now)
		require.NoError(t, f.RotateKey(t.Context(), old.ID, now.Add(time.Hour), fresh, access.HashOf("fresh secret")))
		found, err := f.KeyByHash(t.Context(), oldHash)
		require.NoError(t, err)
		require.True(t, found.Usable(now.Add(time.Hour-1)))
		require.False(t, found.Usable(now.Add(time.Hour)), "the old key lives for the overlap")
		found, err = f.KeyByHash(t.Context(), access.HashOf("fresh secret"))
		require.NoError(t, err)
		require.Equal(t, fresh, found)

		before := f.Count("api_keys")
		require.ErrorIs(t, f.RotateKey(t.Context(), "key_unknown", now, access.New(sample.Company, 3, "x", now), access.HashOf("x")), access.ErrKeyNotFound)
		require.Equal(t, before, f.Count("api_keys"))
	})

	t.Run("rotate does not prolong", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		old, hash := create(t, f, func(k *access.Key) { k.ExpiresAt = now.Add(time.Minute) })
		require.NoError(t, f.RotateKey(t.Context(), old.ID, now.Add(time.Hour), access.New(sample.Company, 3, "y", now), access.HashOf("y")))
		found, err := f.KeyByHash(t.Context(), hash)
		require.NoError(t, err)
		require.True(t, now.Add(time.Minute).Equal(found.ExpiresAt))
	})

	t.Run("touch", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		key, hash := create(t, f, func(*access.Key) {})
		require.NoError(t, f.TouchKeys(t.Context(), map[string]time.Time{key.ID: now.Add(time.Minute), "key_unknown": now}))
		found, err := f.KeyByHash(t.Context(), hash)
		require.NoError(t, err)
		require.True(t, now.Add(time.Minute).Equal(found.LastUsedAt))
	})

	t.Run("list", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		all, err := f.Keys(t.Context(), "")
		require.NoError(t, err)
		require.Len(t, all, 3)
		one, err := f.Keys(t.Context(), sample.OtherCompany)
		require.NoError(t, err)
		require.Len(t, one, 1)
		require.Equal(t, sample.OtherCompany, one[0].CompanyID)
		none, err := f.Keys(t.Context(), "nowhere")
		require.NoError(t, err)
		require.Empty(t, none)
	})
}
