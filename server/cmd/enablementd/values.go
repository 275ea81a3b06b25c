package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/access"
)

// The values of flags that say themselves what they must be.

// addressRanges are ranges of addresses, whoever they belong to: callers or proxies.
type addressRanges []netip.Prefix

// UnmarshalText implements [encoding.TextUnmarshaler]. A flag that stands several times adds to it; one that is
// empty is not one that is left out.
func (r *addressRanges) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = addressRanges{}
		return nil
	}
	for one := range strings.SplitSeq(string(text), ",") {
		prefix, err := parseRange(strings.TrimSpace(one))
		if err != nil {
			return err
		}
		if !slices.Contains(*r, prefix) {
			*r = append(*r, prefix)
		}
	}
	return nil
}

func parseRange(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
			return prefix, fmt.Errorf("%s is an address; write the range %s", address, only(address.Unmap()))
		}
		return prefix, errors.New("must be address ranges such as 192.0.2.0/24 or 2001:db8::/32; one address is 192.0.2.7/32")
	}
	address := prefix.Addr()
	switch masked := prefix.Masked(); {
	case address.Is4In6():
		v4 := netip.PrefixFrom(address.Unmap(), max(0, prefix.Bits()-mappedBits)).Masked()
		return prefix, fmt.Errorf("%s: an IPv4 address is never in its IPv6 form; write %s", prefix, v4)
	case masked != prefix:
		return prefix, fmt.Errorf("%s: the address has more bits than the range; write %s, or %s for this address alone", prefix, masked, only(address))
	}
	return prefix, nil
}

// mappedBits is the length of the prefix ::ffff:0:0, under which IPv6 has IPv4 addresses.
const mappedBits = 96

func only(address netip.Addr) netip.Prefix { return netip.PrefixFrom(address, address.BitLen()) }

// level is a key's access level.
type level int

// UnmarshalText implements [encoding.TextUnmarshaler].
func (l *level) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || n < 1 || n > access.MaxLevel {
		return fmt.Errorf("must be a whole number from 1 to %d", access.MaxLevel)
	}
	*l = level(n)
	return nil
}

// lifetime is how long a key is good.
type lifetime time.Duration

const longestLifetime = 100 * 365 * 24 * time.Hour

// UnmarshalText implements [encoding.TextUnmarshaler].
func (l *lifetime) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(strings.TrimSpace(string(text)))
	if err != nil || d < 0 || d > longestLifetime {
		return fmt.Errorf("must be a duration such as 720h, not negative and at most %.0fh", longestLifetime.Hours())
	}
	*l = lifetime(d)
	return nil
}

// String writes it as it is written on the command line.
func (l lifetime) String() string { return time.Duration(l).String() }
