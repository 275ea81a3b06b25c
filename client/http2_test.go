package client_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/cryptomate-go/enablement/client"
)

// frames is an HTTP/2 server that answers frame by frame. It counts what a client sends.
type frames struct {
	url  string
	tls  *tls.Config // of a client
	sent atomic.Int32
	// dials counts connections.
	dials atomic.Int32
}

// stream is one call that a client sent.
type stream struct {
	*http2.Framer
	id uint32
}

func (s stream) answer(t *testing.T) {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	body := seed(t)
	for _, field := range [][2]string{{":status", "200"}, {"content-type", "application/json"}, {"content-length", strconv.Itoa(len(body))}} {
		_ = encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
	}
	_ = s.WriteHeaders(http2.HeadersFrameParam{StreamID: s.id, BlockFragment: block.Bytes(), EndHeaders: true})
	_ = s.WriteData(s.id, true, []byte(body))
}

// newFrames starts a server. It gives answer every call, with its number, and closes the connection where
// that returns false.
func newFrames(t *testing.T, answer func(s stream, number int) bool) *frames {
	t.Helper()
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	t.Cleanup(certified.Close)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: certified.TLS.Certificates, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12,
	})
	require.NoError(t, err)
	f := &frames{
		url: "https://" + listener.Addr().String(),
		tls: certified.Client().Transport.(*http.Transport).TLSClientConfig,
	}
	var group sync.WaitGroup
	ended, end := context.WithCancel(context.Background())
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			f.dials.Add(1)
			stop := context.AfterFunc(ended, func() { _ = conn.Close() })
			group.Go(func() {
				defer stop()
				f.serve(conn, answer)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		end()
		group.Wait()
	})
	return f
}

func (f *frames) serve(conn net.Conn, answer func(s stream, number int) bool) {
	defer func() { _ = conn.Close() }()
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	framer := http2.NewFramer(conn, conn)
	_ = framer.WriteSettings()
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = framer.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !frame.IsAck() {
				_ = framer.WritePing(true, frame.Data)
			}
		case *http2.HeadersFrame:
			if !answer(stream{framer, frame.StreamID}, int(f.sent.Add(1))) {
				return
			}
		}
	}
}

// givenBack are the ways in which an HTTP/2 server leaves a call without a response. net/http, or a
// transport of golang.org/x/net, sends the call again by itself after the first ones.
var givenBack = map[string]func(s stream) bool{
	"RST_STREAM PROTOCOL_ERROR":                   reset(http2.ErrCodeProtocol),
	"RST_STREAM REFUSED_STREAM":                   reset(http2.ErrCodeRefusedStream),
	"GOAWAY of nothing, closed":                   goAway(http2.ErrCodeNo, false, false),
	"GOAWAY of nothing, kept":                     goAway(http2.ErrCodeNo, false, true),
	"GOAWAY of nothing ENHANCE_YOUR_CALM, closed": goAway(http2.ErrCodeEnhanceYourCalm, false, false),
	"GOAWAY of nothing INTERNAL_ERROR, kept":      goAway(http2.ErrCodeInternal, false, true),
	"GOAWAY with the stream, closed":              goAway(http2.ErrCodeNo, true, false),
	"RST_STREAM NO_ERROR":                         reset(http2.ErrCodeNo),
	"RST_STREAM CANCEL":                           reset(http2.ErrCodeCancel),
	"RST_STREAM INTERNAL_ERROR":                   reset(http2.ErrCodeInternal),
	"RST_STREAM ENHANCE_YOUR_CALM":                reset(http2.ErrCodeEnhanceYourCalm),
	"RST_STREAM HTTP_1_1_REQUIRED":                reset(http2.ErrCodeHTTP11Required),
	"closed":                                      func(stream) bool { return false },
	"GOAWAY of nothing and RST_STREAM":            func(s stream) bool { return goAway(http2.ErrCodeNo, false, true)(s) && reset(http2.ErrCodeProtocol)(s) },
}

func reset(code http2.ErrCode) func(s stream) bool {
	return func(s stream) bool { return s.WriteRSTStream(s.id, code) == nil }
}

func goAway(code http2.ErrCode, got, keep bool) func(s stream) bool {
	return func(s stream) bool {
		last := s.id - 1
		if got {
			last = s.id
		}
		return s.WriteGoAway(last, code, nil) == nil && keep
	}
}

