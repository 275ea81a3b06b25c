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
)

// description serves the specification, with the service itself as its first server: what was read from a
// service is to be tried there, and not in production, which is the first one as it is written.
type description struct {
	mediaType     string
	before, after string // the list's first entry
	entry         string // takes the address, quoted as JSON, which is YAML too
	trusted       []netip.Prefix
}

// servers is where the list begins in YAML, whatever stands beside and between, with how its first entry is indented.
var servers = regexp.MustCompile(`(?m)^servers:[ \t]*(?:#.*)?\r?\n(?:[ \t]*#.*\r?\n)*( *)-`)

// descriptions returns the specification as YAML and as JSON.
func descriptions(written string, trusted []netip.Prefix) (asYAML, asJSON *description, err error) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(written))
	if err != nil {
		return nil, nil, fmt.Errorf("the embedded description: %w", err)
	}
	converted, err := json.Marshal(doc)
	if err != nil {
		return nil, nil, fmt.Errorf("the embedded description: %w", err)
	}
	list := `"servers":[`
	before, after, found := strings.Cut(string(converted), list)
	at := servers.FindStringSubmatchIndex(written)
	if at == nil || !found {
		return nil, nil, errors.New("the embedded description has no servers, each on lines of its own")
	}
	indent := written[at[2]:at[3]]
	entry := indent + "- url: %s\n" + indent + "  description: This service\n"
	asYAML = &description{"application/yaml", written[:at[2]], written[at[2]:], entry, trusted}
	asJSON = &description{"application/json", before + list, after, `{"description":"This service","url":%s},`, trusted}
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
