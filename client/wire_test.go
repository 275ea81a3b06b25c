package client_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
)

// TestRequest holds what is sent against what the generated builder makes for the same base URL.
func TestRequest(t *testing.T) {
	t.Parallel()
	for _, base := range []string{
		"https://api.cryptomate.me", "https://api.cryptomate.me/", "http://127.0.0.1:8080", "https://gateway.example/a/b",
		"https://gateway.example/a/b/", "https://gateway.example/a%2Fb", "https://gateway.example/a%2Fb/", "https://gateway.example/a b",
		"https://gateway.example/a/../b", "https://[::1]:8443/x",
	} {
		idempotencyKey := "0b0c7a0e-6f0b"
		var got *http.Request
		c := newClient(t, client.WithBaseURL(base), client.WithHTTPClient(&http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
			got = req
			return says(200, seed(t))(req)
		})}))
		_, err := c.SubmitProduct(t.Context(), clientID, requestID, client.WithIdempotencyKey(idempotencyKey))
		require.NoError(t, err)
		want, err := api.NewSubmitProductRequest(strings.TrimSuffix(base, "/")+"/", clientID, requestID, &api.SubmitProductParams{IdempotencyKey: &idempotencyKey})
		require.NoError(t, err)
		require.Equal(t, want.URL.String(), got.URL.String(), base)
		require.Equal(t, want.Method, got.Method)
		require.Equal(t, want.Host, got.Host)
		require.Equal(t, want.Header.Get("Idempotency-Key"), idempotencyKeyOf(got))
		require.Empty(t, got.Header.Values("Idempotency-Key"), "under a spelling that net/http resends by")
		require.Zero(t, got.ContentLength)
	}
}

// idempotencyKeyOf finds the header under whatever spelling it is sent.
func idempotencyKeyOf(req *http.Request) string {
	var found []string
	for name, values := range req.Header {
		if strings.EqualFold(name, "Idempotency-Key") {
			found = append(found, values...)
		}
	}
	return strings.Join(found, "+")
}

// listen serves connections one after the other with serve, and returns the address.
func listen(t *testing.T, serve func(conn net.Conn, number int)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for number := 1; ; number++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			serve(conn, number)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return "http://" + listener.Addr().String()
}

// read reads one request, and tells whether there was one.
func read(reader *bufio.Reader) bool {
	_, err := http.ReadRequest(reader)
	return err == nil
}

func write(conn net.Conn, body string) {
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ")
	_, _ = io.WriteString(conn, strconv.Itoa(len(body))+"\r\n\r\n"+body)
}

// TestClient_SubmitProduct_isNotResentByTheTransport: on a kept connection that breaks after the
// request was read, net/http would send a POST with an Idempotency-Key again by itself. Every request
// that the server reads is one that the client counts.
func TestClient_SubmitProduct_isNotResentByTheTransport(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		attempts int
	}{{"one attempt", 1}, {"three attempts", 3}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			address := listen(t, func(conn net.Conn, number int) {
				reader := bufio.NewReader(conn)
				if number == 1 && read(reader) {
					write(conn, seed(t)) // and the connection is kept
				}
				if read(reader) { // and then closed without a response
					requests.Add(1)
				}
			})
			c := newClient(t, client.WithBaseURL(address))
			_, err := c.SubmitProduct(t.Context(), clientID, requestID)
			require.NoError(t, err)
			submission, err := c.SubmitProduct(t.Context(), clientID, requestID, client.WithAttempts(tt.attempts))
			failed := failure(t, submission, err)
			require.Len(t, failed.Attempts, tt.attempts)
			require.EqualValues(t, tt.attempts, requests.Load(), "what the server read is what was counted")
			require.Equal(t, client.Unknown, failed.Outcome)
		})
	}
	t.Run("net/http does so", func(t *testing.T) {
		t.Parallel()
		var requests atomic.Int32
		address := listen(t, func(conn net.Conn, number int) {
			reader := bufio.NewReader(conn)
			if number == 1 && read(reader) {
				write(conn, seed(t))
			}
			if read(reader) {
				requests.Add(1)
			}
		})
		c := &http.Client{Transport: new(http.Transport)}
		defer c.CloseIdleConnections()
		for range 2 {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, nil)
			require.NoError(t, err)
			req.Header.Set("Idempotency-Key", "x")
			if resp, err := c.Do(req); err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		}
		require.EqualValues(t, 2, requests.Load(), "if this fails, Go does not resend any more: the lower-case header can go")
	})
}

