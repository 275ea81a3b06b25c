package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/client/internal/visible"
	"github.com/cryptomate-go/enablement/gen/api"
)

const (
	key       = "sk_canary_5f1c0b7e"
	clientID  = "4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG"
	requestID = "2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh"
	trace     = "4bf92f3577b34da6a3ce929d0e0e4736"
)

// seed is the response that the API documents.
func seed(tb testing.TB) string {
	tb.Helper()
	text, err := os.ReadFile("../gen/spec/testdata/seed.json")
	require.NoError(tb, err)
	return string(text)
}

// serve starts a server and returns a client of it.
func serve(tb testing.TB, handler http.HandlerFunc, opts ...client.Option) *client.Client {
	tb.Helper()
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	return newClient(tb, append([]client.Option{client.WithBaseURL(server.URL)}, opts...)...)
}

// newClient returns a client that sends every call once and at once, unless an option says otherwise:
// most tests are about a single attempt.
func newClient(tb testing.TB, opts ...client.Option) *client.Client {
	tb.Helper()
	c, err := client.New(key, append([]client.Option{once, client.WithoutRateGate()}, opts...)...)
	require.NoError(tb, err)
	tb.Cleanup(c.CloseIdleConnections)
	return c
}

// once repeats nothing.
var once = client.WithRetry(client.RetryPolicy{MaxAttempts: 1})

// answer is a handler that always answers the same.
func answer(status int, contentType, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// transport answers calls without a network.
type transport func(req *http.Request) (*http.Response, error)

func (f transport) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// failure makes sure that a call failed the way all calls do.
func failure(tb testing.TB, submission *api.EvaluatedProduct, err error) *client.Error {
	tb.Helper()
	require.Nil(tb, submission)
	require.Error(tb, err)
	failed, ok := errors.AsType[*client.Error](err)
	require.True(tb, ok, "%T is no *client.Error", err)
	require.NotContains(tb, err.Error(), "\n")
	requireNoKey(tb, err)
	return failed
}

func TestClient_SubmitProduct_sendsTheDocumentedRequest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, prefix string
		opts         []client.CallOption
		idempotency  string
	}{
		{name: "plain"},
		{name: "trailing slash", prefix: "/"},
		{name: "path prefix", prefix: "/proxy/v1"},
		{name: "path prefix and slash", prefix: "/proxy/v1/"},
		{
			name: "idempotency key", opts: []client.CallOption{client.WithIdempotencyKey("0b0c7a0e-6f0b")},
			idempotency: "0b0c7a0e-6f0b",
		},
		{
			name: "any visible character", opts: []client.CallOption{client.WithIdempotencyKey(`!"#$%&'()*+,-./0:;<=>?@A[\]^_{|}~%20`)},
			idempotency: `!"#$%&'()*+,-./0:;<=>?@A[\]^_{|}~%20`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got *http.Request
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || len(body) > 0 {
					http.Error(w, "there is a body", http.StatusTeapot)
					return
				}
				got = r
				answer(200, "application/json", seed(t))(w, r)
			}))
			defer server.Close()
			c := newClient(t, client.WithBaseURL(server.URL+tt.prefix))

			submission, err := c.SubmitProduct(t.Context(), clientID, requestID, tt.opts...)
			require.NoError(t, err)
			require.Equal(t, api.InKyc, submission.Product.Status)
			require.Equal(t, requestID, submission.Product.ID)
			require.Equal(t, "2026-04-16T09:20:00", submission.Product.UpdatedAt.String())

			require.Equal(t, http.MethodPost, got.Method)
			require.Equal(t, strings.TrimSuffix(tt.prefix, "/")+
				"/management/clients/individuals/"+clientID+"/products/"+requestID+"/submit", got.RequestURI)
			require.Equal(t, []string{key}, got.Header.Values("x-api-key"))
			require.Equal(t, []string{"enablement-go/" + client.Version}, got.Header.Values("User-Agent"))
			require.Equal(t, []string{"application/json"}, got.Header.Values("Accept"))
			require.Len(t, got.Header.Values("Idempotency-Key"), 1)
			if tt.idempotency == "" {
				require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, got.Header.Get("Idempotency-Key"))
			} else {
				require.Equal(t, tt.idempotency, got.Header.Get("Idempotency-Key"))
			}
			require.Empty(t, got.Header.Values("Content-Type"))
		})
	}
}

