package wire_test

import (
	"bufio"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/wire"
)

func TestHosts(t *testing.T) {
	t.Parallel()
	lines := &journal{}
	logger := slog.New(slog.NewJSONHandler(lines, nil))
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	loopback, _ := start(t, 100, wire.LoopbackOnly(ok, logger))
	address, _ := start(t, 100, wire.ByAddress(ok, logger))
	for name, test := range map[string]struct {
		head                string
		loopback, byAddress bool // whether it is let through
	}{
		"localhost":               {"GET / HTTP/1.1\r\nHost: localhost", true, true},
		"with a port":             {"GET / HTTP/1.1\r\nHost: localhost:8080", true, true},
		"with an empty port":      {"GET / HTTP/1.1\r\nHost: localhost:", true, true},
		"in capitals":             {"GET / HTTP/1.1\r\nHost: LocalHost:1", true, true},
		"with its root":           {"GET / HTTP/1.1\r\nHost: localhost.", true, true},
		"127.0.0.1":               {"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080", true, true},
		"another of 127":          {"GET / HTTP/1.1\r\nHost: 127.8.9.10", true, true},
		"[::1]":                   {"GET / HTTP/1.1\r\nHost: [::1]", true, true},
		"[::1] with a port":       {"GET / HTTP/1.1\r\nHost: [::1]:8080", true, true},
		"IPv4 in its IPv6 form":   {"GET / HTTP/1.1\r\nHost: [::ffff:127.0.0.1]:80", true, true},
		"absolute":                {"GET http://127.0.0.1:8080/ HTTP/1.1\r\nHost: 127.0.0.1:8080", true, true},
		"absolute, other Host":    {"GET http://localhost/ HTTP/1.1\r\nHost: evil.example", true, true}, // the target counts
		"an address":              {"GET / HTTP/1.1\r\nHost: 192.0.2.1:8080", false, true},
		"an address, IPv6":        {"GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080", false, true},
		"no address at all":       {"GET / HTTP/1.1\r\nHost: 0.0.0.0:8080", false, true},
		"absolute to an address":  {"GET http://192.0.2.1/ HTTP/1.1\r\nHost: localhost", false, true},
		"a name":                  {"GET / HTTP/1.1\r\nHost: evil.example", false, false},
		"a name and a port":       {"GET / HTTP/1.1\r\nHost: evil.example:8080", false, false},
		"absolute to a name":      {"GET http://evil.example/ HTTP/1.1\r\nHost: localhost", false, false},
		"absolute to a name, 2":   {"GET http://evil.example:8080/ HTTP/1.1\r\nHost: 127.0.0.1:8080", false, false},
		"authority form":          {"CONNECT evil.example:80 HTTP/1.1\r\nHost: localhost", false, false},
		"begins like localhost":   {"GET / HTTP/1.1\r\nHost: localhost.evil.example", false, false},
		"ends like localhost":     {"GET / HTTP/1.1\r\nHost: evil-localhost", false, false},
		"below localhost":         {"GET / HTTP/1.1\r\nHost: evil.localhost", false, false},
		"begins like an address":  {"GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example", false, false},
		"with a user":             {"GET http://localhost@evil.example/ HTTP/1.1\r\nHost: localhost", false, false},
		"a short address":         {"GET / HTTP/1.1\r\nHost: 127.1", false, false},
		"an address as a number":  {"GET / HTTP/1.1\r\nHost: 2130706433", false, false},
		"a port that is none":     {"GET / HTTP/1.1\r\nHost: localhost:evil", false, false},
		"IPv6 out of brackets":    {"GET / HTTP/1.1\r\nHost: ::1", false, false},
		"a name in brackets":      {"GET / HTTP/1.1\r\nHost: [localhost]", false, false},
		"two ports":               {"GET / HTTP/1.1\r\nHost: localhost:80:80", false, false},
		"an empty one":            {"GET / HTTP/1.1\r\nHost:", false, false},
		"none, by HTTP/1.0":       {"GET / HTTP/1.0", false, false},
		"X-Forwarded-Host":        {"GET / HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost", false, false},
		"of another kind of page": {"POST /docs/ HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, guard := range []struct {
				addr, message string
				through       bool
			}{
				{loopback, "Call this server as localhost or by its loopback address", test.loopback},
				{address, "Call this server by its IP address or as localhost", test.byAddress},
			} {
				c := dial(t, guard.addr)
				_, err := io.WriteString(c, test.head+"\r\n\r\n")
				require.NoError(t, err)
				response, err := http.ReadResponse(bufio.NewReader(c), nil)
				require.NoError(t, err)
				if guard.through {
					require.Equal(t, http.StatusNoContent, response.StatusCode)
					continue
				}
				requireError(t, response, lines, http.StatusMisdirectedRequest, api.CodeBadRequest, guard.message)
			}
		})
	}
}
