package server_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
)

// serve serves a handler as enablementd does, see the constants of server/internal/app/serve.go.
func serve(t *testing.T, h http.Handler, change ...func(*http.Server)) (address string) {
	t.Helper()
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      25 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	for _, f := range change {
		f(s)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-served, http.ErrServerClosed)
	})
	return listener.Addr().String()
}

// wireAnswer is a response with its body read.
type wireAnswer struct {
	*http.Response
	body []byte
}

// exchange sends raw bytes and no more, and returns all that comes back.
func exchange(t *testing.T, address, raw string) []wireAnswer {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer connection.Close() //nolint:errcheck // a test's connection
	require.NoError(t, connection.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(connection, raw)
	require.NoError(t, err)
	require.NoError(t, connection.(*net.TCPConn).CloseWrite())
	text, err := io.ReadAll(connection)
	require.NoError(t, err)
	return answers(t, text)
}

func answers(t *testing.T, text []byte) []wireAnswer {
	t.Helper()
	var all []wireAnswer
	for reader := bufio.NewReader(bytes.NewReader(text)); ; {
		response, err := http.ReadResponse(reader, &http.Request{Method: http.MethodPost})
		if errors.Is(err, io.ErrUnexpectedEOF) && reader.Buffered() == 0 {
			return all
		}
		require.NoError(t, err, "%s", text)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		response.Body = io.NopCloser(bytes.NewReader(body))
		all = append(all, wireAnswer{response, body})
	}
}

// What one party takes for a body and another for a request never gets to the implementation.
func TestTransport_SmuggledRequests(t *testing.T) {
	t.Parallel()
	const (
		line    = "POST " + goodPath + " HTTP/1.1\r\n"
		host    = "Host: x\r\n"
		key     = "X-Api-Key: " + goodKey + "\r\n"
		head    = line + host + key
		chunked = "Transfer-Encoding: chunked\r\n"
		end     = "0\r\n\r\n" // of a chunked body
	)
	hidden := "POST " + strings.Replace(goodPath, clientID, "smuggled", 1) + " HTTP/1.1\r\n" + host + key + "\r\n"
	length := func(n int) string { return fmt.Sprintf("Content-Length: %d\r\n", n) }
	chunk := func(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }
	for name, test := range map[string]struct {
		raw    string
		status int // of the one response
	}{
		"both lengths, by length":            {head + length(len(end+hidden)) + chunked + "\r\n" + end + hidden, 200},
		"both lengths, by chunks":            {head + length(5) + chunked + "\r\n" + end + hidden, 200},
		"both lengths, chunks first":         {head + chunked + length(5) + "\r\n" + end + hidden, 200},
		"both lengths, request in the chunk": {head + length(5) + chunked + "\r\n" + chunk(hidden) + end, 400},
		"two lengths":                        {head + length(0) + length(len(hidden)) + "\r\n" + hidden, 400},
		"two lengths, the other way":         {head + length(len(hidden)) + length(0) + "\r\n" + hidden, 400},
		"a list of lengths":                  {head + "Content-Length: 0, 5\r\n\r\n" + hidden, 400},
		"a length with a sign":               {head + "Content-Length: +5\r\n\r\n" + hidden, 400},
		"a negative length":                  {head + "Content-Length: -5\r\n\r\n" + hidden, 400},
		"a hexadecimal length":               {head + "Content-Length: 0x5\r\n\r\n" + hidden, 400},
		"a length that isn't there":          {head + "Content-Length:\r\n\r\n" + hidden, 400},
		"chunked by another name":            {head + "Transfer-Encoding: xchunked\r\n\r\n" + end + hidden, 501},
		"chunked, not at the end":            {head + "Transfer-Encoding: chunked, identity\r\n\r\n" + end + hidden, 501},
		"chunked, not alone":                 {head + "Transfer-Encoding: gzip, chunked\r\n\r\n" + end + hidden, 501},
		"chunked twice":                      {head + chunked + "Transfer-Encoding: identity\r\n\r\n" + end + hidden, 501},
		"chunked behind a tab":               {head + length(5) + "Transfer-Encoding:\tchunked\r\n\r\n" + end + hidden, 200},
		"chunked in capitals":                {head + length(5) + "tRANSFER-eNCODING: CHUNKED\r\n\r\n" + end + hidden, 200},
		"chunked behind a control character": {head + "Transfer-Encoding: \x0bchunked\r\n\r\n" + end + hidden, 400},
		"chunked in quotes":                  {head + "Transfer-Encoding: \"chunked\"\r\n\r\n" + end + hidden, 501},
		"chunked on a line of its own":       {head + length(5) + "Transfer-Encoding:\r\n chunked\r\n\r\n" + end + hidden, 200},
		"chunked, space before the colon":    {head + "Transfer-Encoding : chunked\r\n\r\n" + end + hidden, 400},
		"length, space before the colon":     {head + "Content-Length : 5\r\n\r\n" + hidden, 400},
		"header that begins with a space":    {line + " " + host + key + "\r\n" + hidden, 400},
		"header without a colon":             {head + "X-Other\r\n\r\n" + hidden, 400},
		"length behind a bare CR":            {head + "X-Other: a\rContent-Length: 5\r\n\r\n" + hidden, 400},
		"length behind a bare LF":            {head + "X-Other: a\n" + length(len(hidden)) + "\r\n" + hidden, 400},
		"NUL":                                {head + "X-Other: a\x00\r\n\r\n" + hidden, 400},
		"two hosts":                          {head + "Host: y\r\n\r\n" + hidden, 400},
		"no host":                            {line + key + "\r\n" + hidden, 400},
		"hidden in a body":                   {head + length(len(hidden)) + "\r\n" + hidden, 400},
		"hidden in a chunk":                  {head + chunked + "\r\n" + chunk(hidden) + end, 400},
		"behind a body":                      {head + length(5) + "\r\nhello" + hidden, 400},
		"behind a body, no key":              {line + host + length(5) + "\r\nhello" + hidden, 401},
		"behind a body, to no operation":     {"POST / HTTP/1.1\r\n" + host + length(5) + "\r\nhello" + hidden, 404},
		"behind a body, wrong method":        {"GET " + goodPath + " HTTP/1.1\r\n" + host + length(5) + "\r\nhello" + hidden, 405},
		"behind a large body":                {head + length(1<<20) + "\r\n" + hidden, 413},
		"chunk of a negative size":           {head + chunked + "\r\n-1\r\n" + hidden, 400},
		"chunk of too large a size":          {head + chunked + "\r\n10000000000000005\r\n" + hidden, 400},
		"chunk size by another notation":     {head + chunked + "\r\n0x5\r\nhello\r\n" + end + hidden, 400},
		"chunk longer than it says":          {head + chunked + "\r\n1\r\nhello\r\n" + end + hidden, 400},
		"chunk extension with a bare LF":     {head + chunked + "\r\n0;x=\"\n\"\r\n\r\n" + hidden, 400},
		"end of chunks with bare LFs":        {head + chunked + "\r\n0\n\n" + hidden, 400},
		"length as a trailer":                {head + chunked + "\r\n0\r\n" + length(len(hidden)) + "\r\n" + hidden, 200},
		"key as a trailer":                   {line + host + chunked + "\r\n0\r\n" + key + "\r\n", 401},
		"HTTP/1.0":                           {"POST " + goodPath + " HTTP/1.0\r\n" + host + key + "\r\n" + hidden, 200},
		"HTTP/1.0 that stays":                {"POST " + goodPath + " HTTP/1.0\r\nConnection: keep-alive\r\n" + host + key + "\r\n" + hidden, 200},
		"HTTP/1.0 with chunks":               {"POST " + goodPath + " HTTP/1.0\r\nConnection: keep-alive\r\n" + host + key + chunked + "\r\n" + end + hidden, 200},
		"HTTP/0.9":                           {"POST " + goodPath + "\r\n\r\n" + hidden, 400},
		"HTTP/2 without a handshake":         {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + hidden, 404},
		"line break in the path":             {"POST " + goodPath + "%0d%0a HTTP/1.1\r\n" + host + key + length(5) + "\r\nhello" + hidden, 404},
		"waits to be asked, and doesn't":     {head + "Expect: 100-continue\r\n" + length(len(hidden)) + "\r\n" + hidden, 400},
		"expects something else":             {head + "Expect: 200-ok\r\n\r\n" + hidden, 417},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, func(ctx context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
				if r.ClientID == "smuggled" {
					t.Error("it was smuggled in")
				}
				return works(ctx, r)
			})
			all := exchange(t, serve(t, f), test.raw)
			require.Len(t, all, 1)
			require.Equal(t, test.status, all[0].StatusCode)
			require.True(t, all[0].Close || all[0].ProtoMinor == 0)
			calls := 0
			if test.status == http.StatusOK {
				calls = 1
			}
			require.Equal(t, calls, f.calls.count())
			require.Empty(t, f.log.lines(t, "ERROR"))
			if all[0].Header.Get("X-Trace-Id") != "" { // net/http's own refusals have none
				check(t, &http.Request{Method: http.MethodPost}, all[0].Response)
			}
		})
	}
}

