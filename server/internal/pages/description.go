package pages

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/cryptomate-go/enablement/gen/spec"
)

// description serves the specification, with the service itself as its first server: what was read from a
// service is to be tried there, and not in production, which is the first one as it is written.
type description struct {
	mediaType     string
	before, after string // the list's first entry
	entry         string // takes the address, quoted as JSON, which is YAML too
	trusted       []netip.Prefix
}

// descriptions returns the specification as YAML and as JSON.
func descriptions(trusted []netip.Prefix) (asYAML, asJSON *description, err error) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(spec.YAML()))
	if err != nil {
		return nil, nil, fmt.Errorf("the embedded description: %w", err)
	}
	converted, err := json.Marshal(doc)
	if err != nil {
		return nil, nil, fmt.Errorf("the embedded description: %w", err)
	}
	asYAML = &description{mediaType: "application/yaml", entry: "  - url: %s\n    description: This service\n"}
	asJSON = &description{mediaType: "application/json", entry: `{"description":"This service","url":%s},`}
	for d, text := range map[*description][2]string{asYAML: {spec.YAML(), "\nservers:\n"}, asJSON: {string(converted), `"servers":[`}} {
		before, after, found := strings.Cut(text[0], text[1])
		if !found {
			return nil, nil, errors.New("the embedded description has no servers")
		}
		d.before, d.after, d.trusted = before+text[1], after, trusted
	}
	return asYAML, asJSON, nil
}

// ServeHTTP serves the specification as it is written where the caller does not say whom it called.
func (d *description) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	entry := ""
	if url := d.here(r); url != "" {
		entry = fmt.Sprintf(d.entry, `"`+url+`"`)
	}
	newFile(d.mediaType, revalidate, []byte(d.before+entry+d.after)).ServeHTTP(w, r)
}

// plainHost is a host of which nothing needs to be escaped.
var plainHost = regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)

// here is the address that the caller used, or empty. Of proxies, those that are trusted may say that it
// was https.
func (d *description) here(r *http.Request) string {
	if !plainHost.MatchString(r.Host) {
		return ""
	}
	if r.TLS != nil || d.forwardedScheme(r) == "https" {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (d *description) forwardedScheme(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	address := peer.Addr().Unmap().WithZone("")
	if err != nil || !slices.ContainsFunc(d.trusted, func(prefix netip.Prefix) bool { return prefix.Contains(address) }) {
		return ""
	}
	values := strings.Split(strings.Join(r.Header.Values("X-Forwarded-Proto"), ","), ",")
	return strings.ToLower(strings.TrimSpace(cmp.Or(values[len(values)-1], "http")))
}
