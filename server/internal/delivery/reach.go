package delivery

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
)

// errPrivate is what a connection to an address that is not public fails with.
var errPrivate = errors.New("the provider's address is not public")

// special are the addresses that look like public ones and are not: those of IANA's registries of special-purpose
// addresses, multicast, and the one that Azure answers its machines on.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
	"2001::/23", "2001:db8::/32", "3fff::/20",
)

var (
	global = netip.MustParsePrefix("2000::/3")
	// nat64 and sixToFour hold an IPv4 address, which is where a connection ends.
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour = netip.MustParsePrefix("2002::/16")
)

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// public tells whether an address is one of the open network.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	switch bytes := a.As16(); {
	case nat64.Contains(a):
		return public(netip.AddrFrom4([4]byte(bytes[12:])))
	case sixToFour.Contains(a):
		return public(netip.AddrFrom4([4]byte(bytes[2:6])))
	case a.Is6() && !global.Contains(a):
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// refusePrivate is for [net.Dialer.Control], which calls it with each address that is about to be
// connected to, whatever a name resolved to before.
func refusePrivate(_, address string, _ syscall.RawConn) error {
	if to, err := netip.ParseAddrPort(address); err != nil || !public(to.Addr()) {
		return errPrivate
	}
	return nil
}

// CheckAddress returns an error unless notifications may be sent to the address. If private addresses are allowed,
// http is, too: for a provider in the same network, or on the same machine.
func CheckAddress(address string, allowPrivate bool) error {
	u, err := url.Parse(address)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.User != nil, u.Fragment != "", !validPort(u.Port()):
		return errors.New("must be of the form https://host/path")
	case allowPrivate:
		return nil
	}
	if err := checkPublic(u); err != nil {
		return err
	}
	if u.Scheme == "http" {
		return errors.New("must begin with https://, or others could read the notifications; plain http is for loopback and private addresses, with --provider-allow-private")
	}
	return nil
}

func validPort(port string) bool {
	if port == "" {
		return true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// checkPublic refuses an address that needs no resolving to be known.
func checkPublic(u *url.URL) error {
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	a, err := netip.ParseAddr(host)
	if err == nil && !public(a) || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return fmt.Errorf("%s is no public address; --provider-allow-private lets notifications go there", host)
	}
	return nil
}

// ProxyNamed reports whether the environment names a proxy for the provider's address. A sender uses it only if private
// addresses are allowed.
func ProxyNamed(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	return proxy != nil || err != nil
}
