package server

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/cryptomate-go/enablement/server/internal/wire"
)

// ProxyHeader is a header in which proxies tell whom they forward a request for.
type ProxyHeader string

// The headers that [WithTrustedProxies] reads.
const (
	// XForwardedFor is a list of addresses.
	XForwardedFor ProxyHeader = "X-Forwarded-For"
	// Forwarded is the header of RFC 7239, of which the for parameter counts.
	Forwarded ProxyHeader = "Forwarded"
)

// WithTrustedProxies takes the client's address from a header where the request comes from a
// trusted proxy: a peer whose address is in one of the prefixes. A request from anybody else is its
// sender's, whatever its headers say; without this option that is everybody.
//
// The header is read from its end, where the nearest proxy wrote. The first address that is no
// trusted proxy's is the client. Where an entry is no address, such as unknown, a name or an
// obfuscated one, the walk stops at the hop before: nothing to the left of it was vouched for. The
// same goes for an entry longer than 256 bytes and for what comes after 32 trusted proxies.
//
// Only the given header is read, never the other. Choose the one that every trusted proxy appends
// to or replaces: one that they pass on as it came would be the client's to write. For the same
// reason the prefixes must hold proxies only. A prefix wider than /8 of IPv4 or /16 of IPv6 is refused,
// but for fc00::/7 and fe80::/10, and so are prefixes that together hold more than a sixteenth of all
// addresses.
func WithTrustedProxies(header ProxyHeader, prefixes ...netip.Prefix) Option {
	return func(s *settings) error {
		if err := checkProxies(header, prefixes); err != nil {
			return fmt.Errorf("WithTrustedProxies: %w", err)
		}
		s.proxies = wire.Proxies{Header: string(header), Trusted: slices.Clone(prefixes)}
		return nil
	}
}

func checkProxies(header ProxyHeader, prefixes []netip.Prefix) error {
	if header != XForwardedFor && header != Forwarded {
		return fmt.Errorf("header %q is neither %s nor %s", string(header), XForwardedFor, Forwarded)
	}
	if len(prefixes) == 0 {
		return errors.New("no prefix is given")
	}
	for i, prefix := range prefixes {
		switch {
		case !prefix.IsValid():
			return fmt.Errorf("prefix %d of %d is invalid", i+1, len(prefixes))
		case prefix.Addr().Is4In6():
			return fmt.Errorf("prefix %s: write it as an IPv4 one", prefix)
		}
	}
	return wire.CheckProxies(prefixes)
}
