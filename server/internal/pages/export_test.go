package pages

import (
	"net/http"
	"net/netip"
)

// Described serves another specification, as YAML.
func Described(written string) (http.Handler, error) {
	asYAML, _, err := descriptions(written, []netip.Prefix{})
	return asYAML, err
}
