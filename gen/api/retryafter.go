package api

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter is what a longer wait reads as: 136 years.
const maxRetryAfter = math.MaxUint32 * time.Second

// RetryAfter returns how long a response's Retry-After header asks to wait (RFC 9110, section 10.2.3), or 0.
// now is the time of the caller's clock.
//
// It accepts more than the RFC, as servers send more: fractions of a second, rounded up to the millisecond,
// numbers of any size, and dates as in the RFC, in RFC 1123 with any zone, and in RFC 3339. If the response
// has a Date header, a date is compared with that, so that a wrong clock of the caller does no harm. Of
// several headers, the longest wait counts.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	if servers, ok := parseDate(header.Get("Date")); ok {
		now = servers
	}
	var longest time.Duration
	for _, value := range header.Values("Retry-After") {
		longest = max(longest, retryAfter(strings.TrimSpace(value), now))
	}
	return min(longest, maxRetryAfter)
}

func retryAfter(value string, now time.Time) time.Duration {
	if at, ok := parseDate(value); ok {
		return at.Sub(now)
	}
	if strings.Trim(value, "0123456789.") != "" {
		return 0 // neither a plain number, nor anything that ParseFloat takes for one, such as 0x1p3 or inf
	}
	seconds, err := strconv.ParseFloat(value, 64)
	if err != nil && !math.IsInf(seconds, 1) {
		return 0
	}
	if seconds >= maxRetryAfter.Seconds() {
		return maxRetryAfter
	}
	return time.Duration(math.Ceil(seconds*1000)) * time.Millisecond
}

// parseDate reads the forms of RFC 9110 and those that are written in their place.
func parseDate(value string) (time.Time, bool) {
	if at, err := http.ParseTime(value); err == nil {
		return at, true
	}
	for _, form := range []string{time.RFC1123Z, "Mon, _2 Jan 2006 15:04:05 MST", "_2 Jan 2006 15:04:05 MST", time.RFC3339} {
		// Of the names of zones only those of UTC are taken: Parse reads any other one as if it were UTC.
		at, err := time.Parse(form, value)
		if err == nil && (at.Location() == time.UTC || !strings.HasSuffix(form, "MST") || strings.HasSuffix(value, "GMT")) {
			return at, true
		}
	}
	return time.Time{}, false
}
