package wire_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/wire"
)

// journal is a log that can be read while it is written to.
type journal struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return j.text.String()
}

const spared = 300 * time.Millisecond

// start serves a handler behind the listener, and returns the address and the log.
func start(t *testing.T, most int, h http.Handler, change ...func(*http.Server)) (addr string, lines *journal) {
	t.Helper()
	lines = &journal{}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &http.Server{Handler: h, MaxHeaderBytes: 16 << 10, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	for _, f := range change {
		f(s)
	}
	served := make(chan error, 1)
	listener := wire.Bound(s, inner, most, slog.New(slog.NewJSONHandler(lines, nil)))
	wire.Spare(listener, spared)
	go func() {
		if s.TLSConfig != nil {
			served <- s.ServeTLS(listener, "", "")
			return
		}
		served <- s.Serve(listener)
	}()
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-served, http.ErrServerClosed)
	})
	return inner.Addr().String(), lines
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(30*time.Second)))
	return c
}

// requireError holds an answer to the API's form, and the log to a line with its trace id.
func requireError(t *testing.T, response *http.Response, lines *journal, status int, code api.ErrorCode, message string) {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, status, response.StatusCode, "%s", body)
	require.Equal(t, "application/json", response.Header.Get("Content-Type"), "%s", body)
	require.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))
	require.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	require.NotEmpty(t, response.Header.Get("Date"))
	var e api.Error
	require.NoError(t, json.Unmarshal(body, &e), "%s", body)
	require.Equal(t, code, e.Code)
	require.Equal(t, message, e.Message)
	require.Regexp(t, "^[0-9a-f]{32}$", e.TraceID)
	require.Equal(t, e.TraceID, response.Header.Get("X-Trace-Id"))
	require.Contains(t, lines.String(), `"trace_id":"`+e.TraceID+`"`)
}

// What net/http answers before any handler is asked.
func TestBound_NetHTTPsOwnAnswers(t *testing.T) {
	t.Parallel()
	addr, lines := start(t, 100, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "handled "+r.URL.Path)
	}))
	const malformed = "The request is malformed"
	for name, test := range map[string]struct {
		raw     string
		status  int
		message string
	}{
		"bad escape":             {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, malformed},
		"escape cut off":         {"GET /% HTTP/1.1\r\nHost: x\r\n\r\n", 400, malformed},
		"no host":                {"GET / HTTP/1.1\r\n\r\n", 400, malformed + ": missing required Host header"},
		"two hosts":              {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, malformed},
		"same host twice":        {"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400, malformed},
		"odd host":               {"GET / HTTP/1.1\r\nHost: <x>\r\n\r\n", 400, malformed + ": malformed Host header"},
		"no request line":        {"hello\r\n\r\n", 400, malformed},
		"no version":             {"GET /\r\n\r\n", 400, malformed},
		"no target":              {"GET  HTTP/1.1\r\nHost: x\r\n\r\n", 400, malformed},
		"method with a space":    {"G ET / HTTP/1.1\r\nHost: x\r\n\r\n", 400, malformed},
		"space before the colon": {"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400, malformed + ": invalid header name"},
		"NUL in a header":        {"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n", 400, malformed},
		"odd header name":        {"GET / HTTP/1.1\r\nHost: x\r\nA(: b\r\n\r\n", 400, malformed},
		"two lengths":            {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, malformed},
		"TLS on a plain port":    {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, malformed},
		"large header":           {"GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", 431, "The request's line and headers are larger than the server reads"},
		"large line":             {"GET /" + strings.Repeat("a", 64<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", 431, "The request's line and headers are larger than the server reads"},
		"unknown coding":         {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "Transfer-Encoding: the server knows chunked only"},
		"two codings":            {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, "Transfer-Encoding: the server knows chunked only"},
		"unknown expectation":    {"POST / HTTP/1.1\r\nHost: x\r\nExpect: a miracle\r\n\r\n", 417, "Expect: the server knows 100-continue only"},
		"expectation, HTTP/1.0":  {"POST / HTTP/1.0\r\nHost: x\r\nExpect: a miracle\r\n\r\n", 417, "Expect: the server knows 100-continue only"},
		"HTTP/2.0 by name":       {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, "The server does not speak this version of HTTP"},
		"HTTP/3.0 by name":       {"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505, "The server does not speak this version of HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, before := range []string{"", "GET /before HTTP/1.1\r\nHost: x\r\n\r\n"} {
				c := dial(t, addr)
				go func() { _, _ = io.WriteString(c, before+test.raw) }() // may be cut off
				reader := bufio.NewReader(c)
				if before != "" {
					response, err := http.ReadResponse(reader, nil)
					require.NoError(t, err)
					body, err := io.ReadAll(response.Body)
					require.NoError(t, err)
					require.Equal(t, "handled /before", string(body))
				}
				response, err := http.ReadResponse(reader, nil)
				require.NoError(t, err)
				require.True(t, response.Close)
				code := api.CodeBadRequest
				requireError(t, response, lines, test.status, code, test.message)
				_, err = reader.ReadByte()
				require.Error(t, err, "nothing comes after it")
			}
		})
	}
}

// What a handler answers stays as it is, also where it looks like one of net/http's own.
func TestBound_LeavesHandlersAlone(t *testing.T) {
	t.Parallel()
	const lookalike = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"
	addr, lines := start(t, 100, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		switch r.URL.Path {
		case "/text":
			http.Error(w, "400 Bad Request", http.StatusBadRequest)
		case "/body":
			_, _ = io.WriteString(w, lookalike)
		}
	}))
	for path, want := range map[string]string{"/text": "400 Bad Request\n", "/body": lookalike} {
		response, err := http.Get("http://" + addr + path)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, want, string(body))
		require.Contains(t, response.Header.Get("Content-Type"), "text/plain")
	}
	require.Empty(t, lines.String())
}