// What differs from the plain form without being another request.
func TestTransport_OddButHarmless(t *testing.T) {
	t.Parallel()
	const rest = "Host: x\r\nX-Api-Key: " + goodKey + "\r\n"
	for name, test := range map[string]struct {
		raw    string
		status []int
	}{
		"one after the other":  {strings.Repeat("POST "+goodPath+" HTTP/1.1\r\n"+rest+"\r\n", 2), []int{200, 200}},
		"the same length said": {strings.Repeat("POST "+goodPath+" HTTP/1.1\r\n"+rest+"Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 2), []int{200, 200}},
		"line ends without CR": {strings.ReplaceAll("POST "+goodPath+" HTTP/1.1\r\n"+rest+"\r\n", "\r", ""), []int{200}},
		// To another host, which this one doesn't forward to: it answers by itself.
		"absolute form": {"POST http://other.example" + goodPath + " HTTP/1.1\r\n" + rest + "\r\n", []int{200}},
		// The continued line is a value and no header: the key in it is none.
		"continued header":     {"POST " + goodPath + " HTTP/1.1\r\nHost: x\r\nX-Other: a\r\n X-Api-Key: " + goodKey + "\r\n\r\n", []int{401}},
		"continued with a tab": {"POST " + goodPath + " HTTP/1.1\r\nHost: x\r\nX-Other: a\r\n\tX-Api-Key: " + goodKey + "\r\n\r\n", []int{401}},
		"key with underscores": {"POST " + goodPath + " HTTP/1.1\r\nHost: x\r\nX_Api_Key: " + goodKey + "\r\n\r\n", []int{401}},
		"no switch to HTTP/2": {"POST " + goodPath + " HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n" +
			rest + "\r\n", []int{200}},
		"a path through the headers": {"POST / HTTP/1.1\r\nX-Original-Url: " + goodPath + "\r\nX-Rewrite-Url: " + goodPath + "\r\n" + rest + "\r\n", []int{404}},
		"a method through a header":  {"GET " + goodPath + " HTTP/1.1\r\nX-Http-Method-Override: POST\r\n" + rest + "\r\n", []int{405}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := exchange(t, serve(t, newFixture(t, works)), test.raw)
			var status []int
			for _, a := range all {
				status = append(status, a.StatusCode)
				check(t, &http.Request{Method: http.MethodPost}, a.Response)
			}
			require.Equal(t, test.status, status)
		})
	}
}

func TestTransport_LargeHeaders(t *testing.T) {
	t.Parallel()
	const head = "POST " + goodPath + " HTTP/1.1\r\nHost: x\r\nX-Api-Key: " + goodKey + "\r\n"
	for name, test := range map[string]struct {
		raw    string
		status int
	}{
		"15 KiB":         {head + "X-Other: " + strings.Repeat("a", 15<<10) + "\r\n\r\n", 200},
		"one of 32 KiB":  {head + "X-Other: " + strings.Repeat("a", 32<<10) + "\r\n\r\n", 431},
		"many of 32 KiB": {head + strings.Repeat("X-Other: aaaaaaaaaaaaaaaaaaa\r\n", 1200) + "\r\n", 431},
		"long path":      {"POST /" + strings.Repeat("a", 32<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", 431},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, works)
			connection, err := net.Dial("tcp", serve(t, f))
			require.NoError(t, err)
			defer connection.Close() //nolint:errcheck // a test's connection
			require.NoError(t, connection.SetDeadline(time.Now().Add(10*time.Second)))
			go func() { _, _ = io.WriteString(connection, test.raw) }() // may be cut off
			response, err := http.ReadResponse(bufio.NewReader(connection), nil)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, test.status, response.StatusCode)
			require.Equal(t, test.status == http.StatusOK, f.calls.count() == 1)
		})
	}
}

