package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 4, 15, 10, 30, 0, 0, time.UTC)
	const longest = (1<<32 - 1) * time.Second
	for value, want := range map[string]time.Duration{
		"":                                  0,
		"0":                                 0,
		"7":                                 7 * time.Second,
		" 7 ":                               7 * time.Second,
		"1.5":                               1500 * time.Millisecond,
		"3.2":                               3200 * time.Millisecond,
		"0.0001":                            time.Millisecond,
		"4294967296":                        longest,
		"99999999999":                       longest,
		"99999999999999999999999999":        longest,
		"-1":                                0,
		"soon":                              0,
		"1e3":                               0,
		"inf":                               0,
		"NaN":                               0,
		"0x10":                              0,
		"1.2.3":                             0,
		".":                                 0,
		"Wed, 15 Apr 2026 10:30:07 GMT":     7 * time.Second,
		"Wed, 15 Apr 2026 10:30:07 UTC":     7 * time.Second,
		"Wed, 15 Apr 2026 12:30:07 +0200":   7 * time.Second,
		"15 Apr 2026 10:30:07 GMT":          7 * time.Second,
		"Wednesday, 15-Apr-26 10:30:07 GMT": 7 * time.Second,
		"Wed Apr 15 10:30:07 2026":          7 * time.Second,
		"2026-04-15T10:30:07Z":              7 * time.Second,
		"2026-04-15T12:30:07.5+02:00":       7500 * time.Millisecond,
		"Wed, 15 Apr 2026 10:30:07 PST":     0,
		"Wed, 15 Apr 2026 10:29:00 GMT":     0,
		"Fri, 31 Dec 9999 23:59:59 GMT":     longest,
		"Fri, 32 Dec 2026 23:59:59 GMT":     0,
	} {
		require.Equal(t, want, api.RetryAfter(http.Header{"Retry-After": {value}}, now), value)
	}
	require.Equal(t, 9*time.Second, api.RetryAfter(http.Header{"Retry-After": {"3", "9", "x"}}, now))
	require.Zero(t, api.RetryAfter(nil, now))

	// The server's clock is an hour ahead.
	require.Equal(t, 7*time.Second, api.RetryAfter(http.Header{
		"Date": {"Wed, 15 Apr 2026 11:30:00 GMT"}, "Retry-After": {"Wed, 15 Apr 2026 11:30:07 GMT"},
	}, now))
}