func TestNew_refusesKeys(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]string{
		"empty": "", "line break at the end": key + "\n", "carriage return": key + "\r", "space": "sk canary",
		"leading space": " " + key, "tab": "sk\tcanary", "null": "sk\x00canary", "delete": "sk\x7fcanary",
		"not ASCII": "sk_cänary", "not UTF-8": "sk_\xffcanary",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := client.New(bad)
			require.Nil(t, c)
			require.ErrorContains(t, err, "client: the API key")
			require.NotContains(t, err.Error(), "nary")
		})
	}
}

func TestWithBaseURL(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		client.Production, client.Sandbox, "https://gateway.example/cryptomate", "HTTPS://gateway.example:8443/",
		"http://localhost:8080", "http://LOCALHOST", "http://127.0.0.1:1234/prefix", "http://127.8.9.1", "http://[::1]:80",
	} {
		_, err := client.New(key, client.WithBaseURL(good))
		require.NoError(t, err, good)
	}
	for _, tt := range []struct{ bad, want string }{
		{"", "not an absolute URL"},
		{"api.cryptomate.me", "not an absolute URL"},
		{"/management", "not an absolute URL"},
		{"https://", "not an absolute URL"},
		{"https:///path", "not an absolute URL"},
		{"https://:8443", "not an absolute URL"},
		{"https:api.cryptomate.me", "not an absolute URL"},
		{"https://api.cryptomate.me:hunter2", "not an absolute URL"},
		{"https://api.cryptomate.me/%zz", "not an absolute URL"},
		{"https://user:hunter2 @api.cryptomate.me", "not an absolute URL"},
		{" https://api.cryptomate.me", "not an absolute URL"},
		{"https://api.cryptomate.me\n", "not an absolute URL"},
		{"https://user:hunter2@api.cryptomate.me", "user and password"},
		{"https://user@api.cryptomate.me", "user and password"},
		{"https://api.cryptomate.me?v=1", "a query or a fragment"},
		{"https://api.cryptomate.me/?", "a query or a fragment"},
		{"https://api.cryptomate.me/#top", "a query or a fragment"},
		{"https://api.cryptomate.me/#", "a query or a fragment"},
		{"http://api.cryptomate.me", "use https"},
		{"http://localhost.evil.example", "use https"},
		{"http://127.0.0.1.evil.example", "use https"},
		{"http://0.0.0.0", "use https"},
		{"http://10.0.0.1", "use https"},
		{"ftp://localhost", `the scheme is "ftp"`},
	} {
		c, err := client.New(key, client.WithBaseURL(tt.bad))
		require.Nil(t, c, tt.bad)
		require.ErrorContains(t, err, "client: WithBaseURL: ", tt.bad)
		require.ErrorContains(t, err, tt.want, tt.bad)
		require.NotContains(t, err.Error(), "hunter2", tt.bad)
	}
}

func TestNew_callsProductionByDefault(t *testing.T) {
	t.Parallel()
	var host string
	c := newClient(t, client.WithHTTPClient(&http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
		host = req.URL.Scheme + "://" + req.URL.Host
		return nil, errors.New("no network")
	})}))
	failed := callFails(t, c)
	require.Equal(t, client.Production, host)
	require.Zero(t, failed.StatusCode)
	require.EqualError(t, failed, `submit product: Post "https://api.cryptomate.me/management/clients/individuals/`+
		clientID+`/products/`+requestID+`/submit": no network`)
}

// callFails makes a call that must fail.
func callFails(tb testing.TB, c *client.Client) *client.Error {
	tb.Helper()
	submission, err := c.SubmitProduct(tb.Context(), clientID, requestID)
	return failure(tb, submission, err)
}

func TestWithHTTPClient(t *testing.T) {
	t.Parallel()
	_, err := client.New(key, client.WithHTTPClient(nil))
	require.ErrorContains(t, err, "client: WithHTTPClient: ")

	follow := errors.New("the caller's own")
	callers := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return follow }}
	c := serve(t, answer(307, "text/plain", "", "Location", "/elsewhere"), client.WithHTTPClient(callers))
	require.ErrorIs(t, callFails(t, c), client.ErrRedirect)

	require.Same(t, follow, callers.CheckRedirect(nil, nil), "the caller's client was changed")
	require.Nil(t, callers.Transport)
	require.Zero(t, callers.Timeout)
}