// Who sends slowly is cut off by the server's limits; the handler needs no clock for it.
func TestTransport_SlowCallers(t *testing.T) {
	t.Parallel()
	const limit = 150 * time.Millisecond
	const head = "POST " + goodPath + " HTTP/1.1\r\nHost: x\r\nX-Api-Key: " + goodKey + "\r\n"
	for name, test := range map[string]struct {
		begin   string
		trickle string // sent over and over
		status  int    // 0 is no response
	}{
		"says nothing":            {"", "", 0},
		"stops within a header":   {head + "X-Other: a", "", 0},
		"never ends a header":     {head + "X-Other: ", "a", 0},
		"never ends the headers":  {head, "X-Other: a\r\n", 0},
		"stops within a chunk":    {head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhe", "", 400},
		"never ends a chunk":      {head + "Transfer-Encoding: chunked\r\n\r\n7ff\r\n", "h", 400},
		"doesn't send its body":   {head + "Content-Length: 5\r\n\r\n", "", 400}, // at once: it isn't waited for
		"has nothing more to say": {head + "\r\n", "", 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, works)
			connection, err := net.Dial("tcp", serve(t, f, func(s *http.Server) {
				s.ReadHeaderTimeout, s.ReadTimeout, s.IdleTimeout = limit, limit, limit
			}))
			require.NoError(t, err)
			defer connection.Close() //nolint:errcheck // a test's connection
			require.NoError(t, connection.SetDeadline(time.Now().Add(10*time.Second)))
			_, err = io.WriteString(connection, test.begin)
			require.NoError(t, err)
			if test.trickle != "" {
				done := make(chan struct{})
				defer close(done)
				go func() {
					for tick := time.NewTicker(limit / 10); ; {
						select {
						case <-done:
							tick.Stop()
							return
						case <-tick.C:
							_, _ = io.WriteString(connection, test.trickle) // fails once it is cut off
						}
					}
				}()
			}
			text, err := io.ReadAll(connection) // ends when the server hangs up
			var closed *net.OpError
			if err != nil { // it may do so by a reset, but not later than the test can wait
				require.ErrorAs(t, err, &closed)
				require.False(t, closed.Timeout())
			}
			all := answers(t, text)
			if test.status == 0 {
				require.Empty(t, all)
				return
			}
			require.Len(t, all, 1)
			require.Equal(t, test.status, all[0].StatusCode)
			check(t, &http.Request{Method: http.MethodPost}, all[0].Response)
		})
	}
}

