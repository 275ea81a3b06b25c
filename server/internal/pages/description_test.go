package pages_test

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/pages"
)

// serversIn are the addresses in a specification that was served.
func serversIn(tb testing.TB, w *httptest.ResponseRecorder) []string {
	tb.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	require.NoError(tb, err)
	require.NoError(tb, doc.Validate(tb.Context()))
	var all []string
	for _, server := range doc.Servers {
		all = append(all, server.URL)
	}
	return all
}

// TestHandler_here: a specification names the service that it was read from first.
func TestHandler_here(t *testing.T) {
	t.Parallel()
	h, err := pages.Handler(http.NotFoundHandler(), nil, slog.New(slog.DiscardHandler), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/16"))
	require.NoError(t, err)
	for name, test := range map[string]struct {
		host, peer string
		overTLS    bool
		forwarded  []string
		want       string // empty is no more than what is written
	}{
		"loopback":                        {host: "127.0.0.1:8080", want: "http://127.0.0.1:8080"},
		"a name":                          {host: "api.example.com", want: "http://api.example.com"},
		"IPv6":                            {host: "[::1]:8080", want: "http://[::1]:8080"},
		"TLS":                             {host: "api.example.com:8443", overTLS: true, want: "https://api.example.com:8443"},
		"proxy that is trusted":           {host: "api.example.com", peer: "10.1.2.3:4000", forwarded: []string{"https"}, want: "https://api.example.com"},
		"the same, over IPv6":             {host: "api.example.com", peer: "[fd00::1]:4000", forwarded: []string{"HTTPS"}, want: "https://api.example.com"},
		"the same, in its IPv6 form":      {host: "api.example.com", peer: "[::ffff:10.1.2.3]:4000", forwarded: []string{"https"}, want: "https://api.example.com"},
		"nearest proxy counts":            {host: "api.example.com", peer: "10.1.2.3:4000", forwarded: []string{"https", "https, http"}, want: "http://api.example.com"},
		"proxy that says nothing":         {host: "api.example.com", peer: "10.1.2.3:4000", want: "http://api.example.com"},
		"another scheme":                  {host: "api.example.com", peer: "10.1.2.3:4000", forwarded: []string{"javascript"}, want: "http://api.example.com"},
		"proxy that is not trusted":       {host: "api.example.com", peer: "192.0.2.1:4000", forwarded: []string{"https"}, want: "http://api.example.com"},
		"no host":                         {host: ""},
		"host that would end the text":    {host: `a"b`},
		"host that would be markup":       {host: "<script>"},
		"host with a path":                {host: "a/b"},
		"host with somebody's name in it": {host: "me@example.com"},
		"host of two lines":               {host: "a\n  - url: http://evil.example"},
		"host of a format":                {host: "%s%d"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := []string{"https://api.cryptomate.me", "https://api.sandbox.cryptomate.me"}
			if test.want != "" {
				want = append([]string{test.want}, want...)
			}
			for _, path := range []string{"/openapi.yaml", "/openapi.json"} {
				r := httptest.NewRequest(http.MethodGet, path, nil)
				r.Host = test.host
				if test.peer != "" {
					r.RemoteAddr = test.peer
				}
				if test.overTLS {
					r.TLS = &tls.ConnectionState{}
				}
				for _, value := range test.forwarded {
					r.Header.Add("X-Forwarded-Proto", value)
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				require.Equal(t, http.StatusOK, w.Code)
				require.Equal(t, want, serversIn(t, w), path)
			}
		})
	}
}

// TestDescription_forms: the list of servers is found however it is written.
func TestDescription_forms(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]string{
		"indented":        "servers:\n  - url: https://a.example\n",
		"not indented":    "servers:\n- url: https://a.example\n",
		"with comments":   "servers: # of all\n    # the first\n    - url: https://a.example\n",
		"of Windows":      "servers:\r\n  - url: https://a.example\r\n",
		"of another list": "x-a: {servers: []}\nservers:\n  - description: servers\n    url: https://a.example\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, err := pages.Described("openapi: 3.0.3\ninfo: {title: a, version: 1.0.0}\npaths: {}\n" + list)
			require.NoError(t, err)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://here.example/openapi.yaml", nil))
			require.Equal(t, []string{"http://here.example", "https://a.example"}, serversIn(t, w))
		})
	}
	_, err := pages.Described("openapi: 3.0.3\ninfo: {title: a, version: 1.0.0}\npaths: {}\nservers: [{url: 'https://a.example'}]\n")
	require.ErrorContains(t, err, "each on lines of its own")
}
