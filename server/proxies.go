package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

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
		case prefix.Addr().Is4In6():
			return proxies{}, fmt.Errorf("prefix %s: write it as an IPv4 one", prefix)
		}
	}
	if err := wire.CheckProxies(prefixes); err != nil {
		return proxies{}, err
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
		var ok bool
		if rest, entry, more, ok = lastEntry(rest, p.header == Forwarded); !ok {
			return client
		}
		entry = trimSpace(entry)
		if entry == "" && p.header == Forwarded {
			continue
		}
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

// lastEntry cuts the last entry off a list, and tells whether there are more, and whether it could be
// told at all. It is found from the end, so that no quote that the client opened further left can
// swallow what a proxy appended: a proxy closes the quotes that it opens.
func lastEntry(list string, quotes bool) (before, entry string, more, ok bool) {
	quoted := false
	for i := len(list) - 1; i >= 0; i-- {
		switch c := list[i]; {
		case len(list)-1-i > maxEntry:
			return "", "", false, false
		case c == '"' && quotes:
			if !isEscaped(list[:i]) {
				quoted = !quoted
			} else if !quoted {
				return "", "", false, false // nothing outside of quotes is escaped
			}
		case c == ',' && !quoted:
			return list[:i], list[i+1:], true, true
		}
	}
	return "", list, false, !quoted && len(list) <= maxEntry
}

// isEscaped tells whether what comes after the text is, by a backslash that is not escaped itself.
func isEscaped(before string) bool {
	return (len(before)-len(strings.TrimRight(before, `\`)))%2 == 1
}

// hopOf reads the address in an entry of the header.
func (p proxies) hopOf(entry string) (netip.Addr, bool) {
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
			if value, rest, ok = unquote(quoted); !ok {
				return "", false
			}
		} else {
			end := strings.IndexByte(rest, ';')
			if end < 0 {
				end = len(rest)
			}
			value, rest = trimSpace(rest[:end]), rest[end:]
			if strings.ContainsAny(value, "\"\\ \t") {
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

// unquote reads a quoted string whose first quote is gone, up to the last one.
func unquote(text string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			return b.String(), text[i+1:], true
		case '\\':
			if i++; i == len(text) {
				return "", "", false
			}
		}
		b.WriteByte(text[i])
	}
	return "", "", false
}

// parseNode reads an address, which may have a port, and may be in brackets if it is an IPv6 one.
func parseNode(text string) (netip.Addr, bool) {
	address, err := netip.ParseAddr(text)
	if err != nil {
		host, port, found := text, "", false
		if i := strings.LastIndexByte(text, ':'); i > strings.LastIndexByte(text, ']') {
			host, port, found = text[:i], text[i+1:], true
		}
		if found && !isPort(port) {
			return netip.Addr{}, false
		}
		inner, bracketed := strings.CutPrefix(host, "[")
		if bracketed {
			inner, bracketed = strings.CutSuffix(inner, "]")
		}
		address, err = netip.ParseAddr(inner)
		if err == nil && address.Is4() == bracketed {
			return netip.Addr{}, false
		}
	}
	if err != nil || address.Zone() != "" { // a zone means something on the proxy only
		return netip.Addr{}, false
	}
	return address.Unmap(), true
}

// isPort takes a number and what a proxy may write in its place (RFC 7239, section 6.3).
func isPort(text string) bool {
	if hidden, found := strings.CutPrefix(text, "_"); found {
		return hidden != "" && strings.Trim(hidden, "._-"+alphanumeric) == ""
	}
	_, err := strconv.ParseUint(text, 10, 16)
	return err == nil && len(text) <= len("65535")
}

const alphanumeric = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func isToken(text string) bool {
	return text != "" && strings.Trim(text, "!#$%&'*+-.^_`|~"+alphanumeric) == ""
}

func trimSpace(text string) string { return strings.Trim(text, " \t") }
