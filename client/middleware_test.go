package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
)

// noting is middleware that notes what passes it.
func noting(notes *[]string, name string) client.AnyOption {
	return client.WithMiddleware(func(next client.RoundTripperFunc) client.RoundTripperFunc {
		*notes = append(*notes, name+" made")
		return func(req *http.Request) (*http.Response, error) {
			*notes = append(*notes, name+" "+req.Method)
			resp, err := next(req)
			*notes = append(*notes, name+" "+resp.Status)
			return resp, err
		}
	})
}

// TestWithMiddleware: every attempt passes the middleware, that of the call around that of the client.
func TestWithMiddleware(t *testing.T) {
	t.Parallel()
	var notes []string
	status := func(code int, body string) func(*http.Request) (*http.Response, error) {
		return func(req *http.Request) (*http.Response, error) {
			resp, err := says(code, body)(req)
			resp.Status = fmt.Sprint(code)
			return resp, err
		}
	}
	p := &played{lines: []func(*http.Request) (*http.Response, error){status(503, ""), status(200, seed(t))}}
	c := playing(t, p, client.WithRetry(client.RetryPolicy{BaseDelay: 1, MaxDelay: 1}), noting(&notes, "first"), noting(&notes, "second"))
	require.Equal(t, []string{"second made", "first made"}, notes)
	notes = nil
	_, err := c.SubmitProduct(t.Context(), clientID, requestID, noting(&notes, "call"))
	require.NoError(t, err)
	attempt := func(status string) []string {
		return []string{"call POST", "first POST", "second POST", "second " + status, "first " + status, "call " + status}
	}
	require.Equal(t, append(append([]string{"call made"}, attempt("503")...), attempt("200")...), notes)

	notes = nil
	_, err = c.SubmitProduct(t.Context(), clientID, requestID)
	require.NoError(t, err)
	require.Equal(t, []string{"first POST", "second POST", "second 200", "first 200"}, notes, "that of another call is gone")

	_, err = client.New(key, client.WithMiddleware(nil))
	require.ErrorContains(t, err, "client: WithMiddleware: the function is nil")
	_, err = c.SubmitProduct(t.Context(), clientID, requestID, client.WithMiddleware(nil))
	require.ErrorIs(t, err, client.ErrInvalidInput)
}

// TestWithMiddleware_sees: middleware sees the call as it is sent, and can change it, but has the key only if it asks.
func TestWithMiddleware_sees(t *testing.T) {
	t.Parallel()
	var sent http.Header
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent = r.Header
		answer(200, "application/json", seed(t), "X-Trace-Id", trace)(w, r)
	}, client.WithMiddleware(func(next client.RoundTripperFunc) client.RoundTripperFunc {
		return func(req *http.Request) (*http.Response, error) {
			requireNoKey(t, req)
			requireNoKey(t, req.Header)
			requireNoKey(t, req.Context())
			require.Equal(t, key, client.APIKey(req))
			require.Equal(t, "of-the-call", req.Header.Get("Idempotency-Key"))
			require.Equal(t, "gateway", req.Header.Get("X-Gateway"))
			req.Header.Set("X-Signature", "signed")
			req.Header.Set("x-api-key", "another one")
			resp, err := next(req)
			require.NoError(t, err)
			require.Equal(t, trace, resp.Header.Get("X-Trace-Id"))
			requireNoKey(t, resp)
			require.Same(t, req, resp.Request)
			return resp, err
		}
	}))
	_, err := c.SubmitProduct(t.Context(), clientID, requestID, client.WithIdempotencyKey("of-the-call"), client.WithHeader("X-Gateway", "gateway"))
	require.NoError(t, err)
	require.Equal(t, []string{key}, sent.Values("X-Api-Key"), "it is the client's")
	require.Equal(t, []string{"of-the-call"}, sent.Values("Idempotency-Key"))
	require.Equal(t, "signed", sent.Get("X-Signature"))

	other, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://elsewhere.example", nil)
	require.NoError(t, err)
	require.Empty(t, client.APIKey(other))
}

// TestWithMiddleware_traces: what traces the headers that net/http writes, as OpenTelemetry's otelhttptrace, is not told the
// key, over HTTP/1 and HTTP/2.
func TestWithMiddleware_traces(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		server := httptest.NewUnstartedServer(answer(200, mediaType, seed(t)))
		server.EnableHTTP2 = http2
		server.StartTLS()
		t.Cleanup(server.Close)
		wrote := make(map[string]string)
		tracing := func(ctx context.Context) context.Context {
			return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaderField: func(name string, values []string) {
				wrote[strings.ToLower(name)] += strings.Join(values, "; ") + " "
			}})
		}
		c := newClient(t, client.WithBaseURL(server.URL), client.WithHTTPClient(server.Client()), client.WithMiddleware(func(next client.RoundTripperFunc) client.RoundTripperFunc {
			return func(req *http.Request) (*http.Response, error) { return next(req.WithContext(tracing(req.Context()))) }
		}))
		_, err := c.SubmitProduct(tracing(t.Context()), clientID, requestID)
		require.NoError(t, err)
		require.Equal(t, "[redacted] [redacted] ", wrote["x-api-key"])
		require.Equal(t, "application/json application/json ", wrote["accept"])
	}
}