func TestNew_hasATransportOfItsOwn(t *testing.T) {
	t.Parallel()
	own := client.Transport(newClient(t))
	require.IsType(t, new(http.Transport), own)
	require.NotSame(t, http.DefaultTransport, own)
}

func TestClient_SubmitProduct_followsNoRedirect(t *testing.T) {
	t.Parallel()
	for _, status := range []int{300, 301, 302, 303, 304, 307, 308} {
		for name, opts := range map[string][]client.Option{
			"default client":  nil,
			"caller's client": {client.WithHTTPClient(&http.Client{})},
		} {
			t.Run(http.StatusText(status)+" "+name, func(t *testing.T) {
				t.Parallel()
				var reached atomic.Int32
				var seen atomic.Pointer[string]
				target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					reached.Add(1)
					sent := r.Header.Get("x-api-key")
					seen.Store(&sent)
					answer(200, "application/json", seed(t))(w, r)
				}))
				defer target.Close()
				c := serve(t, answer(status, "application/json", "", "Location", target.URL), opts...)

				failed := callFails(t, c)
				require.Equal(t, status, failed.StatusCode)
				require.ErrorIs(t, failed, client.ErrRedirect)
				require.NotErrorIs(t, failed, client.ErrServer)
				require.Zero(t, reached.Load(), "the redirect was followed")
				require.Nil(t, seen.Load(), "the key went to the redirect's target")
			})
		}
	}
}

// TestClient_SubmitProduct_redirectsSayWhereTo: the host, and nothing else that may hold a secret.
func TestClient_SubmitProduct_redirectsSayWhereTo(t *testing.T) {
	t.Parallel()
	const unreadable = "an address that can't be read"
	for location, host := range map[string]string{
		"https://elsewhere.example/a?b=c#d":         "elsewhere.example",
		"https://elsewhere.example:8443":            "elsewhere.example:8443",
		"//elsewhere.example/a":                     "elsewhere.example",
		"https://user:hunter2@elsewhere.example/a":  "elsewhere.example",
		"https://[::1]:8443/a":                      "[::1]:8443",
		"https://els\u202eewhere.example/hunter2":   "els ewhere.example",
		"https://" + key + ".example/":              "[redacted].example",
		"https://%zz/hunter2":                       unreadable,
		"https://e x/hunter2":                       unreadable,
		"mailto:hunter2@elsewhere.example":          unreadable,
		"https://" + strings.Repeat("a", 300) + "/": unreadable,
	} {
		failed := callFails(t, serve(t, answer(308, "text/html", "", "Location", location)))
		require.ErrorIs(t, failed, client.ErrRedirect)
		require.EqualError(t, failed, "submit product: 308: redirected to "+host+", which is not followed; check the base URL")
		require.Equal(t, "status 308 is final", failed.Attempts[0].Reason)
		require.NotContains(t, prints(t, failed), "hunter2")
	}

	// To another path, so to the host that was called.
	var host string
	failed := callFails(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		host = r.Host
		answer(302, "application/json", `{"message":"a warning"}`, "Location", "/login?next=hunter2")(w, r)
	}))
	require.EqualError(t, failed, "submit product: 302: redirected to "+host+", which is not followed; check the base URL: a warning")

	// Where the rest of the response does not come, the host is told all the same, and nothing of how it was kept.
	var response client.Response
	c := serve(t, answer(302, "text/html", "cut", "Location", "https://elsewhere.example/hunter2", "Content-Length", "100"))
	_, err := c.SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
	require.EqualError(t, err, "submit product: 302: redirected to elsewhere.example, which is not followed; check the base URL: unexpected EOF")
	require.NotContains(t, response.Header, "redirect-host")

	// A server can't write the header that the host is kept in.
	failed = callFails(t, serve(t, answer(302, "application/json", `{"message":"a warning"}`, "redirect-host", "hunter2")))
	require.EqualError(t, failed, "submit product: 302: a warning")
}