// passing is a transport around another one, as one that measures is.
type passing struct{ http.RoundTripper }

func (p passing) RoundTrip(req *http.Request) (*http.Response, error) {
	return p.RoundTripper.RoundTrip(req.Clone(context.WithValue(req.Context(), passing{}, 1)))
}

// transports are the ways to speak HTTP/2.
func (f *frames) transports(t *testing.T) map[string]*http.Client {
	netHTTP := func() *http.Transport {
		own := &http.Transport{TLSClientConfig: f.tls.Clone(), ForceAttemptHTTP2: true}
		t.Cleanup(own.CloseIdleConnections)
		return own
	}
	xNet := &http2.Transport{TLSClientConfig: f.tls.Clone()} //nolint:staticcheck // deprecated, and in use
	t.Cleanup(xNet.CloseIdleConnections)                     //nolint:staticcheck // the same
	return map[string]*http.Client{
		"net/http":                {Transport: netHTTP()},
		"net/http with a timeout": {Transport: netHTTP(), Timeout: 10 * time.Second},
		"x/net":                   {Transport: xNet},
		"wrapped":                 {Transport: passing{netHTTP()}},
	}
}

// TestHTTP2_oneAttemptIsOneSending: whatever an HTTP/2 server does to a call, on a fresh connection or on
// one that served a call before, it gets the call as often as the client says.
func TestHTTP2_oneAttemptIsOneSending(t *testing.T) {
	t.Parallel()
	quick := client.RetryPolicy{BaseDelay: 1, MaxDelay: 1}
	for name, giveBack := range givenBack {
		for _, reused := range []bool{false, true} {
			t.Run(name+", reused "+strconv.FormatBool(reused), func(t *testing.T) {
				t.Parallel()
				for _, transport := range []string{"net/http", "net/http with a timeout", "x/net", "wrapped"} {
					f := newFrames(t, func(s stream, number int) bool {
						if reused && number == 1 {
							s.answer(t)
							return true
						}
						return giveBack(s)
					})
					c := newClient(t, client.WithBaseURL(f.url), client.WithHTTPClient(f.transports(t)[transport]), client.WithRetry(quick))
					before := 0
					if reused {
						_, err := c.SubmitProduct(t.Context(), clientID, requestID)
						require.NoError(t, err, transport)
						before = 1
					}
					submission, err := c.SubmitProduct(t.Context(), clientID, requestID)
					failed := failure(t, submission, err)
					require.Len(t, failed.Attempts, 3, transport)
					require.EqualValues(t, 3, int(f.sent.Load())-before, "%s: what was sent is what was counted: %v", transport, failed)
					require.Equal(t, client.Unknown, failed.Outcome, transport)
					require.NotErrorIs(t, failed, context.Canceled, transport)
					require.NotErrorIs(t, failed, client.ErrRedirect, transport)
				}
			})
		}
	}
}

// TestHTTP2_oneAttemptIsOneSending_withABody: the same for a call whose body could be sent again.
func TestHTTP2_oneAttemptIsOneSending_withABody(t *testing.T) {
	t.Parallel()
	for name, giveBack := range givenBack {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFrames(t, func(s stream, _ int) bool { return giveBack(s) })
			c := newClient(t, client.WithBaseURL(f.url), client.WithHTTPClient(f.transports(t)["net/http"]),
				client.WithRetry(client.RetryPolicy{BaseDelay: 1, MaxDelay: 1}))
			_, err := client.Do[struct{}](t.Context(), c, `{"first_name":"Sample"}`)
			failed, ok := errors.AsType[*client.Error](err)
			require.True(t, ok)
			require.Len(t, failed.Attempts, 3)
			require.EqualValues(t, 3, f.sent.Load(), "what was sent is what was counted: %v", failed)
			require.Equal(t, client.Unknown, failed.Outcome)
		})
	}
}