// TestWithMiddleware_doesNotPileUp: what an attempt changed in the header is not in the next one's.
func TestWithMiddleware_doesNotPileUp(t *testing.T) {
	t.Parallel()
	var sent [][]string
	p := &played{lines: []func(*http.Request) (*http.Response, error){func(req *http.Request) (*http.Response, error) {
		sent = append(sent, req.Header.Values("X-Added"))
		return says(503, "")(req)
	}}}
	c := playing(t, p, client.WithRetry(client.RetryPolicy{BaseDelay: 1, MaxDelay: 1}), client.WithMiddleware(func(next client.RoundTripperFunc) client.RoundTripperFunc {
		return func(req *http.Request) (*http.Response, error) {
			req.Header.Add("X-Added", "once")
			return next(req)
		}
	}))
	_, err := c.SubmitProduct(t.Context(), clientID, requestID)
	require.ErrorIs(t, err, client.ErrServer)
	require.Equal(t, [][]string{{"once"}, {"once"}, {"once"}}, sent)
}

// TestWithHTTPClient_cookies: nor does a cookie that the jar adds to every attempt.
func TestWithHTTPClient_cookies(t *testing.T) {
	t.Parallel()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	var sent [][]string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent = append(sent, r.Header.Values("Cookie"))
		answer(503, "text/plain", "", "Set-Cookie", "route=1")(w, r)
	}, client.WithHTTPClient(&http.Client{Jar: jar}), client.WithRetry(client.RetryPolicy{BaseDelay: 1, MaxDelay: 1}))
	_, err = c.SubmitProduct(t.Context(), clientID, requestID)
	require.ErrorIs(t, err, client.ErrServer)
	require.Equal(t, [][]string{nil, {"route=1"}, {"route=1"}}, sent)
}

// TestWithMiddleware_answers: middleware may answer in the server's place, or fail; one that sends twice is stopped.
func TestWithMiddleware_answers(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		answer(200, "application/json", seed(t))(w, r)
	})
	instead := func(f client.RoundTripperFunc) client.AnyOption {
		return client.WithMiddleware(func(client.RoundTripperFunc) client.RoundTripperFunc { return f })
	}
	_, err := c.SubmitProduct(t.Context(), clientID, requestID, instead(says(200, seed(t))))
	require.NoError(t, err)
	mine := errors.New("circuit breaker is open")
	_, err = c.SubmitProduct(t.Context(), clientID, requestID, instead(breaks(mine)))
	require.ErrorIs(t, err, mine)
	require.Zero(t, calls.Load())

	_, err = c.SubmitProduct(t.Context(), clientID, requestID, client.WithMiddleware(func(next client.RoundTripperFunc) client.RoundTripperFunc {
		return func(req *http.Request) (*http.Response, error) {
			resp, err := next(req)
			require.NoError(t, err)
			_, _ = io.Copy(io.Discard, resp.Body)
			require.NoError(t, resp.Body.Close())
			return next(req)
		}
	}))
	require.ErrorContains(t, err, "the transport was about to send the call again by itself, and was stopped")
	require.EqualValues(t, 1, calls.Load())
}

// TestWithMiddleware_callsOthers: what middleware sends elsewhere, with the call's context, is not the call.
func TestWithMiddleware_callsOthers(t *testing.T) {
	t.Parallel()
	var seen http.Header
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header
		_, _ = io.WriteString(w, "token")
	}))
	t.Cleanup(tokens.Close)
	c := serve(t, answer(200, "application/json", seed(t)), client.WithMiddleware(func(next client.RoundTripperFunc) client.RoundTripperFunc {
		return func(req *http.Request) (*http.Response, error) {
			ask, err := http.NewRequestWithContext(req.Context(), http.MethodGet, tokens.URL, nil)
			require.NoError(t, err)
			resp, err := tokens.Client().Do(ask)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			return next(req)
		}
	}))
	_, err := c.SubmitProduct(t.Context(), clientID, requestID)
	require.NoError(t, err)
	require.Empty(t, seen.Values("X-Api-Key"))
}

func TestWithResponse_header(t *testing.T) {
	t.Parallel()
	c := serve(t, answer(200, "application/json", seed(t), "X-Quota-Left", "14", "X-Echo", "key="+key))
	var response client.Response
	_, err := c.SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
	require.NoError(t, err)
	require.Equal(t, 200, response.StatusCode)
	require.Equal(t, "14", response.Header.Get("X-Quota-Left"))
	require.Equal(t, "key=[redacted]", response.Header.Get("X-Echo"))

	c = serve(t, answer(307, "text/plain", "", "Location", "https://elsewhere.example/"+key, "X-Quota-Left", "13"))
	_, err = c.SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
	require.ErrorIs(t, err, client.ErrRedirect)
	require.Equal(t, "13", response.Header.Get("X-Quota-Left"))
	require.Empty(t, response.Header.Get("Location"))

	c = playing(t, &played{lines: []func(*http.Request) (*http.Response, error){breaks(context.Canceled)}}, once)
	_, err = c.SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
	require.Error(t, err)
	require.Zero(t, response.StatusCode)
	require.Nil(t, response.Header)
}

func ExampleWithMiddleware() {
	server := play(nil, 503)
	defer server.Close()
	logged := client.WithMiddleware(func(next client.RoundTripperFunc) client.RoundTripperFunc {
		return func(req *http.Request) (*http.Response, error) {
			resp, err := next(req)
			if err == nil {
				fmt.Println(req.Method, req.URL.Path[strings.LastIndex(req.URL.Path, "/"):], resp.StatusCode)
			}
			return resp, err
		}
	})
	try([]client.Option{client.WithBaseURL(server.URL), logged})
	// Output:
	// POST /submit 503
	// POST /submit 200
	// in_kyc
}