// TestClient_SubmitProduct_errorsAreVisible: what a server or a transport says shows nothing that plays
// with a terminal.
func TestClient_SubmitProduct_errorsAreVisible(t *testing.T) {
	t.Parallel()
	const odd = "a\u202eb\u2066c\u200fd\u061ce\u200bf\u2028g\u2029h\u009b31mi\ufeffj\x1b[31mk\u00adl"
	const shown = "a b c d e f g h 31mi j [31mk l"
	inJSON, err := json.Marshal(odd)
	require.NoError(t, err)
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"server":     says(401, `{"code":`+string(inJSON)+`,"message":`+string(inJSON)+`,"trace_id":`+string(inJSON)+`}`),
		"raw bytes":  says(401, `{"message":"`+"\u202e\x9b31m\xff"+`"}`),
		"header":     says(401, "", "X-Trace-Id", odd),
		"transport":  breaks(errors.New(odd)),
		"redirect":   says(307, "", "Location", "https://els\u202eewhere.example"),
		"media type": says(200, "{}", "Content-Type", odd),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s sinks
			c := playing(t, &played{lines: []func(*http.Request) (*http.Response, error){answer}}, append(s.options(), once)...)
			failed := callFails(t, c)
			texts := []string{failed.Error(), failed.Attempts[0].Cause, failed.Attempts[0].Reason, failed.TraceID, string(failed.Code), strings.TrimSpace(s.log.String())}
			for _, text := range texts {
				require.Equal(t, visible.Line(text), text)
			}
			if name == "server" {
				require.EqualError(t, failed, "submit product: 401 "+shown+": "+shown+" (trace "+shown+")")
			}
		})
	}
}

func TestWithResponse_traceIDIsVisible(t *testing.T) {
	t.Parallel()
	c := playing(t, &played{lines: []func(*http.Request) (*http.Response, error){says(200, seed(t), "X-Trace-Id", "a\u202eb\u009b31m")}})
	var response client.Response
	_, err := c.SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
	require.NoError(t, err)
	require.Equal(t, "a b 31m", response.TraceID)
}

func TestClient_SubmitProduct_refusesInput(t *testing.T) {
	t.Parallel()
	var sent atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent.Add(1)
		answer(200, "application/json", seed(t))(w, r)
	})
	refused := func(want string, clientID, requestID string, opts ...client.CallOption) {
		t.Helper()
		submission, err := c.SubmitProduct(t.Context(), clientID, requestID, opts...)
		failed := failure(t, submission, err)
		require.ErrorIs(t, failed, client.ErrInvalidInput)
		require.NotErrorIs(t, failed, client.ErrBadRequest)
		require.Zero(t, failed.StatusCode)
		require.ErrorContains(t, failed, "submit product: invalid input: "+want)
	}
	for _, bad := range []string{
		"", ".", "..", "../x", "a/b", `a\b`, "a b", " a", "a\n", "a\x00", "a%2Fb", "a?b", "a#b", "a;b", "a.b", "a@b", "ä", "a\xff",
		strings.Repeat("a", 65), key + ".", "Ａ", "٣",
	} {
		refused("clientID ", bad, requestID)
		refused("productRequestID ", clientID, bad)
	}
	for _, bad := range []string{"", strings.Repeat("k", 256), "a b", "a\nX-Evil: 1", "a\x7f", "ä"} {
		refused("WithIdempotencyKey: the key must be ", clientID, requestID, client.WithIdempotencyKey(bad))
	}
	require.Zero(t, sent.Load(), "something was sent")
}

func TestClient_SubmitProduct_takesAnyDocumentedInput(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "-", "_", "client_0b0c7a0e-6f0b-4f3c-9d5e-0f6b6a1f2f11", strings.Repeat("Z9", 32)} {
		c := serve(t, answer(200, "application/json", strings.NewReplacer(clientID, good, requestID, good).Replace(seed(t))))
		submission, err := c.SubmitProduct(t.Context(), good, good, client.WithIdempotencyKey(strings.Repeat("~", 255)))
		require.NoError(t, err)
		require.Equal(t, good, submission.Product.ClientID)
	}
}

