package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
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
// same goes for an entry longer than 256 bytes and for what comes after 32 trusted proxies. Ports
// are dropped, and an IPv4 address is never in its IPv6 form.
//
// Only the given header is read, never the other. Choose the one that every trusted proxy appends
// to or replaces: one that they pass on as it came would be the client's to write. For the same
// reason the prefixes must hold proxies only, and one that holds every address is refused.
func WithTrustedProxies(header ProxyHeader, prefixes ...netip.Prefix) Option {
	return func(s *settings) error {
		p, err := newProxies(header, prefixes)
		if err != nil {
			return fmt.Errorf("WithTrustedProxies: %w", err)
		}
		s.proxies = p
		return nil
	}
}

// How much of a header is read.
const (
	maxHops  = 32
	maxEntry = 256 // bytes
)

// proxies are those trusted. The zero value trusts none.
type proxies struct {
	header   ProxyHeader
	prefixes []netip.Prefix
}

func newProxies(header ProxyHeader, prefixes []netip.Prefix) (proxies, error) {
	if header != XForwardedFor && header != Forwarded {
		return proxies{}, fmt.Errorf("header %q is neither %s nor %s", string(header), XForwardedFor, Forwarded)
	}
	if len(prefixes) == 0 {
		return proxies{}, errors.New("no prefix is given")
	}
	for i, prefix := range prefixes {
		switch {
		case !prefix.IsValid():
			return proxies{}, fmt.Errorf("prefix %d of %d is invalid", i+1, len(prefixes))
		case prefix.Bits() == 0:
			return proxies{}, fmt.Errorf("prefix %s would trust everybody", prefix)
		case prefix.Addr().Is4In6():
			return proxies{}, fmt.Errorf("prefix %s: write it as an IPv4 one", prefix)
		}
	}
	return proxies{header: header, prefixes: slices.Clone(prefixes)}, nil
}

// clientOf is the zero Addr where the peer's address isn't known.
func (p proxies) clientOf(r *http.Request) netip.Addr {
	client := peerOf(r)
	if !p.trusts(client) {
		return client
	}
	values := r.Header[string(p.header)]
	var rest, entry string
	more := false // in rest
	for range maxHops {
		if !more {
			if len(values) == 0 {
				return client
			}
			rest, values = values[len(values)-1], values[:len(values)-1]
		}
		rest, entry, more = lastEntry(rest, p.header == Forwarded)
		hop, ok := p.hopOf(entry)
		if !ok {
			return client
		}
		client = hop
		if !p.trusts(client) {
			return client
		}
	}
	return client
}

func (p proxies) trusts(address netip.Addr) bool {
	address = address.WithZone("") // no prefix contains one with a zone
	return slices.ContainsFunc(p.prefixes, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
}

// lastEntry cuts the last entry off a list. It comes out empty, which is no address, where it can't
// be told. It is found from the end, so that no quote that the client opened further left can
// swallow what a proxy appended: a proxy closes the quotes that it opens.
func lastEntry(list string, quotes bool) (before, entry string, more bool) {
	quoted := false
	for i := len(list) - 1; i >= 0; i-- {
		switch c := list[i]; {
		case len(list)-1-i > maxEntry:
			return "", "", false
		case c == '"' && quotes:
			quoted = !quoted
		case c == '\\': // nothing that leads to an address needs an escape
			return "", "", false
		case c == ',' && !quoted:
			return list[:i], list[i+1:], true
		}
	}
	if quoted || len(list) > maxEntry {
		return "", "", false
	}
	return "", list, false
}

// hopOf reads the address in an entry of the header.
func (p proxies) hopOf(entry string) (netip.Addr, bool) {
	entry = trimSpace(entry)
	if p.header == Forwarded {
		node, ok := forwardedFor(entry)
		if !ok {
			return netip.Addr{}, false
		}
		entry = node
	}
	return parseNode(entry)
}

// forwardedFor returns the one for parameter of an element of a Forwarded header. An element with a
// flaw anywhere has none.
func forwardedFor(element string) (node string, ok bool) {
	for rest := element; rest != ""; {
		if rest[0] == ';' {
			rest = trimSpace(rest[1:])
			continue
		}
		var name, value string
		if name, rest, ok = strings.Cut(rest, "="); !ok || !isToken(name) {
			return "", false
		}
		if quoted, isQuoted := strings.CutPrefix(rest, `"`); isQuoted {
			if value, rest, ok = strings.Cut(quoted, `"`); !ok {
				return "", false
			}
		} else {
			end := strings.IndexByte(rest, ';')
			if end < 0 {
				end = len(rest)
			}
			value, rest = trimSpace(rest[:end]), rest[end:]
			if strings.ContainsAny(value, "\" \t") {
				return "", false
			}
		}
		if rest = trimSpace(rest); rest != "" && rest[0] != ';' {
			return "", false
		}
		if strings.EqualFold(name, "for") {
			if node != "" || value == "" {
				return "", false // which of them?
			}
			node = value
		}
	}
	return node, node != ""
}

// parseNode reads an address, which may have a port, and may be in brackets if it is an IPv6 one.
func parseNode(text string) (netip.Addr, bool) {
	address, err := netip.ParseAddr(text)
	if err != nil {
		if inner, found := strings.CutPrefix(text, "["); found && strings.HasSuffix(inner, "]") {
			address, err = netip.ParseAddr(strings.TrimSuffix(inner, "]"))
			if err == nil && address.Is4() {
				return netip.Addr{}, false
			}
		} else {
			var withPort netip.AddrPort
			withPort, err = netip.ParseAddrPort(text)
			address = withPort.Addr()
		}
	}
	if err != nil || address.Zone() != "" { // a zone means something on the proxy only
		return netip.Addr{}, false
	}
	return address.Unmap(), true
}

func isToken(text string) bool {
	return text != "" && strings.Trim(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func trimSpace(text string) string { return strings.Trim(text, " \t") }
