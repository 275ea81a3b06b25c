package access_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/access"
)

var now = time.Date(2026, time.April, 16, 9, 20, 0, 0, time.UTC)

func TestNew(t *testing.T) {
	t.Parallel()
	secret, other := access.NewSecret(), access.NewSecret()
	require.NotEqual(t, secret, other)
	require.Regexp(t, `^cm_[A-Za-z0-9_-]{43}$`, secret, "256 bits")
	key := access.New("cmp_1", 3, secret, now)
	require.True(t, strings.HasPrefix(secret, key.Prefix))
	require.Len(t, key.Prefix, 8, "enough to tell keys apart, too little to guess the rest")
	require.NotEqual(t, key.ID, access.New("cmp_1", 3, secret, now).ID)
	require.NotEqual(t, access.HashOf(secret), access.HashOf(other))
	require.Equal(t, "ab", access.New("cmp_1", 3, "ab", now).Prefix)
}

func TestKey_Usable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		key  access.Key
		want bool
	}{
		"plain":            {access.Key{}, true},
		"expires later":    {access.Key{ExpiresAt: now.Add(1)}, true},
		"expires now":      {access.Key{ExpiresAt: now}, false},
		"expired":          {access.Key{ExpiresAt: now.Add(-1)}, false},
		"revoked later":    {access.Key{RevokedAt: now.Add(1)}, true},
		"revoked now":      {access.Key{RevokedAt: now}, false},
		"revoked":          {access.Key{RevokedAt: now.Add(-1), ExpiresAt: now.Add(1)}, false},
		"expired, revoked": {access.Key{RevokedAt: now.Add(-1), ExpiresAt: now.Add(-1)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, test.key.Usable(now))
		})
	}
}

func TestKey_Allows(t *testing.T) {
	t.Parallel()
	prefixes := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	for name, test := range map[string]struct {
		allow []netip.Prefix
		from  netip.Addr
		want  bool
	}{
		"any":               {nil, netip.MustParseAddr("203.0.113.9"), true},
		"any, unknown":      {nil, netip.Addr{}, true},
		"inside":            {prefixes, netip.MustParseAddr("192.0.2.255"), true},
		"inside IPv6":       {prefixes, netip.MustParseAddr("2001:db8::1"), true},
		"link-local":        {[]netip.Prefix{netip.MustParsePrefix("fe80::/10")}, netip.MustParseAddr("fe80::1%eth0"), true},
		"outside":           {prefixes, netip.MustParseAddr("192.0.3.0"), false},
		"outside IPv6":      {prefixes, netip.MustParseAddr("2001:db9::1"), false},
		"unknown is denied": {prefixes, netip.Addr{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, access.Key{Allow: test.allow}.Allows(test.from))
		})
	}
}