func TestClient_SubmitProduct_contextEnds(t *testing.T) {
	t.Parallel()
	cause := errors.New("shutting down")
	t.Run("before the response", func(t *testing.T) {
		t.Parallel()
		arrived := make(chan struct{})
		c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			close(arrived)
			<-r.Context().Done()
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			<-arrived
			cancel(cause)
		}()
		submission, err := c.SubmitProduct(ctx, clientID, requestID)
		failed := failure(t, submission, err)
		require.ErrorIs(t, failed, context.Canceled)
		require.ErrorIs(t, failed, cause)
		require.Zero(t, failed.StatusCode)
	})
	for _, status := range []int{200, 500} {
		t.Run("within the response, "+http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				answer(status, "application/json", `{"product":`)(w, r)
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}, client.WithHTTPClient(&http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
				defer cancel(cause) // the header has come
				return http.DefaultTransport.RoundTrip(req)
			})}))
			submission, err := c.SubmitProduct(ctx, clientID, requestID)
			failed := failure(t, submission, err)
			require.Equal(t, status, failed.StatusCode)
			require.ErrorIs(t, failed, context.Canceled)
			require.ErrorIs(t, failed, cause)
			require.NotErrorIs(t, failed, client.ErrInvalidResponse)
		})
	}
	t.Run("after the response", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancelCause(t.Context())
		c := newClient(t, client.WithHTTPClient(&http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
			defer cancel(cause)
			return says(409, notPending)(req)
		})}))
		submission, err := c.SubmitProduct(ctx, clientID, requestID)
		failed := failure(t, submission, err)
		require.ErrorIs(t, failed, client.ErrNotPending)
		require.Equal(t, client.Refused, failed.Outcome)
		require.EqualError(t, failed, "submit product: 409 VAL: The enablement request is not pending documentation (trace "+trace+")")
	})
	t.Run("after a response that may pass", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancelCause(t.Context())
		c := newClient(t, client.WithRetry(client.RetryPolicy{}), client.WithHTTPClient(&http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
			defer cancel(cause)
			return says(503, "")(req)
		})}))
		submission, err := c.SubmitProduct(ctx, clientID, requestID)
		failed := failure(t, submission, err)
		require.ErrorIs(t, failed, client.ErrServer)
		require.ErrorIs(t, failed, context.Canceled)
		require.EqualError(t, failed, "submit product: 503: context canceled before the next attempt; the last one: Service Unavailable")
		require.Len(t, failed.Attempts, 1)
	})
	t.Run("deadline", func(t *testing.T) {
		t.Parallel()
		c := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		ctx, cancel := context.WithTimeout(t.Context(), 1)
		defer cancel()
		submission, err := c.SubmitProduct(ctx, clientID, requestID)
		require.ErrorIs(t, failure(t, submission, err), context.DeadlineExceeded)
	})
	t.Run("the HTTP client's timeout", func(t *testing.T) {
		t.Parallel()
		c := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			client.WithHTTPClient(&http.Client{Timeout: 1}))
		require.ErrorIs(t, callFails(t, c), context.DeadlineExceeded)
	})
}

func TestClient_SubmitProduct_nobodyListens(t *testing.T) {
	t.Parallel()
	failed := callFails(t, newClient(t, client.WithBaseURL("http://127.0.0.1:1")))
	require.Zero(t, failed.StatusCode)
	dial, ok := errors.AsType[*net.OpError](error(failed))
	require.True(t, ok)
	require.Equal(t, "dial", dial.Op)
}

// TestClient_SubmitProduct_connections: calls share one of HTTP/2, whatever is answered. One of HTTP/1 is for one call.
func TestClient_SubmitProduct_connections(t *testing.T) {
	t.Parallel()
	responses := []http.HandlerFunc{
		answer(200, "application/json", seed(t)),
		answer(200, "text/html", "<html>"),
		answer(307, "text/html", "moved", "Location", "https://elsewhere.example"),
		answer(409, "application/json", `{"code":"VAL"}`),
		answer(500, "text/plain", strings.Repeat("x", 16<<10)),
		answer(503, "application/json", ""),
	}
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		var calls, connections atomic.Int32
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Proto != name {
				http.Error(w, r.Proto, http.StatusTeapot)
				return
			}
			responses[int(calls.Add(1)-1)%len(responses)](w, r)
		}))
		server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Add(1)
			}
		}
		server.EnableHTTP2 = http2
		server.StartTLS()
		c := newClient(t, client.WithBaseURL(server.URL), client.WithHTTPClient(server.Client()))
		for range 2 * len(responses) {
			_, _ = c.SubmitProduct(t.Context(), clientID, requestID)
		}
		require.EqualValues(t, 2*len(responses), calls.Load())
		if http2 {
			require.EqualValues(t, 1, connections.Load())
		} else {
			require.Equal(t, calls.Load(), connections.Load())
		}
		server.Close()
	}
}