// mortal is a connection on which nothing can be written any more once it is dead, which nobody notices
// before.
type mortal struct {
	net.Conn
	dead *atomic.Bool
}

func (m mortal) Write(p []byte) (int, error) {
	if m.dead.Load() {
		return 0, syscall.EPIPE
	}
	return m.Conn.Write(p)
}

// TestClient_SubmitProduct_deadConnection: nothing of the call was written on the kept connection, so
// another one is taken, and it is one attempt.
func TestClient_SubmitProduct_deadConnection(t *testing.T) {
	t.Parallel()
	var dials, calls atomic.Int32
	var dead [2]atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		answer(200, "application/json", seed(t))(w, r)
	}))
	t.Cleanup(server.Close)
	shared := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return mortal{conn, &dead[dials.Add(1)-1]}, err
	}}
	t.Cleanup(shared.CloseIdleConnections)
	// Somebody else left the connection there.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	require.NoError(t, err)
	resp, err := (&http.Client{Transport: shared}).Do(req)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	dead[0].Store(true)

	var response client.Response
	_, err = newClient(t, client.WithBaseURL(server.URL), client.WithHTTPClient(&http.Client{Transport: shared})).
		SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
	require.NoError(t, err)
	require.Len(t, response.Attempts, 1)
	require.EqualValues(t, 2, dials.Load())
	require.EqualValues(t, 2, calls.Load())
}

// persistent is a transport that sends a call again by itself.
type persistent struct{ http.RoundTripper }

func (p persistent) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	for range 5 {
		if resp != nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		if resp, err = p.RoundTripper.RoundTrip(req.Clone(req.Context())); err == nil && resp.StatusCode < 500 {
			break
		}
	}
	return resp, err
}

func TestClient_SubmitProduct_refusesTransportsThatRepeat(t *testing.T) {
	t.Parallel()
	for name, respond := range map[string]http.HandlerFunc{
		"unavailable": answer(503, "application/json", "{}"),
		"closed":      func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 20 { // whether the connection is ready before the call is given up is a matter of luck
				var calls atomic.Int32
				real := new(http.Transport)
				c := serve(t, func(w http.ResponseWriter, r *http.Request) {
					calls.Add(1)
					respond(w, r)
				}, client.WithHTTPClient(&http.Client{Transport: persistent{real}}))
				failed := callFails(t, c)
				real.CloseIdleConnections()
				require.Equal(t, client.Unknown, failed.Outcome)
				require.NotErrorIs(t, failed, context.Canceled)
				require.EqualValues(t, 1, calls.Load())
			}
		})
	}
}