func TestBound_HTTPOnAPortOfHTTPS(t *testing.T) {
	t.Parallel()
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	defer certified.Close()
	addr, lines := start(t, 100, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.Proto) }), func(s *http.Server) {
		s.TLSConfig = &tls.Config{Certificates: certified.TLS.Certificates}
	})
	response, err := http.Get("http://" + addr)
	require.NoError(t, err)
	requireError(t, response, lines, http.StatusBadRequest, api.CodeBadRequest, "The request is malformed: HTTP on a port of HTTPS")

	client := certified.Client()
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	response, err = client.Get("https://" + addr)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, 2, response.ProtoMajor, "HTTP/2 goes through")
}

// counting counts the connections that are open.
type counting struct {
	net.Listener
	mutex      sync.Mutex
	open, peak int
}

func (l *counting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.open++
	l.peak = max(l.peak, l.open)
	return &counted{Conn: c, l: l}, nil
}

type counted struct {
	net.Conn
	l    *counting
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() {
		c.l.mutex.Lock()
		defer c.l.mutex.Unlock()
		c.l.open--
	})
	return c.Conn.Close()
}

func TestBound(t *testing.T) {
	t.Parallel()
	const most, callers = 3, 40
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	counted := &counting{Listener: inner}
	var lines journal
	release := make(chan struct{})
	s := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- s.Serve(wire.Bound(s, counted, most, slog.New(slog.NewJSONHandler(&lines, nil)))) }()
	defer func() {
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-served, http.ErrServerClosed)
	}()

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var answered sync.WaitGroup
	for range callers {
		answered.Go(func() {
			response, err := client.Get("http://" + inner.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			_ = response.Body.Close()
		})
	}
	require.Eventually(t, func() bool { return strings.Contains(lines.String(), "new ones wait") }, 30*time.Second, time.Millisecond)
	close(release)
	answered.Wait()
	counted.mutex.Lock()
	defer counted.mutex.Unlock()
	require.Equal(t, most+1, counted.peak, "one waits for its turn")
	require.Equal(t, 1, strings.Count(lines.String(), "new ones wait"), "told once a minute at most")
}

// Who is slow with its headers holds a slot for as long as the server's limit, and no longer.
func TestBound_SlowCallersMakeRoom(t *testing.T) {
	t.Parallel()
	addr, _ := start(t, 2, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), func(s *http.Server) {
		s.ReadHeaderTimeout = 100 * time.Millisecond
	})
	for range 6 {
		_, err := io.WriteString(dial(t, addr), "GET / HTTP/1.1\r\nHost: x\r\nA: ")
		require.NoError(t, err)
	}
	response, err := http.Get("http://" + addr)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
}

// An idle connection makes room for a new one.
func TestBound_IdleOnesMakeRoom(t *testing.T) {
	t.Parallel()
	addr, _ := start(t, 2, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), func(s *http.Server) { s.IdleTimeout = time.Hour })
	call := func(c net.Conn) error {
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return err
		}
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil {
			err = response.Body.Close()
		}
		return err
	}
	first, second, third := dial(t, addr), dial(t, addr), dial(t, addr)
	began := time.Now()
	require.NoError(t, call(first))
	require.NoError(t, call(second))
	require.NoError(t, call(third))
	require.GreaterOrEqual(t, time.Since(began), spared, "none is ended before its time")
	require.NotEqual(t, call(first) == nil, call(second) == nil, "one is ended, and no more than had to be")
}

// Closing the listener ends the wait for a slot.
func TestBound_CloseWhileFull(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var lines journal
	listener := wire.Bound(&http.Server{ReadHeaderTimeout: time.Minute}, inner, 1, slog.New(slog.NewJSONHandler(&lines, nil)))
	dial(t, inner.Addr().String())
	dial(t, inner.Addr().String())
	first, err := listener.Accept()
	require.NoError(t, err)
	second := make(chan error, 1)
	go func() { _, err := listener.Accept(); second <- err }()
	require.Eventually(t, func() bool { return lines.String() != "" }, 30*time.Second, time.Millisecond)
	require.NoError(t, listener.Close())
	require.ErrorIs(t, <-second, net.ErrClosed)
	require.NoError(t, first.Close())
	require.Error(t, first.Close(), "a second time gives no second slot back")
}
