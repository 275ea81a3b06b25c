package wire

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// LoopbackOnly refuses a request whose Host is not localhost or a loopback address, with any port. A
// web page whose name was made to lead here (DNS rebinding) comes with that name. The target of a
// request in absolute form counts as its Host.
func LoopbackOnly(next http.Handler, logger *slog.Logger) http.Handler {
	return byHost(next, logger, IsLoopback, "Call this server as localhost or by its loopback address")
}

// ByAddress is LoopbackOnly for a listener that others may reach: any IP address will do, as no name
// leads to one.
func ByAddress(next http.Handler, logger *slog.Logger) http.Handler {
	allowed := func(host string) bool {
		_, err := netip.ParseAddr(host)
		return err == nil || IsLoopback(host)
	}
	return byHost(next, logger, allowed, "Call this server by its IP address or as localhost")
}

func byHost(next http.Handler, logger *slog.Logger, allowed func(host string) bool, message string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !allowed(hostOf(r.Host)) {
			Refuse(w, r, logger, http.StatusMisdirectedRequest, message)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// IsLoopback tells whether a host, without a port, is one that only this machine can mean.
func IsLoopback(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Zone() == "" && address.Unmap().IsLoopback()
}

// hostOf is what a Host header has beside the port; empty if it is malformed.
func hostOf(header string) string {
	host, port, err := net.SplitHostPort(header)
	if err != nil { // no port
		inner, bracketed := strings.CutPrefix(header, "[")
		if bracketed {
			inner, bracketed = strings.CutSuffix(inner, "]")
		}
		if strings.Contains(inner, ":") != bracketed {
			return ""
		}
		return inner
	}
	if strings.Trim(port, "0123456789") != "" {
		return ""
	}
	return host
}
