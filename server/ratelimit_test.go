package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server"
)

// clock is moved by hand.
type clock struct {
	mutex sync.Mutex
	now   time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 4, 15, 10, 30, 0, 0, time.UTC)} }

func (c *clock) read() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.now
}

func (c *clock) move(by time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.now = c.now.Add(by)
}

// companies knows the keys "key of <company>".
func companies(_ context.Context, key string, _ netip.Addr) (server.Principal, error) {
	var company string
	if _, err := fmt.Sscanf(key, "key of %s", &company); err != nil {
		return server.Principal{}, server.ErrInvalidKey
	}
	level := 3
	if company == "low" {
		level = 1
	}
	return server.Principal{CompanyID: company, AccessLevel: level}, nil
}

var discard = slog.New(slog.DiscardHandler)

// limited is a fixture under the documented limit, on a clock of its own.
type limited struct {
	fixture
	clock *clock
	asked *counter // the authenticator
}

func newLimited(t testing.TB, opts ...server.Option) limited {
	t.Helper()
	l := limited{clock: newClock(), asked: &counter{}}
	l.fixture = newFixture(t, works, append([]server.Option{
		authenticator(func(ctx context.Context, key string, from netip.Addr) (server.Principal, error) {
			l.asked.add()
			return companies(ctx, key, from)
		}),
		server.WithRateLimit(server.RateLimit{Clock: l.clock.read}),
	}, opts...)...)
	return l
}

func from(address, company string) *http.Request {
	r := request(http.MethodPost, goodPath)
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(address), 1234).String()
	r.Header.Set("X-Api-Key", "key of "+company)
	return r
}

func (l limited) passes(t testing.TB, times int, address, company string) {
	t.Helper()
	for n := range times {
		require.Equal(t, http.StatusOK, l.ask(t, from(address, company)).status, "call %d of %d", n+1, times)
	}
}

func (l limited) refuses(t testing.TB, seconds int, r *http.Request) {
	t.Helper()
	reached := l.calls.count()
	l.ask(t, r).isLimited(t, seconds)
	require.Equal(t, reached, l.calls.count())
}

func (a answer) isLimited(t testing.TB, seconds int) {
	t.Helper()
	require.Equal(t, http.StatusTooManyRequests, a.status)
	require.Equal(t, []string{strconv.Itoa(seconds)}, a.header.Values("Retry-After"))
	var body map[string]string
	require.NoError(t, json.Unmarshal(a.body, &body))
	require.Equal(t, map[string]string{
		"error_code": "TOO_MANY_REQUESTS",
		"code":       "TOO_MANY_REQUESTS",
		"message":    fmt.Sprintf("Rate limit exceeded. Retry after %d seconds", seconds),
		"trace_id":   a.traceID,
	}, body)
}

func TestWithRateLimit_RefusesWhatIsOutOfRange(t *testing.T) {
	t.Parallel()
	for want, limit := range map[string]server.RateLimit{
		"WithRateLimit: PerSecond: -1 ":           {PerSecond: -1},
		"WithRateLimit: FirstBlock: -1s ":         {FirstBlock: -time.Second},
		"WithRateLimit: LongestBlock: -1s ":       {LongestBlock: -time.Second},
		"WithRateLimit: CleanAfter: -1s ":         {CleanAfter: -time.Second},
		"WithRateLimit: MaxTracked: -1 ":          {MaxTracked: -1},
		"WithRateLimit: LongestBlock: 24h0m0.000": {LongestBlock: 24*time.Hour + 1},
		"WithRateLimit: FirstBlock: 1h0m0s is ":   {FirstBlock: time.Hour},
	} {
		h, err := server.Handler(submit(works), server.WithAuthenticator(server.AuthenticatorFunc(allow)), server.WithRateLimit(limit))
		require.ErrorContains(t, err, want)
		require.Nil(t, h)
	}
}

func TestWithRateLimit_RefusesADescriptionWithout429(t *testing.T) {
	t.Parallel()
	build := func(t *testing.T, opts ...server.Option) error {
		t.Helper()
		doc, err := spec.GetSpec()
		require.NoError(t, err)
		doc.Paths.Value(template).Post.Responses.Delete("429")
		_, err = server.HandlerOf(doc, submit(works), append(opts, server.WithAuthenticator(server.AuthenticatorFunc(allow)))...)
		return err
	}
	require.NoError(t, build(t))
	require.ErrorContains(t, build(t, server.WithRateLimit(server.RateLimit{})), "declares no response 429")
}

