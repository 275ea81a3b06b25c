package server

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/cryptomate-go/enablement/server/internal/wire"
)

// ProxyHeader is a header in which proxies report whose request they forward.
type ProxyHeader string

// The headers that [WithTrustedProxies] reads.
const (
	// XForwardedFor is a list of addresses.
	XForwardedFor ProxyHeader = "X-Forwarded-For"
	// Forwarded is the header of RFC 7239. Its parameter for is read.
	Forwarded ProxyHeader = "Forwarded"
)

// WithTrustedProxies takes the client's address from a header if the request comes from a trusted proxy: a
// peer whose address is in one of the prefixes. The headers of other peers are not read. Without this
// option, no peer is trusted.
//
// The header is read from its end, where the nearest proxy wrote. The first address that doesn't belong to
// a trusted proxy is the client's. An entry may be no address, such as unknown, a name or an obfuscated
// one. Then the address of the hop before it counts, as nobody vouches for what stands to the left. The
// same goes for an entry longer than 256 bytes, and for all entries after 32 trusted proxies.
//
// Choose the header that every trusted proxy appends to or replaces. If a proxy passes it on unchanged,
// clients can write it. The prefixes must hold proxies only, for the same reason. So a prefix wider than
// /8 of IPv4 or /16 of IPv6 is refused, except for fc00::/7 and fe80::/10. Prefixes that hold more than
// a sixteenth of all addresses together are refused, too.
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
