package main

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// The values of flags that say themselves what they must be.

// mappers read numbers and durations, so that no message is in the words of the library that reads flags. A value may
// begin with a hyphen: what it must be says so, and not that it is no flag.
var mappers = []kong.Option{
	kong.TypeMapper(reflect.TypeFor[time.Duration](), mapper("must be a duration such as 10s, 5m, 12h or 30d", parseDuration)),
	kong.TypeMapper(reflect.TypeFor[int](), mapper("must be a whole number", strconv.Atoi)),
	kong.TypeMapper(reflect.TypeFor[uint64](), mapper("must be a whole number that is not negative", func(text string) (uint64, error) {
		return strconv.ParseUint(text, 10, 64)
	})),
	kong.TypeMapper(reflect.TypeFor[float64](), mapper("must be a number such as 0.1", func(text string) (float64, error) {
		return strconv.ParseFloat(text, 64)
	})),
	kong.TypeMapper(reflect.TypeFor[level](), textMapper[*level]()),
	kong.TypeMapper(reflect.TypeFor[lifetime](), textMapper[*lifetime]()),
}

func mapper[T any](want string, parse func(string) (T, error)) kong.MapperFunc {
	return func(ctx *kong.DecodeContext, target reflect.Value) error {
		value, err := parse(strings.TrimSpace(next(ctx)))
		if err != nil {
			return errors.New(want)
		}
		target.Set(reflect.ValueOf(value))
		return nil
	}
}

func textMapper[T encoding.TextUnmarshaler]() kong.MapperFunc {
	return func(ctx *kong.DecodeContext, target reflect.Value) error {
		return target.Addr().Interface().(T).UnmarshalText([]byte(next(ctx)))
	}
}

// next takes the value of a flag; it is empty where there is none.
func next(ctx *kong.DecodeContext) string {
	text, _ := ctx.Scan.Pop().Value.(string)
	return text
}

const day = 24 * time.Hour

var days = regexp.MustCompile(`^([0-9]+)d(.*)$`)

// parseDuration is [time.ParseDuration] with days in front, as in 30d or 1d12h.
func parseDuration(text string) (time.Duration, error) {
	match := days.FindStringSubmatch(text)
	if match == nil {
		return time.ParseDuration(text)
	}
	n, err := strconv.ParseInt(match[1], 10, 64)
	if err != nil || n > int64(longestDuration/day) {
		return 0, errors.New("too long")
	}
	d := time.Duration(n) * day
	if match[2] == "" {
		return d, nil
	}
	rest, err := time.ParseDuration(match[2])
	if err != nil || rest < 0 || rest > longestDuration-d {
		return 0, errors.New("no such duration")
	}
	return d + rest, nil
}

const longestDuration time.Duration = math.MaxInt64

// addressRanges are ranges of addresses, whoever they belong to: callers or proxies.
type addressRanges []netip.Prefix

// UnmarshalText implements [encoding.TextUnmarshaler]. A flag that stands several times adds to it; one that is
// empty is not one that is left out.
func (r *addressRanges) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = addressRanges{}
		return nil
	}
	for one := range strings.SplitSeq(string(text), ",") {
		prefix, err := parseRange(strings.TrimSpace(one))
		if err != nil {
			return err
		}
		if !slices.Contains(*r, prefix) {
			*r = append(*r, prefix)
		}
	}
	return nil
}

func parseRange(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
			return prefix, fmt.Errorf("%s is an address; write the range %s", address, only(address.Unmap()))
		}
		return prefix, errors.New("must be address ranges such as 192.0.2.0/24 or 2001:db8::/32; one address is 192.0.2.7/32")
	}
	address := prefix.Addr()
	switch masked := prefix.Masked(); {
	case address.Is4In6():
		v4 := netip.PrefixFrom(address.Unmap(), max(0, prefix.Bits()-mappedBits)).Masked()
		return prefix, fmt.Errorf("%s: an IPv4 address is never in its IPv6 form; write %s", prefix, v4)
	case masked != prefix:
		return prefix, fmt.Errorf("%s: the address has bits outside of the range; write %s, or %s for this address alone", prefix, masked, only(address))
	}
	return prefix, nil
}

// mappedBits is the length of the prefix ::ffff:0:0, under which IPv6 has IPv4 addresses.
const mappedBits = 96

func only(address netip.Addr) netip.Prefix { return netip.PrefixFrom(address, address.BitLen()) }

// level is a key's access level.
type level int

// highestLevel is the highest that any operation takes (upstream, access levels).
const highestLevel = 3

// UnmarshalText implements [encoding.TextUnmarshaler].
func (l *level) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || n < 1 || n > highestLevel {
		return fmt.Errorf("must be an access level from 1 to %d", highestLevel)
	}
	*l = level(n)
	return nil
}

// lifetime is how long a key is good.
type lifetime time.Duration

const longestLifetime = 100 * 365 * 24 * time.Hour

// UnmarshalText implements [encoding.TextUnmarshaler].
func (l *lifetime) UnmarshalText(text []byte) error {
	d, err := parseDuration(strings.TrimSpace(string(text)))
	if err != nil || d < 0 || d > longestLifetime {
		return fmt.Errorf("must be a duration such as 12h or 30d, not negative and at most %dd", longestLifetime/day)
	}
	*l = lifetime(d)
	return nil
}

// String writes it as it is written on the command line.
func (l lifetime) String() string { return time.Duration(l).String() }