func TestWithoutRateLimitNothingIsLimited(t *testing.T) {
	t.Parallel()
	f := newFixture(t, works)
	for range 100 {
		require.Equal(t, http.StatusOK, f.ask(t, request(http.MethodPost, goodPath)).status)
	}
}

// The zero value is the documented limit, on the real clock.
func TestWithRateLimit_Defaults(t *testing.T) {
	t.Parallel()
	f := newFixture(t, works, server.WithRateLimit(server.RateLimit{FirstBlock: 5 * time.Minute}))
	for range 15 {
		require.Equal(t, http.StatusOK, f.ask(t, request(http.MethodPost, goodPath)).status)
	}
	f.ask(t, request(http.MethodPost, goodPath)).isLimited(t, 300)
}

func TestRateLimit_Ladder(t *testing.T) {
	t.Parallel()
	for name, who := range map[string]func(n int) *http.Request{
		"by address": func(n int) *http.Request { return from("192.0.2.1", fmt.Sprint("cmp_", n)) },
		"by company": func(n int) *http.Request { return from(fmt.Sprint("192.0.2.", n%256), "cmp_1") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, n := newLimited(t), 0
			next := func() *http.Request { n++; return who(n) }
			for _, seconds := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
				block := time.Duration(seconds) * time.Second
				for range 15 {
					require.Equal(t, http.StatusOK, l.ask(t, next()).status)
				}
				l.refuses(t, seconds, next())
				l.clock.move(1)
				l.refuses(t, seconds, next()) // rounded up
				l.clock.move(block - 1 - time.Nanosecond)
				l.refuses(t, 1, next())
				l.clock.move(1)
			}
			l.clock.move(time.Hour)
			for range 15 {
				require.Equal(t, http.StatusOK, l.ask(t, next()).status)
			}
			l.refuses(t, 1, next())
		})
	}
}

// Whoever does what Retry-After says is let in, to the nanosecond.
func TestRateLimit_RetryAfterIsEnough(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{0, 1, 400 * time.Millisecond, time.Second - 1, time.Second} {
		clock := newClock()
		l := newLimited(t, server.WithRateLimit(server.RateLimit{FirstBlock: 2500 * time.Millisecond, Clock: clock.read}))
		l.passes(t, 15, "192.0.2.1", "a")
		l.refuses(t, 3, from("192.0.2.1", "a"))
		clock.move(late)
		a := l.ask(t, from("192.0.2.1", "a"))
		require.Equal(t, http.StatusTooManyRequests, a.status)
		seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
		require.NoError(t, err)
		clock.move(time.Duration(seconds) * time.Second)
		l.passes(t, 15, "192.0.2.1", "a")
	}
}

func TestRateLimit_TheLimitsAreSeparate(t *testing.T) {
	t.Parallel()
	t.Run("an address blocks no other address", func(t *testing.T) {
		t.Parallel()
		l := newLimited(t)
		l.passes(t, 14, "192.0.2.1", "a")
		l.ask(t, from("192.0.2.1", "b"))
		l.refuses(t, 1, from("192.0.2.1", "a"))
		l.refuses(t, 1, from("192.0.2.1", "c")) // whose ever the key is
		l.passes(t, 1, "192.0.2.2", "a")        // which the refused calls left
		l.refuses(t, 1, from("192.0.2.2", "a"))
	})
	t.Run("a company blocks no other company", func(t *testing.T) {
		t.Parallel()
		l := newLimited(t)
		l.passes(t, 8, "192.0.2.1", "a")
		l.passes(t, 7, "192.0.2.2", "a")
		l.refuses(t, 1, from("192.0.2.3", "a"))
		l.passes(t, 7, "192.0.2.1", "b")
		l.passes(t, 8, "192.0.2.2", "b")
	})
	t.Run("each has its own ladder", func(t *testing.T) {
		t.Parallel()
		l := newLimited(t)
		l.passes(t, 15, "192.0.2.1", "a")
		l.refuses(t, 1, from("192.0.2.1", "a")) // the address's first
		l.refuses(t, 1, from("192.0.2.2", "a")) // the company's first
		l.clock.move(time.Second)
		l.passes(t, 15, "192.0.2.1", "b")
		l.refuses(t, 2, from("192.0.2.1", "b")) // the address's second
		l.refuses(t, 1, from("192.0.2.3", "b")) // the other company's first
	})
	t.Run("a refusal by company costs the address what a call costs", func(t *testing.T) {
		t.Parallel()
		l := newLimited(t)
		l.passes(t, 8, "192.0.2.1", "a")
		l.passes(t, 7, "192.0.2.2", "a")
		for range 15 {
			l.refuses(t, 1, from("192.0.2.3", "a"))
		}
		asked := l.asked.count()
		l.refuses(t, 1, from("192.0.2.3", "a")) // by address now
		require.Equal(t, asked, l.asked.count())
		l.clock.move(time.Second)
		l.passes(t, 15, "192.0.2.4", "a")
		l.refuses(t, 2, from("192.0.2.5", "a"))
	})
}

