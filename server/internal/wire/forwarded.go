package wire

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Forwarded is the header of RFC 7239; any other is read as a list of addresses.
const Forwarded = "Forwarded"

// Proxies are trusted to say in a header whom they forward a request for. The zero value trusts none.
type Proxies struct {
	Header  string
	Trusted []netip.Prefix
}

// How much of a header is read.
const (
	maxHops  = 32
	maxEntry = 256 // bytes
)

// ClientOf returns whose request it is: the zero Addr where the peer's address isn't known. Ports,
// obfuscated ones too, are dropped, and an IPv4 address is never in its IPv6 form. An empty element
// of Forwarded is passed over, as RFC 9110, section 5.6.1, has it of lists; an empty entry of
// X-Forwarded-For, which no standard describes, is no address.
func (p Proxies) ClientOf(r *http.Request) netip.Addr {
	client := peerOf(r)
	if !p.trusts(client) {
		return client
	}
	values := r.Header[p.Header]
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
		if rest, entry, more, ok = lastEntry(rest, p.Header == Forwarded); !ok {
			return client
		}
		entry = trimSpace(entry)
		if entry == "" && p.Header == Forwarded {
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

func (p Proxies) trusts(address netip.Addr) bool {
	address = address.WithZone("") // no prefix contains one with a zone
	return slices.ContainsFunc(p.Trusted, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
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
func (p Proxies) hopOf(entry string) (netip.Addr, bool) {
	if p.Header == Forwarded {
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

// peerOf is the zero Addr where RemoteAddr is no address, as on a Unix socket.
func peerOf(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap()
}
