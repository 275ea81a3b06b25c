package main_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

// raw sends bytes as they are and returns the one answer to them.
func (p *service) raw(addr, text string) answer {
	p.t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(p.t, err)
	defer c.Close() //nolint:errcheck // a test's connection
	require.NoError(p.t, c.SetDeadline(time.Now().Add(patience)))
	go func() { _, _ = io.WriteString(c, text) }() // may be cut off
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(p.t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	return answer{response.StatusCode, response.Header, string(body)}
}

func host(url string) string {
	_, addr, _ := strings.Cut(url, "://")
	return addr
}

// Whatever goes wrong on a listener is JSON with a trace id that the log knows.
func TestErrorsOfListeners(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample")
	line := "POST " + path(sample.Cases[0].ClientID, sample.Cases[0].RequestID) + " HTTP/1.1\r\n"
	seed := line + "Host: localhost\r\n"
	key := "X-Api-Key: " + sample.KeyLevel3 + "\r\n"
	for name, test := range map[string]struct {
		addr, raw string
		status    int
		code      api.ErrorCode
	}{
		"bad escape":            {p.URL, "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, api.CodeBadRequest},
		"no host":               {p.URL, "GET / HTTP/1.1\r\n\r\n", 400, api.CodeBadRequest},
		"two hosts":             {p.URL, "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400, api.CodeBadRequest},
		"large header":          {p.URL, "GET / HTTP/1.1\r\nHost: localhost\r\nA: " + strings.Repeat("a", 32<<10) + "\r\n\r\n", 431, api.CodeBadRequest},
		"unknown expectation":   {p.URL, seed + key + "Expect: more\r\n\r\n", 417, api.CodeBadRequest},
		"unknown coding":        {p.URL, seed + key + "Transfer-Encoding: br\r\n\r\n", 501, api.CodeBadRequest},
		"about the server":      {p.URL, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, api.CodeNotFound},
		"key twice":             {p.URL, seed + key + key + "\r\n", 400, api.CodeBadRequest},
		"Idempotency-Key twice": {p.URL, seed + key + "Idempotency-Key: a\r\nIdempotency-Key: a\r\n\r\n", 400, api.CodeBadRequest},
		"reference":             {p.URL, "POST /docs/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405, api.CodeMethodNotAllowed},
		"description":           {p.URL, "DELETE /openapi.yaml HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, api.CodeMethodNotAllowed},
		"start":                 {p.URL, "PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405, api.CodeMethodNotAllowed},
		"rebound":               {p.URL, line + "Host: evil.example\r\n" + key + "\r\n", 421, api.CodeBadRequest},
		"rebound reference":     {p.URL, "GET /docs/ HTTP/1.1\r\nHost: evil.example:8080\r\n\r\n", 421, api.CodeBadRequest},
		"rebound, absolute":     {p.URL, "GET http://evil.example/docs/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 421, api.CodeBadRequest},
		"any address":           {p.URL, "GET /docs/ HTTP/1.1\r\nHost: 0.0.0.0\r\n\r\n", 421, api.CodeBadRequest},
		"operators, bad escape": {p.Admin, "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, api.CodeBadRequest},
		"operators, method":     {p.Admin, "POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405, api.CodeMethodNotAllowed},
		"operators, path":       {p.Admin, "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, api.CodeNotFound},
		"operators, rebound":    {p.Admin, "GET /riverui/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, api.CodeBadRequest},
		"operators, address":    {p.Admin, "GET /metrics HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", 421, api.CodeBadRequest},
		"operators, cross-site": {p.Admin, "POST /riverui/api/jobs/retry HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\nContent-Length: 0\r\n\r\n", 403, api.CodeAPIError},
	} {
		t.Run(name, func(t *testing.T) {
			got := p.raw(host(test.addr), test.raw)
			require.Equal(t, test.status, got.status, got.body)
			requireError(t, got, test.code, "")
			p.waitFor("trace_id=" + got.header.Get("X-Trace-Id"))
		})
	}
	for _, url := range []string{p.URL + "/openapi.yaml", p.Admin + "/healthz"} {
		port := url[strings.LastIndexByte(url[:strings.LastIndexByte(url, '/')], ':'):]
		require.Equal(t, http.StatusOK, p.do(http.MethodGet, url, http.Header{}).status)
		require.Equal(t, http.StatusOK, p.do(http.MethodGet, "http://localhost"+port, http.Header{}).status)
	}
}

// Behind a proxy the service is called by any name: only the sample guards its public listener.
func TestHostsWithoutSample(t *testing.T) {
	t.Parallel()
	p := serve(t, "--db", filepath.Join(t.TempDir(), "hosts.db"), "--provider-allow-private", "--provider-url", "http://127.0.0.1:1/", "--provider-secret", secret)
	get := func(addr, host string) int {
		return p.raw(addr, fmt.Sprintf("GET /openapi.yaml HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host)).status
	}
	require.Equal(t, http.StatusOK, get(host(p.URL), "api.example"))
	require.Equal(t, http.StatusMisdirectedRequest, get(host(p.Admin), "api.example"))
	require.Equal(t, http.StatusMisdirectedRequest, get(host(p.Admin), "192.0.2.1"), "it listens on loopback")
	require.Equal(t, http.StatusNotFound, get(host(p.Admin), "[::1]:8081"))
}

// More callers than connections are all served, one after the other.
func TestMaxConnections(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample", "--max-connections", "2")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			response, err := client.Get(p.URL + "/openapi.json")
			if err != nil {
				t.Error(err)
				return
			}
			_, err = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if err != nil || response.StatusCode != http.StatusOK {
				t.Error(response.Status, err)
			}
		})
	}
	callers.Wait()
	for range 2 { // connections that say nothing
		c, err := net.Dial("tcp", host(p.URL))
		require.NoError(t, err)
		defer c.Close() //nolint:errcheck // a test's connection
	}
	third, err := net.Dial("tcp", host(p.URL))
	require.NoError(t, err, "it waits in the backlog")
	defer third.Close() //nolint:errcheck // a test's connection
	p.waitFor("new ones wait")
	require.Equal(t, http.StatusOK, p.do(http.MethodGet, p.Admin+"/readyz", http.Header{}).status, "operators have connections of their own")
}