// What reaches no operation, and what has no good key, counts by address and by nothing else.
func TestRateLimit_CountsEveryCallByAddress(t *testing.T) {
	t.Parallel()
	good := func() *http.Request { return from("192.0.2.1", "a") }
	for name, bad := range map[string]struct {
		r      func() *http.Request
		status int
	}{
		"no such path": {func() *http.Request { r := good(); r.URL.Path = "/"; return r }, 404},
		"wrong method": {func() *http.Request { r := good(); r.Method = http.MethodGet; return r }, 405},
		"no key":       {func() *http.Request { r := good(); r.Header.Del("X-Api-Key"); return r }, 401},
		"a guess":      {func() *http.Request { r := good(); r.Header.Set("X-Api-Key", "guess"); return r }, 401},
		"low level":    {func() *http.Request { return from("192.0.2.1", "low") }, 401},
		"large body":   {func() *http.Request { r := good(); r.ContentLength = 1 << 30; return r }, 413},
		"bad request":  {func() *http.Request { r := good(); r.URL.RawQuery = "a=1"; return r }, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLimited(t)
			for range 15 {
				require.Equal(t, bad.status, l.ask(t, bad.r()).status)
			}
			asked := l.asked.count()
			l.refuses(t, 1, bad.r())
			l.refuses(t, 1, good())
			require.Equal(t, asked, l.asked.count())
			if bad.status != http.StatusBadRequest { // that one had a key
				l.passes(t, 15, "192.0.2.2", "a")
			}
			require.Empty(t, l.log.lines(t, "ERROR"))
		})
	}
}

func TestRateLimit_WhatOneCallerHas(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first, second string
		same          bool
	}{
		"one IPv4 address":        {"192.0.2.1:1", "192.0.2.1:2", true},
		"two IPv4 addresses":      {"192.0.2.1:1", "192.0.2.2:1", false},
		"IPv4 in its IPv6 form":   {"192.0.2.1:1", "[::ffff:192.0.2.1]:1", true},
		"two in their IPv6 form":  {"[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:1", false},
		"one /64":                 {"[2001:db8:0:1::1]:1", "[2001:db8:0:1:ffff:ffff:ffff:ffff]:1", true},
		"neighbouring /64s":       {"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", false},
		"zones":                   {"[fe80::1%eth0]:1", "[fe80::1%eth1]:1", true},
		"unknown":                 {"@", "", true},
		"unknown and unspecified": {"@", "[::]:1", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLimited(t)
			for n := range 16 {
				r := from("192.0.2.1", fmt.Sprint("cmp_", n))
				r.RemoteAddr = test.first
				l.ask(t, r)
			}
			r := from("192.0.2.1", "another")
			r.RemoteAddr = test.second
			require.Equal(t, test.same, l.ask(t, r).status == http.StatusTooManyRequests)
		})
	}
}

// Without a trusted proxy no header gets a caller a quota of his own.
func TestRateLimit_BehindProxies(t *testing.T) {
	t.Parallel()
	spoof := func(proxy string, n int) *http.Request {
		r := from(proxy, fmt.Sprint("cmp_", n))
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.100.%d, 203.0.113.7", n))
		r.Header.Set("Forwarded", fmt.Sprintf("for=198.51.100.%d", n))
		return r
	}
	for name, opts := range map[string][]server.Option{
		"not trusted": nil,
		"trusted":     {server.WithTrustedProxies(server.XForwardedFor, netip.MustParsePrefix("10.0.0.0/8"))},
	} {
		l := newLimited(t, opts...)
		for n := range 15 {
			require.Equal(t, http.StatusOK, l.ask(t, spoof("10.0.0.1", n)).status)
		}
		l.refuses(t, 1, spoof("10.0.0.1", 15))
		// The same client by another proxy, and another client by the same.
		require.Equal(t, name == "trusted", l.ask(t, spoof("10.0.0.2", 16)).status == http.StatusTooManyRequests)
		r := from("10.0.0.1", "another")
		r.Header.Set("X-Forwarded-For", "203.0.113.8")
		require.Equal(t, name == "trusted", l.ask(t, r).status == http.StatusOK)
	}
}

