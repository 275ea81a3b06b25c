package wire_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/wire"
)

func prefixes(list string) []netip.Prefix {
	var all []netip.Prefix
	for one := range strings.FieldsSeq(list) {
		all = append(all, netip.MustParsePrefix(one))
	}
	return all
}

// every returns all networks of IPv4 of the given width.
func every(bits int) string {
	var all strings.Builder
	for i := range 1 << bits {
		_, _ = fmt.Fprintf(&all, "%d.0.0.0/%d ", i<<(8-bits), bits)
	}
	return all.String()
}

func TestCheckProxies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ prefixes, refused string }{
		"private":              {"10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16", ""},
		"private, IPv6":        {"fc00::/7 fd00::/8 fe80::/10 ::1/128", ""},
		"a provider's":         {"173.245.48.0/20 104.16.0.0/13 35.191.0.0/16 2400:cb00::/32 2600:9000::/28", ""},
		"single addresses":     {"203.0.113.9/32 2001:db8::1/128", ""},
		"16 as wide as may be": {strings.Join(strings.Fields(every(8))[:16], " "), ""},

		"everybody":             {"0.0.0.0/0", "0.0.0.0/0 would trust everybody"},
		"everybody, IPv6":       {"::/0", "::/0 would trust everybody"},
		"a half":                {"0.0.0.0/1", "0.0.0.0/1 is too wide"},
		"the other half":        {"10.0.0.0/8 128.0.0.0/1", "128.0.0.0/1 is too wide"},
		"two halves":            {every(1), "0.0.0.0/1 is too wide"},
		"four quarters":         {every(2), "is too wide"},
		"a seventh bit":         {"10.0.0.0/7", "10.0.0.0/7 is too wide"},
		"a half, IPv6":          {"::/1", "::/1 is too wide"},
		"the other half, IPv6":  {"8000::/1", "8000::/1 is too wide"},
		"all that is routed":    {"2000::/3", "2000::/3 is too wide"},
		"all of a registry":     {"2a00::/12", "2a00::/12 is too wide"},
		"wider than private":    {"fc00::/6", "fc00::/6 is too wide"},
		"wider than link-local": {"fe80::/9", "fe80::/9 is too wide"},
		"all together":          {every(8), "too wide together"},
		"17 as wide as may be":  {strings.Join(strings.Fields(every(8))[:17], " "), "too wide together"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := wire.CheckProxies(prefixes(test.prefixes))
			if test.refused == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.refused)
			require.ErrorContains(t, err, "such as 10.0.0.0/8", "the form to write")
		})
	}
}
