package wire

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
)

// How wide a network of proxies may be. The private networks, of which 10.0.0.0/8 is the widest of
// IPv4, must do, and so must what a provider of proxies publishes.
const (
	widest4 = 8
	widest6 = 16
)

// The networks of IPv6 that may be trusted as a whole, since none of their addresses is on the Internet.
var private6 = []netip.Prefix{netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10")}

// mostTrusted is the part of all addresses that may be trusted together: 16 networks as wide as may be.
const mostTrusted = 1.0 / 16

// CheckProxies returns an error where addresses are trusted that can't all be proxies': whoever has
// such an address could write any other into the header.
func CheckProxies(prefixes []netip.Prefix) error {
	var part4, part6 float64
	for _, prefix := range prefixes {
		part := math.Exp2(-float64(prefix.Bits()))
		if prefix.Addr().Is4() {
			part4 += part
		} else {
			part6 += part
		}
		switch {
		case prefix.Bits() == 0:
			return fmt.Errorf("prefix %s would trust everybody; %s", prefix, howToTrust)
		case isTooWide(prefix):
			return fmt.Errorf("prefix %s is too wide and would trust strangers; %s", prefix, howToTrust)
		}
	}
	if part4 > mostTrusted || part6 > mostTrusted {
		return errors.New("the prefixes are too wide together and would trust strangers; " + howToTrust)
	}
	return nil
}

const howToTrust = "name the proxies' own networks, such as 10.0.0.0/8, 192.0.2.7/32 or 2001:db8::/32: at least /8 for IPv4 and /16 for IPv6"

func isTooWide(prefix netip.Prefix) bool {
	if prefix.Addr().Is4() {
		return prefix.Bits() < widest4
	}
	for _, private := range private6 {
		if private.Contains(prefix.Addr()) && prefix.Bits() >= private.Bits() {
			return false
		}
	}
	return prefix.Bits() < widest6
}