// TestClient_SubmitProduct_outcomes: what is certain is said, and no more.
func TestClient_SubmitProduct_outcomes(t *testing.T) {
	t.Parallel()
	overNetwork := func(t *testing.T, serve func(conn net.Conn, number int)) *client.Client {
		return newClient(t, client.WithBaseURL(listen(t, serve)), client.WithAttemptTimeout(200*time.Millisecond))
	}
	through := func(t *testing.T, transport http.RoundTripper, opts ...client.Option) *client.Client {
		return newClient(t, append(opts, client.WithHTTPClient(&http.Client{Transport: transport}))...)
	}
	dialFails := func(err error) *http.Transport {
		return &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, err }}
	}
	for _, tt := range []struct {
		name    string
		client  func(t *testing.T) *client.Client
		outcome client.Outcome
		reason  string
	}{
		{"nobody listens", func(t *testing.T) *client.Client {
			return newClient(t, client.WithBaseURL("http://127.0.0.1:1"))
		}, client.NotSent, "not sent"},
		{"no such host", func(t *testing.T) *client.Client {
			return through(t, dialFails(&net.DNSError{Err: "no such host", IsNotFound: true}))
		}, client.NotSent, "not sent"},
		{"dial hangs", func(t *testing.T) *client.Client {
			return through(t, &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}}, client.WithAttemptTimeout(200*time.Millisecond))
		}, client.NotSent, "not sent"},
		{"certificate", func(t *testing.T) *client.Client {
			server := httptest.NewTLSServer(nil)
			server.Config.ErrorLog = quiet
			t.Cleanup(server.Close)
			return newClient(t, client.WithBaseURL(server.URL))
		}, client.NotSent, "certificate"},
		{"TLS handshake breaks", func(t *testing.T) *client.Client {
			return newClient(t, client.WithBaseURL(strings.Replace(listen(t, func(net.Conn, int) {}), "http", "https", 1)))
		}, client.NotSent, "not sent"},
		{"no TLS", func(t *testing.T) *client.Client {
			return newClient(t, client.WithBaseURL(strings.Replace(listen(t, func(conn net.Conn, _ int) {
				_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			}), "http", "https", 1)))
		}, client.NotSent, "not sent"},
		{"closed after the dial", func(t *testing.T) *client.Client {
			return overNetwork(t, func(net.Conn, int) {})
		}, client.Unknown, "connection broke"},
		{"closed within the request", func(t *testing.T) *client.Client {
			return overNetwork(t, func(conn net.Conn, _ int) { _, _ = conn.Read(make([]byte, 20)) })
		}, client.Unknown, "connection broke"},
		{"closed after the request", func(t *testing.T) *client.Client {
			return overNetwork(t, func(conn net.Conn, _ int) { read(bufio.NewReader(conn)) })
		}, client.Unknown, "connection broke"},
		{"no response", func(t *testing.T) *client.Client {
			return overNetwork(t, func(conn net.Conn, _ int) { _, _ = io.Copy(io.Discard, conn) })
		}, client.Unknown, "attempt timeout"},
		{"closed within the response", func(t *testing.T) *client.Client {
			return overNetwork(t, func(conn net.Conn, _ int) {
				read(bufio.NewReader(conn))
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"product\":")
			})
		}, client.Unknown, "not intact"},
		{"hangs within the response", func(t *testing.T) *client.Client {
			return overNetwork(t, func(conn net.Conn, _ int) {
				read(bufio.NewReader(conn))
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"product\":")
				_, _ = io.Copy(io.Discard, conn)
			})
		}, client.Unknown, "not intact"},
		{"no HTTP", func(t *testing.T) *client.Client {
			return overNetwork(t, func(conn net.Conn, _ int) {
				read(bufio.NewReader(conn))
				_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH\r\n")
			})
		}, client.Unknown, "connection broke"},
		{"the settings for a proxy are wrong", func(t *testing.T) *client.Client {
			c := newClient(t)
			client.Transport(c).(*http.Transport).Proxy = func(*http.Request) (*url.URL, error) { return nil, errors.New("no address") }
			return c
		}, client.NotSent, "not sent"},
		{"middleware sets a header that can't be sent", func(t *testing.T) *client.Client {
			return newClient(t, before(func(req *http.Request) { req.Header.Set("X-Added", "a\nb") }))
		}, client.NotSent, "not sent"},
		// Transports that a caller brings along.
		{"middleware takes all the time", func(t *testing.T) *client.Client {
			return through(t, transport(func(*http.Request) (*http.Response, error) { panic("it was sent") }),
				before(func(req *http.Request) { <-req.Context().Done() }), client.WithAttemptTimeout(time.Millisecond))
		}, client.NotSent, "not sent"},
		{"middleware takes all the time, then it is sent again", func(t *testing.T) *client.Client {
			var sent bool
			tells := transport(func(*http.Request) (*http.Response, error) {
				require.False(t, sent)
				sent = true
				return nil, errors.New("it says")
			})
			return through(t, tells, client.WithMiddleware(func(next client.RoundTripperFunc) client.RoundTripperFunc {
				return func(req *http.Request) (*http.Response, error) {
					_, err := next(req)
					require.ErrorContains(t, err, "it says")
					<-req.Context().Done()
					return next(req)
				}
			}), client.WithAttemptTimeout(time.Millisecond))
		}, client.Unknown, "attempt timeout"},
		{"a transport that tells nothing", func(t *testing.T) *client.Client {
			return through(t, transport(func(*http.Request) (*http.Response, error) {
				return nil, &net.OpError{Op: "dial", Err: errors.New("it says")}
			}))
		}, client.Unknown, "connection broke"},
		{"a transport that sends first and fails to dial then", func(t *testing.T) *client.Client {
			server := httptest.NewServer(answer(200, "application/json", seed(t)))
			t.Cleanup(server.Close)
			real := new(http.Transport)
			t.Cleanup(real.CloseIdleConnections)
			return through(t, transport(func(req *http.Request) (*http.Response, error) {
				resp, err := real.RoundTrip(req)
				if err != nil {
					return nil, err
				}
				_ = resp.Body.Close()
				return nil, &net.OpError{Op: "dial", Err: errors.New("the other server")}
			}), client.WithBaseURL(server.URL))
		}, client.Unknown, "connection broke"},
		{"a wrapped transport that can't dial", func(t *testing.T) *client.Client {
			inner := dialFails(&net.OpError{Op: "dial", Err: errors.New("refused")})
			return through(t, transport(inner.RoundTrip))
		}, client.NotSent, "not sent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			failed := callFails(t, tt.client(t))
			require.Equal(t, tt.outcome, failed.Outcome, failed)
			require.Len(t, failed.Attempts, 1)
			require.Equal(t, tt.outcome, failed.Attempts[0].Outcome)
			require.Contains(t, failed.Attempts[0].Reason, tt.reason)
			require.Equal(t, tt.outcome == client.NotSent, strings.HasSuffix(failed.Error(), "; nothing was sent"), failed)
		})
	}

	for status, outcome := range map[int]client.Outcome{
		201: client.Unknown, 204: client.Unknown, 302: client.Unknown, 307: client.Unknown, 400: client.Refused, 401: client.Refused,
		403: client.Refused, 404: client.Refused, 408: client.Unknown, 412: client.Refused, 413: client.Refused, 422: client.Refused,
		429: client.Refused, 499: client.Unknown, 500: client.Unknown, 502: client.Unknown, 503: client.Unknown, 504: client.Unknown,
	} {
		require.Equal(t, outcome, callFails(t, serve(t, answer(status, "text/html", ""))).Outcome, status)
	}
	// A 409 refuses by its status. Under a key that nobody used before, nothing can be under way.
	for body, outcome := range map[string]client.Outcome{
		notPending:                           client.Refused,
		`{"code":"IDEMPOTENCY_MISMATCH"}`:    client.Refused,
		`{"code":"IDEMPOTENCY_IN_PROGRESS"}`: client.Unknown,
		`{"code":"IDEMPOTENCY_KEY_IN_USE"}`:  client.Unknown,
		`{"code":"NEW"}`:                     client.Refused,
		`<html>`:                             client.Refused,
		`{"code":"VA`:                        client.Refused,
		``:                                   client.Refused,
	} {
		require.Equal(t, outcome, callFails(t, serve(t, answer(409, "application/json", body))).Outcome, body)
	}
	require.Equal(t, client.Unknown, callFails(t, serve(t, answer(404, "application/json", seed(t)))).Outcome, "a success under another status")
	require.Equal(t, client.Unknown, (&client.Error{}).Outcome, "nothing is known of an error that says nothing")
}