// TestHTTP2_repeatsUnderOneKey: what a server gave back is sent again by the client's own policy.
func TestHTTP2_repeatsUnderOneKey(t *testing.T) {
	t.Parallel()
	for name, giveBack := range givenBack {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFrames(t, func(s stream, number int) bool {
				if number == 1 {
					return giveBack(s)
				}
				s.answer(t)
				return true
			})
			c := newClient(t, client.WithBaseURL(f.url), client.WithHTTPClient(f.transports(t)["net/http"]), client.WithRetry(client.RetryPolicy{}))
			var response client.Response
			_, err := c.SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
			require.NoError(t, err)
			require.Len(t, response.Attempts, 2)
			require.EqualValues(t, 2, f.sent.Load())
		})
	}
}

// TestHTTP2_netHTTPSendsAgain: if this fails, Go does not send again any more, and what keeps it from that
// can go.
func TestHTTP2_netHTTPSendsAgain(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"RST_STREAM PROTOCOL_ERROR", "RST_STREAM REFUSED_STREAM", "GOAWAY of nothing, closed"} {
		f := newFrames(t, func(s stream, number int) bool {
			if number > 1 {
				s.answer(t)
				return true
			}
			return givenBack[name](s)
		})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url, nil)
		require.NoError(t, err)
		resp, err := f.transports(t)["net/http"].Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.EqualValues(t, 2, f.sent.Load())
	}
}

// TestHTTP2_connections: calls share one connection, also through a proxy, where a connection is asked for
// under two names.
func TestHTTP2_connections(t *testing.T) {
	t.Parallel()
	var tunnels atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "no tunnel", http.StatusMethodNotAllowed)
			return
		}
		tunnels.Add(1)
		upstream, err := net.Dial("tcp", r.Host)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer func() { _ = upstream.Close() }()
		w.WriteHeader(http.StatusOK)
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		var group sync.WaitGroup
		group.Go(func() {
			_, _ = io.Copy(upstream, buffered)
			_ = upstream.Close()
		})
		_, _ = io.Copy(conn, upstream)
		_ = conn.Close()
		group.Wait()
	}))
	t.Cleanup(proxy.Close)
	through, err := url.Parse(proxy.URL)
	require.NoError(t, err)

	for name, viaProxy := range map[string]bool{"direct": false, "proxy": true} {
		f := newFrames(t, func(s stream, number int) bool {
			if number == 3 {
				return givenBack["RST_STREAM REFUSED_STREAM"](s)
			}
			s.answer(t)
			return true
		})
		own := &http.Transport{TLSClientConfig: f.tls, ForceAttemptHTTP2: true}
		if viaProxy {
			own.Proxy = http.ProxyURL(through)
		}
		c := newClient(t, client.WithBaseURL(f.url), client.WithHTTPClient(&http.Client{Transport: own}))
		for number := 1; number <= 5; number++ {
			_, err := c.SubmitProduct(t.Context(), clientID, requestID)
			if number == 3 {
				require.Error(t, err)
				require.NotErrorIs(t, err, client.ErrRedirect)
				continue
			}
			require.NoError(t, err, "%s: call %d", name, number)
		}
		require.EqualValues(t, 5, f.sent.Load())
		require.EqualValues(t, 1, f.dials.Load(), name)
		c.CloseIdleConnections()
	}
	require.EqualValues(t, 1, tunnels.Load())
}

// TestHTTP2_lostConnection: a connection that was lost without a word is noticed, and the next attempt takes another one.
func TestHTTP2_lostConnection(t *testing.T) {
	t.Parallel()
	f := newFrames(t, func(s stream, number int) bool {
		if number == 2 {
			<-t.Context().Done() // nothing more is read of this connection, and nothing answered
			return false
		}
		s.answer(t)
		return true
	})
	c := newClient(t, client.WithBaseURL(f.url), client.WithRetry(client.RetryPolicy{}))
	own, ok := client.Transport(c).(*http.Transport)
	require.True(t, ok)
	own.TLSClientConfig = f.tls
	require.Less(t, own.HTTP2.SendPingTimeout+own.HTTP2.PingTimeout, 30*time.Second, "within an attempt")
	own.HTTP2.SendPingTimeout, own.HTTP2.PingTimeout = 100*time.Millisecond, 500*time.Millisecond
	for _, attempts := range []int{1, 2} {
		var response client.Response
		_, err := c.SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
		require.NoError(t, err)
		require.Len(t, response.Attempts, attempts)
	}
	require.EqualValues(t, 2, f.dials.Load())
}