// Every response of the chain, over the wire, has the headers that check asks for.
func TestTransport_HeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	broken := newFixture(t, fails(errors.New("out of order")))
	busy := newFixture(t, fails(server.Unavailable(time.Second, nil)))
	f := newFixture(t, works)
	once := newFixture(t, works, server.WithRateLimit(server.RateLimit{PerSecond: 1, Clock: newClock().read}))
	once.ask(t, request(http.MethodPost, goodPath)) // by the company, from another address
	for status, test := range map[int]struct {
		f      fixture
		method string
		path   string
		key    string
		body   string
	}{
		200: {f, http.MethodPost, goodPath, goodKey, ""},
		400: {f, http.MethodPost, goodPath, goodKey, "{}"},
		401: {f, http.MethodPost, goodPath, "", ""},
		404: {f, http.MethodPost, "/", goodKey, ""},
		405: {f, http.MethodGet, goodPath, goodKey, ""},
		413: {f, http.MethodPost, goodPath, goodKey, strings.Repeat("x", 65<<10)},
		429: {once, http.MethodPost, goodPath, goodKey, ""},
		500: {broken, http.MethodPost, goodPath, goodKey, ""},
		503: {busy, http.MethodPost, goodPath, goodKey, ""},
	} {
		for _, secure := range []string{"", "TLS", "HTTP/2"} {
			t.Run(fmt.Sprint(status, secure), func(t *testing.T) {
				s := httptest.NewUnstartedServer(test.f)
				s.EnableHTTP2 = secure == "HTTP/2"
				if secure == "" {
					s.Start()
				} else {
					s.StartTLS()
				}
				defer s.Close()
				r, err := http.NewRequest(test.method, s.URL+test.path, strings.NewReader(test.body))
				require.NoError(t, err)
				r.Header.Set("X-Api-Key", test.key)
				response, err := s.Client().Do(r)
				require.NoError(t, err)
				require.Equal(t, status, check(t, r, response).status)
				require.Equal(t, secure == "HTTP/2", response.ProtoMajor == 2)
				if secure != "" {
					require.Equal(t, "max-age=31536000", response.Header.Get("Strict-Transport-Security"))
				}
				// A plain call keeps its connection.
				require.Equal(t, secure != "HTTP/2" && test.body != "", response.Close)
			})
		}
	}
}