// before is middleware that does something with each request first.
func before(does func(req *http.Request)) client.AnyOption {
	return client.WithMiddleware(func(next client.RoundTripperFunc) client.RoundTripperFunc {
		return func(req *http.Request) (*http.Response, error) {
			does(req)
			return next(req)
		}
	})
}

func TestOutcome_String(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[client.Outcome]string{
		client.Unknown: "unknown", client.NotSent: "not sent", client.Refused: "refused", 17: "unknown",
	} {
		require.Equal(t, want, outcome.String())
		text, err := outcome.MarshalText()
		require.NoError(t, err)
		require.Equal(t, want, string(text))
	}
}

// TestClient_SubmitProduct_throughAProxy: asking for a connection to a proxy is no sending.
func TestClient_SubmitProduct_throughAProxy(t *testing.T) {
	t.Parallel()
	proxy := httptest.NewServer(answer(200, "application/json", seed(t)))
	t.Cleanup(proxy.Close)
	through, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	inner := &http.Transport{Proxy: http.ProxyURL(through), TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	c := newClient(t, client.WithBaseURL("http://127.0.0.1:1"), client.WithHTTPClient(&http.Client{Transport: inner}))
	_, err = c.SubmitProduct(t.Context(), clientID, requestID)
	require.NoError(t, err)
}
