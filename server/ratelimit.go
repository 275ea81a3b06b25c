package server

import (
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/ratelimit"
)

// RateLimit has the settings of [WithRateLimit]. A field that is zero has its default, and the defaults are
// the limits that the API documents.
type RateLimit struct {
	// PerSecond is how many calls an address, and a company, may make within any second; 15 by default.
	// Each of these calls takes 8 bytes of memory.
	PerSecond int
	// FirstBlock is how long the first violation blocks; a second by default. Every further violation blocks
	// for twice as long as the one before.
	FirstBlock time.Duration
	// LongestBlock is the longest block; 5 minutes by default, at most a day.
	LongestBlock time.Duration
	// CleanAfter is the time without a violation after which the next one counts as the first again; an hour
	// by default.
	CleanAfter time.Duration
	// MaxTracked is how many addresses, and how many companies, are remembered at most; 100,000 by default,
	// which take about 30 MiB if all of them make 15 calls. One more replaces the one with the oldest
	// call. Those with a violation are kept, up to half of MaxTracked, so that calls from many addresses
	// can't end a block.
	MaxTracked int
	// Clock tells the time; [time.Now] by default. It must be safe for concurrent use.
	Clock func() time.Time
}

// WithRateLimit limits the rate of calls as the API documents it: 15 within a second from an address, and
// 15 within a second by a company. Without this option, nothing is limited.
//
// One call more is a violation. It blocks for 1 second the first time, then for 2, 4, 8 and so on up to 300
// seconds, until there was no violation for an hour. During a block, every call is a 429. Such a call
// uses no quota and doesn't make the block longer. Retry-After is exact, rounded up to whole seconds.
//
// The two limits are separate:
//
//   - The limit by address comes first. It counts every call that reaches the handler, also calls without
//     a valid key, so that guessing keys is slow, and calls to unknown paths. An IPv4 address is counted
//     by itself. IPv6 addresses are counted by their /64, as one caller has a whole /64. If addresses
//     are not known, as on a Unix socket, all calls count as from one address. Behind a proxy, use
//     [WithTrustedProxies]: without it, all callers share the quota of the proxy.
//   - The limit by company comes right after authentication. It counts only calls with a valid key, so
//     nobody else can use up the quota. [Principal.CompanyID] says which company it is.
//
// A call that a limit refuses uses no quota of this limit. A call that the limit by company refuses still
// counts for its address, because its key was looked up. Retry-After is that of the limit that refuses;
// the other limit may block, too.
//
// The counts are in the memory of the handler and end with the process. Behind a load balancer, each
// process counts by itself. To limit the sum, limit at the proxy, with a store that all share.
func WithRateLimit(limit RateLimit) Option {
	return func(s *settings) error {
		limits, err := newLimits(limit)
		if err != nil {
			return fmt.Errorf("WithRateLimit: %w", err)
		}
		s.limits = limits
		return nil
	}
}

// limits are the two ladders. The nil one lets everything pass.
type limits struct {
	addresses *ratelimit.Limiter[netip.Addr]
	companies *ratelimit.Limiter[string]
}

func newLimits(limit RateLimit) (*limits, error) {
	if limit.LongestBlock > longestRetryAfter {
		return nil, fmt.Errorf("LongestBlock: %s is longer than a Retry-After may be, %s", limit.LongestBlock, longestRetryAfter)
	}
	addresses, err := ratelimit.New[netip.Addr](ratelimit.Config(limit))
	if err != nil {
		return nil, err
	}
	companies, err := ratelimit.New[string](ratelimit.Config(limit))
	if err != nil {
		return nil, err
	}
	return &limits{addresses: addresses, companies: companies}, nil
}

func (l *limits) allowAddress(from netip.Addr) error {
	if l == nil {
		return nil
	}
	return refusal(l.addresses.Allow(oneCaller(from)))
}

func (l *limits) allowCompany(c *call) error {
	if l == nil || !c.authenticated {
		return nil
	}
	return refusal(l.companies.Allow(c.principal.CompanyID))
}

// oneCaller is the address that stands for all that one caller has.
func oneCaller(from netip.Addr) netip.Addr {
	if !from.Is6() {
		return from
	}
	network, _ := from.Prefix(64) // can't fail, and drops the zone
	return network.Addr()
}

func refusal(retryAfter time.Duration, ok bool) error {
	if ok {
		return nil
	}
	return &Error{Status: http.StatusTooManyRequests, Code: api.CodeTooManyRequests, RetryAfter: retryAfter}
}
