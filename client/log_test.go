package client_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
)

// raw is a server of HTTP/1 that writes the same bytes to whoever sends a request, once a connection, and
// tells of each connection that its client gave up.
type raw struct {
	url   string
	ended chan struct{}
}

func newRaw(t *testing.T, config *tls.Config, response string, then func(conn net.Conn)) raw {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := raw{url: "http://" + listener.Addr().String(), ended: make(chan struct{}, 100)}
	if config != nil {
		listener = tls.NewListener(listener, config)
		r.url = strings.Replace(r.url, "http", "https", 1)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer func() { _ = conn.Close() }()
				_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
				reader := bufio.NewReader(conn)
				if !read(reader) {
					return
				}
				_, _ = io.WriteString(conn, response)
				if then != nil {
					then(conn)
				}
				_, _ = io.Copy(io.Discard, reader)
				r.ended <- struct{}{}
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		group.Wait()
	})
	return r
}

// safeBuffer is one for several goroutines.
type safeBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// TestNetHTTPLogsNoKey: net/http writes what it reads beyond a response to the global log, and a server may
// have put the key there. Whatever a server sends, and over whichever transport, nothing is logged.
//
// It replaces the output of the global logger, so it must not run beside other tests.
func TestNetHTTPLogsNoKey(t *testing.T) { //nolint:paralleltest // the logger is the process's
	var logged safeBuffer
	before := log.Writer()
	log.SetOutput(&logged)
	t.Cleanup(func() { log.SetOutput(before) })

	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	t.Cleanup(certified.Close)
	config := &tls.Config{Certificates: certified.TLS.Certificates, MinVersion: tls.VersionTLS12}
	transport := func() *http.Transport {
		own := certified.Client().Transport.(*http.Transport).Clone()
		t.Cleanup(own.CloseIdleConnections)
		return own
	}
	clients := map[string]struct {
		tls  *tls.Config
		opts func() []client.Option
	}{
		"default": {nil, func() []client.Option { return nil }},
		"the caller's": {nil, func() []client.Option {
			return []client.Option{client.WithHTTPClient(&http.Client{Transport: transport()})}
		}},
		"the caller's, with TLS": {config, func() []client.Option {
			return []client.Option{client.WithHTTPClient(&http.Client{Transport: transport()})}
		}},
		"the caller's, with a timeout": {config, func() []client.Option {
			return []client.Option{client.WithHTTPClient(&http.Client{Transport: transport(), Timeout: time.Minute})}
		}},
		"a wrapped one": {config, func() []client.Option {
			return []client.Option{client.WithHTTPClient(&http.Client{Transport: passing{transport()}})}
		}},
	}

	length := func(status, body string, header ...string) string {
		return "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n" +
			strings.Join(append(header, ""), "\r\n") + "\r\n" + body
	}
	chunked := func(status, body, end string) string {
		return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%s", status, len(body), body, end)
	}
	const extra = `"key":"` + key + `"}`
	done := seed(t)
	for name, response := range map[string]string{
		"401, longer than its length":       length("401 Unauthorized", `{"code":"AUTH"}`) + extra,
		"401 of length 0":                   length("401 Unauthorized", "") + extra,
		"401, much longer":                  length("401 Unauthorized", `{"code":"AUTH"}`) + strings.Repeat(extra, 1000),
		"401, chunked":                      chunked("401 Unauthorized", `{"code":"AUTH"}`, "0\r\n\r\n") + extra,
		"401, chunked, with a length":       strings.Replace(chunked("401 Unauthorized", "{}", "0\r\n\r\n"), "\r\n\r\n", "\r\nContent-Length: 500\r\n\r\n", 1) + extra,
		"401, chunked, with trailers":       chunked("401 Unauthorized", "{}", "0\r\nA: b\r\n\r\n") + extra,
		"401, chunked, a bad trailer":       chunked("401 Unauthorized", "{}", "0\r\n"+key+"\r\n\r\n") + extra,
		"401, chunked, a bad chunk":         chunked("401 Unauthorized", "{}", key+"\r\n\r\n") + extra,
		"401 after 103":                     "HTTP/1.1 103 Early Hints\r\nContent-Length: 500\r\n\r\n" + length("401 Unauthorized", "{}") + extra,
		"401, too large":                    length("401 Unauthorized", strings.Repeat(" ", 1<<20)) + extra,
		"401, a line break after it":        length("401 Unauthorized", "{}") + "\r\n" + extra,
		"401, HTTP/1.0":                     "HTTP/1.0 401 Unauthorized\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}" + extra,
		"500":                               length("500 Internal Server Error", "{}") + extra,
		"307":                               length("307 Temporary Redirect", "{}", "Location: https://elsewhere.example") + extra,
		"204":                               "HTTP/1.1 204 No Content\r\n\r\n" + extra,
		"204 with a length":                 length("204 No Content", "") + extra,
		"304":                               length("304 Not Modified", extra),
		"200":                               length("200 OK", done) + extra,
		"200, chunked":                      chunked("200 OK", done, "0\r\n\r\n") + extra,
		"200 and another response":          length("200 OK", done) + length("401 Unauthorized", extra),
		"200 and a second one of the first": length("200 OK", done) + length("200 OK", strings.Replace(done, "{", "{"+`"k":"`+key+`",`, 1)),
		"200 and a farewell":                length("200 OK", done) + length("408 Request Timeout", extra),
		"200, cut":                          length("200 OK", done[:20]) + done[20:] + extra,
		"a broken header":                   "HTTP/1.1 200 OK\r\n" + key + "\r\n\r\n" + extra,
		"no HTTP":                           key + "\r\n" + extra,
	} {
		for which, how := range clients {
			t.Run(name+", "+which, func(t *testing.T) {
				server := newRaw(t, how.tls, response, nil)
				c := newClient(t, append(how.opts(), client.WithBaseURL(server.url))...)
				submission, err := c.SubmitProduct(t.Context(), clientID, requestID)
				if strings.HasPrefix(name, "200") && name != "200, cut" {
					require.NoError(t, err)
				} else {
					_ = failure(t, submission, err)
				}
				<-server.ended // net/http has logged by then, if it does
				require.Empty(t, logged.String())
			})
		}
	}
	for which, how := range clients {
		t.Run("later, "+which, func(t *testing.T) {
			over := make(chan struct{})
			server := newRaw(t, how.tls, length("200 OK", done), func(conn net.Conn) {
				<-over
				_, _ = io.WriteString(conn, length("401 Unauthorized", extra))
			})
			c := newClient(t, append(how.opts(), client.WithBaseURL(server.url))...)
			_, err := c.SubmitProduct(t.Context(), clientID, requestID)
			require.NoError(t, err)
			close(over)
			<-server.ended
			require.Empty(t, logged.String())
		})
	}
	t.Run("net/http does log", func(t *testing.T) {
		server := newRaw(t, nil, length("401 Unauthorized", `{"code":"AUTH"}`)+extra, nil)
		resp, err := (&http.Client{Transport: transport()}).Get(server.url)
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, resp.Body)
		require.NoError(t, resp.Body.Close())
		<-server.ended
		require.Contains(t, logged.String(), key, "if this fails, Go does not log it any more: every connection can be kept")
	})
}
