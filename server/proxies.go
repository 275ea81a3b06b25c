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
// same goes for an entry longer than 256 bytes and for what comes after 32 trusted proxies. Ports,
// obfuscated ones too, are dropped, and an IPv4 address is never in its IPv6 form. An empty element
// of Forwarded is passed over, as RFC 9110, section 5.6.1, has it of lists; an empty entry of
// X-Forwarded-For, which no standard describes, is no address.
//
// Only the given header is read, never the other. Choose the one that every trusted proxy appends
// to or replaces: one that they pass on as it came would be the client's to write. For the same
// reason the prefixes must hold proxies only. A prefix wider than /8 of IPv4 or /16 of IPv6 is refused,
// but for fc00::/7 and fe80::/10, and so are prefixes that together hold more than a sixteenth of all
// addresses.
func WithTrustedProxies(header ProxyHeader, prefixes ...netip.Prefix) Option {
	return func(s *settings) error {
		proxies, err := newProxies(header, prefixes)
		if err != nil {
			return fmt.Errorf("WithTrustedProxies: %w", err)
		}
		s.proxies = proxies
		return nil
	}
}

func newProxies(header ProxyHeader, prefixes []netip.Prefix) (wire.Proxies, error) {
	if header != XForwardedFor && header != Forwarded {
		return wire.Proxies{}, fmt.Errorf("header %q is neither %s nor %s", string(header), XForwardedFor, Forwarded)
	}
	if len(prefixes) == 0 {
		return wire.Proxies{}, errors.New("no prefix is given")
	}
	for i, prefix := range prefixes {
		switch {
		case !prefix.IsValid():
			return wire.Proxies{}, fmt.Errorf("prefix %d of %d is invalid", i+1, len(prefixes))
		case prefix.Addr().Is4In6():
			return wire.Proxies{}, fmt.Errorf("prefix %s: write it as an IPv4 one", prefix)
		}
	}
	if err := wire.CheckProxies(prefixes); err != nil {
		return wire.Proxies{}, err
	}
	return wire.Proxies{Header: string(header), Trusted: slices.Clone(prefixes)}, nil
}