func TestRateLimit_HandlersShareNothing(t *testing.T) {
	t.Parallel()
	clock := newClock()
	option := server.WithRateLimit(server.RateLimit{PerSecond: 1, Clock: clock.read})
	one, other := newFixture(t, works, option), newFixture(t, works, option)
	require.Equal(t, http.StatusOK, one.ask(t, request(http.MethodPost, goodPath)).status)
	require.Equal(t, http.StatusOK, other.ask(t, request(http.MethodPost, goodPath)).status)
	one.ask(t, request(http.MethodPost, goodPath)).isLimited(t, 1)
}

func TestRateLimit_AnOperationWithoutSecurityIsLimitedByAddressOnly(t *testing.T) {
	t.Parallel()
	doc, err := spec.GetSpec()
	require.NoError(t, err)
	doc.Paths.Value(template).Post.Security = &openapi3.SecurityRequirements{}
	delete(doc.Paths.Value(template).Post.Extensions, "x-access-level")
	h, err := server.HandlerOf(doc, submit(works), authenticator(companies), server.WithLogger(discard),
		server.WithRateLimit(server.RateLimit{Clock: newClock().read}))
	require.NoError(t, err)
	f := fixture{Handler: h}
	for n := range 100 {
		require.Equal(t, http.StatusOK, f.ask(t, from(fmt.Sprint("192.0.2.", n), "a")).status)
	}
}

// A call that was refused by address is logged as any other, as nobody's.
func TestRateLimit_Log(t *testing.T) {
	t.Parallel()
	l := newLimited(t, server.WithRateLimit(server.RateLimit{PerSecond: 1, Clock: newClock().read}))
	l.passes(t, 1, "192.0.2.1", "a")
	l.refuses(t, 1, from("192.0.2.1", "a"))
	l.refuses(t, 1, from("192.0.2.2", "a"))
	lines := l.log.lines(t, "INFO")
	require.Len(t, lines, 3)
	require.Equal(t, 429.0, lines[1]["status"])
	require.NotContains(t, lines[1], "company_id")
	require.Equal(t, 429.0, lines[2]["status"])
	require.Equal(t, "a", lines[2]["company_id"])
	require.NotContains(t, l.log.String(), "192.0.2")
}

func TestRateLimit_AtOnce(t *testing.T) {
	t.Parallel()
	for name, who := range map[string]func(n int) *http.Request{
		"by address": func(n int) *http.Request { return from("192.0.2.1", fmt.Sprint("cmp_", n)) },
		"by company": func(n int) *http.Request { return from(fmt.Sprint("192.0.2.", n), "a") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLimited(t)
			var admitted, refused atomic.Int64
			var callers sync.WaitGroup
			start := make(chan struct{})
			for n := range 200 {
				callers.Go(func() {
					r, w := who(n), httptest.NewRecorder()
					<-start
					l.ServeHTTP(w, r)
					switch {
					case w.Code == http.StatusOK:
						admitted.Add(1)
					case w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") == "1":
						refused.Add(1)
					}
				})
			}
			close(start)
			callers.Wait()
			require.EqualValues(t, 15, admitted.Load())
			require.EqualValues(t, 185, refused.Load())
			require.Equal(t, 15, l.calls.count())
		})
	}
}

func ExampleWithRateLimit() {
	now := time.Date(2026, 4, 15, 10, 30, 0, 0, time.UTC)
	handler, err := server.Handler(service{},
		server.WithAuthenticator(server.AuthenticatorFunc(authenticate)),
		server.WithRateLimit(server.RateLimit{PerSecond: 2, Clock: func() time.Time { return now }}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		r := httptest.NewRequest(http.MethodPost, "/management/clients/individuals/client_1/products/request_1/submit", nil)
		r.Header.Set("x-api-key", "secret")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Printf("%d %q\n", w.Code, w.Header().Get("Retry-After"))
	}
	// Output:
	// 200 ""
	// 200 ""
	// 429 "1"
}

// What the limit adds to a call.
func BenchmarkRateLimit(b *testing.B) {
	for name, opts := range map[string][]server.Option{
		"unlimited": nil,
		"limited":   {server.WithRateLimit(server.RateLimit{PerSecond: 1 << 30})},
		"refused":   {server.WithRateLimit(server.RateLimit{PerSecond: 1, FirstBlock: time.Hour, LongestBlock: time.Hour})},
	} {
		b.Run(name, func(b *testing.B) {
			f := newFixture(b, works, append(opts, server.WithLogger(discard))...)
			b.ReportAllocs()
			for b.Loop() {
				r := request(http.MethodPost, goodPath)
				w := httptest.NewRecorder()
				f.ServeHTTP(w, r)
				_, _ = io.Copy(io.Discard, w.Body)
			}
		})
	}
}
