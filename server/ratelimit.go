package server

import (
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/ratelimit"
)

// RateLimit is how [WithRateLimit] limits. A field that is zero has its default, so that the zero
// value limits as the API documents.
type RateLimit struct {
	// PerSecond is how many calls an address, and a company, may make within a second, wherever
	// that second begins; 15 by default. An entry takes up to 8 bytes for each of them.
	PerSecond int
	// FirstBlock is how long the first violation blocks; a second by default. Every further one
	// blocks for twice as long as the one before.
	FirstBlock time.Duration
	// LongestBlock is where the doubling ends; 5 minutes by default, at most a day.
	LongestBlock time.Duration
	// CleanAfter is how long after the last violation the next one is a first one again; an
	// hour by default.
	CleanAfter time.Duration
	// MaxTracked is how many addresses, and how many companies, are remembered at most; 100,000
	// by default, which is about 30 MiB where all of them make 15 calls. Beyond it, who called
	// least recently is forgotten. Who has a violation is kept, up to half of MaxTracked, so
	// that calls from many addresses free nobody from a block.
	MaxTracked int
	// Clock tells the time; [time.Now] by default. It must be safe for concurrent use.
	Clock func() time.Time
}

// WithRateLimit refuses calls that are too many, as the API documents it: 15 within a second from
// an address, and 15 within a second by a company. Without it nothing is limited.
//
// Who makes one call more is blocked, for 1 second the first time, then 2, 4, 8 and so on up to
// 300, until there was no violation for an hour. During a block every call is a 429, uses no quota
// and doesn't make the block longer. Retry-After is exact, rounded up to whole seconds.
//
// The two limits are separate:
//
//   - The limit by address comes first, and counts every call that reaches the handler: those
//     without a valid key, so that guessing keys is slow, and those to no operation. An IPv4
//     address is counted by itself, IPv6 ones by their /64, since that is what one caller has.
//     Where addresses are not known, as on a Unix socket, all calls count as from one. Behind a
//     proxy, [WithTrustedProxies] is needed: without it all callers share the proxy's quota.
//   - The limit by company comes right after authentication, and counts only calls that passed it:
//     nobody uses up a company's quota without its key. Companies are told apart by
//     [Principal.CompanyID].
//
// A call that one limit refuses uses none of that limit's quota. What the limit by address refuses
// doesn't reach the other. What the limit by company refuses was a call from its address as any
// other is: it had its key looked up, and a key must not make that free of charge. It costs the
// address no more than if it had been let through. Retry-After is about the limit that refuses; the
// other one may have a block of its own.
//
// What is remembered is the handler's own, and is gone with the process. Behind a load balancer
// each process has its own quotas: limit at the proxy, with a store that all share, where the sum
// must hold.
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
