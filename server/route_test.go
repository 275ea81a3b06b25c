package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
)

func TestWrongMethod(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", "CANARY"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, works)
			r := request(method, goodPath)
			r.Header.Del("X-Api-Key")
			a := f.ask(t, r)
			require.Equal(t, http.StatusMethodNotAllowed, a.status)
			require.Equal(t, api.CodeMethodNotAllowed, a.code)
			require.Equal(t, []string{http.MethodPost}, a.header.Values("Allow"))
			require.Zero(t, f.calls.count())
			require.NotContains(t, f.log.String(), "CANARY")
		})
	}
}

func TestUnknownPath(t *testing.T) {
	t.Parallel()
	for _, target := range []string{
		"/", "/management", goodPath + "/", goodPath + "/more", goodPath + "%2F", goodPath[:len(goodPath)-1],
		"/api" + goodPath, "//", "/../..", "/%2e%2e/", "/management//clients", "/./" + goodPath,
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			f := newFixture(t, works)
			a := f.ask(t, request(method, target))
			require.Equal(t, http.StatusNotFound, a.status, target)
			require.Equal(t, api.CodeNotFound, a.code)
			require.Empty(t, a.header.Get("Location"))
			require.Empty(t, a.header.Get("Allow"))
			require.Zero(t, f.calls.count())
		}
	}
}

// Request lines that a client library wouldn't send.
func TestOddRequestLines(t *testing.T) {
	t.Parallel()
	f := newFixture(t, works)
	s := httptest.NewUnstartedServer(f)
	s.Config.DisableGeneralOptionsHandler = true
	s.Start()
	defer s.Close()
	for line, status := range map[string]int{
		"OPTIONS * HTTP/1.1":                                 404,
		"POST * HTTP/1.1":                                    404,
		"GET * HTTP/1.1":                                     404,
		"CONNECT other.example:443 HTTP/1.1":                 404,
		"CONNECT " + goodPath + " HTTP/1.1":                  405,
		"CONNECT /../" + goodPath + " HTTP/1.1":              404,
		"HEAD " + goodPath + " HTTP/1.1":                     405,
		"HEAD / HTTP/1.1":                                    404,
		"OPTIONS " + goodPath + " HTTP/1.1":                  405,
		"POST http://other.example" + goodPath + " HTTP/1.1": 200,
		"POST http://other.example HTTP/1.1":                 404,
		"POST " + goodPath + " HTTP/1.0":                     200,
	} {
		t.Run(line, func(t *testing.T) {
			connection, err := net.Dial("tcp", s.Listener.Addr().String())
			require.NoError(t, err)
			defer connection.Close() //nolint:errcheck // a test's connection
			_, err = fmt.Fprintf(connection, "%s\r\nHost: x\r\nX-Api-Key: %s\r\nConnection: close\r\n\r\n", line, goodKey)
			require.NoError(t, err)
			r := &http.Request{Method: http.MethodPost}
			if line[:4] == http.MethodHead {
				r.Method = http.MethodHead
			}
			response, err := http.ReadResponse(bufio.NewReader(connection), r)
			require.NoError(t, err)
			a := check(t, r, response)
			require.Equal(t, status, a.status)
			if status == http.StatusMethodNotAllowed {
				require.Equal(t, http.MethodPost, a.header.Get("Allow"))
			}
			rest, err := io.ReadAll(connection)
			require.NoError(t, err)
			require.Empty(t, rest)
		})
	}
}
