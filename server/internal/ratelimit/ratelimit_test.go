package ratelimit_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/ratelimit"
)

const sec = time.Second

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

func newLimiter(t testing.TB, config ratelimit.Config) (*ratelimit.Limiter[string], *clock) {
	t.Helper()
	c := newClock()
	config.Clock = c.read
	l, err := ratelimit.New[string](config)
	require.NoError(t, err)
	return l, c
}

func allows(t testing.TB, l *ratelimit.Limiter[string], key string, times int) {
	t.Helper()
	for n := range times {
		wait, ok := l.Allow(key)
		require.True(t, ok, "call %d of %d", n+1, times)
		require.Zero(t, wait)
	}
}

func refuses(t testing.TB, l *ratelimit.Limiter[string], key string, want time.Duration) {
	t.Helper()
	wait, ok := l.Allow(key)
	require.False(t, ok)
	require.Equal(t, want, wait)
}

// violate calls until the quota is used up, and once more.
func violate(t testing.TB, l *ratelimit.Limiter[string], key string, want time.Duration) {
	t.Helper()
	allows(t, l, key, 15)
	refuses(t, l, key, want)
}

func TestNew_RefusesWhatIsOutOfRange(t *testing.T) {
	t.Parallel()
	for field, config := range map[string]ratelimit.Config{
		"PerSecond: -1 ":                       {PerSecond: -1},
		"MaxTracked: -1 ":                      {MaxTracked: -1},
		"FirstBlock: -1ns ":                    {FirstBlock: -1},
		"LongestBlock: -1s ":                   {LongestBlock: -sec},
		"CleanAfter: -1h0m0s ":                 {CleanAfter: -time.Hour},
		"FirstBlock: 1s is longer than Longes": {LongestBlock: sec - 1},
	} {
		l, err := ratelimit.New[string](config)
		require.ErrorContains(t, err, field)
		require.Nil(t, l)
	}
}

func TestLimiter_TheRealClock(t *testing.T) {
	t.Parallel()
	l, err := ratelimit.New[string](ratelimit.Config{PerSecond: 2, FirstBlock: time.Hour, LongestBlock: time.Hour})
	require.NoError(t, err)
	allows(t, l, "a", 2)
	wait, ok := l.Allow("a")
	require.False(t, ok)
	require.Equal(t, time.Hour, wait)
	wait, _ = l.Allow("a")
	require.Less(t, wait, time.Hour)
	require.Positive(t, wait)
}

func TestLimiter_Quota(t *testing.T) {
	t.Parallel()
	t.Run("15 at once", func(t *testing.T) {
		t.Parallel()
		l, _ := newLimiter(t, ratelimit.Config{})
		violate(t, l, "a", sec)
		violate(t, l, "b", sec) // has a quota of its own
	})
	t.Run("15 every second", func(t *testing.T) {
		t.Parallel()
		l, c := newLimiter(t, ratelimit.Config{})
		for range 100 {
			allows(t, l, "a", 15)
			c.move(sec)
		}
	})
	t.Run("15 a second, evenly", func(t *testing.T) {
		t.Parallel()
		l, c := newLimiter(t, ratelimit.Config{})
		start := c.read()
		for n := range time.Duration(3000) {
			c.move(start.Add((n*sec + 14) / 15).Sub(c.read()))
			allows(t, l, "a", 1)
		}
	})
	t.Run("a second begins anywhere", func(t *testing.T) {
		t.Parallel()
		l, c := newLimiter(t, ratelimit.Config{})
		allows(t, l, "a", 1)
		c.move(900 * time.Millisecond)
		allows(t, l, "a", 14)
		c.move(100 * time.Millisecond)
		allows(t, l, "a", 1) // in place of the first
		refuses(t, l, "a", sec)
	})
	t.Run("the last moment", func(t *testing.T) {
		t.Parallel()
		l, c := newLimiter(t, ratelimit.Config{})
		allows(t, l, "a", 15)
		c.move(sec - 1)
		refuses(t, l, "a", sec)
	})
	t.Run("of another size", func(t *testing.T) {
		t.Parallel()
		l, c := newLimiter(t, ratelimit.Config{PerSecond: 1})
		for range 10 {
			allows(t, l, "a", 1)
			c.move(sec)
		}
		allows(t, l, "a", 1)
		refuses(t, l, "a", sec)
	})
}

// The ladder of the real API, to its end and beyond.
func TestLimiter_Ladder(t *testing.T) {
	t.Parallel()
	l, c := newLimiter(t, ratelimit.Config{})
	for _, seconds := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300} {
		block := seconds * sec
		violate(t, l, "a", block)
		// What is called during a block makes it no longer, and is no violation.
		for range 40 {
			refuses(t, l, "a", block)
		}
		c.move(block / 4)
		refuses(t, l, "a", block-block/4)
		c.move(block - block/4 - 1)
		refuses(t, l, "a", 1)
		allows(t, l, "b", 1) // another key has nothing to do with it
		c.move(1)            // and exactly then, with all of the quota
	}
	allows(t, l, "a", 15)
}

func TestLimiter_OtherLadders(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config ratelimit.Config
		want   []time.Duration
	}{
		"no power of two": {ratelimit.Config{FirstBlock: 3 * sec, LongestBlock: 10 * sec}, []time.Duration{3 * sec, 6 * sec, 10 * sec, 10 * sec}},
		"one step":        {ratelimit.Config{FirstBlock: 5 * sec, LongestBlock: 5 * sec}, []time.Duration{5 * sec, 5 * sec}},
		// The calls that used up the quota are a second in the way, whatever the block.
		"shorter than the window": {ratelimit.Config{FirstBlock: 300 * time.Millisecond}, []time.Duration{sec, sec, 1200 * time.Millisecond}},
		"longest possible": {ratelimit.Config{FirstBlock: 1 << 61, LongestBlock: 1<<62 + 1, CleanAfter: 1 << 62},
			[]time.Duration{1 << 61, 1 << 62}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, c := newLimiter(t, test.config)
			for _, block := range test.want {
				violate(t, l, "a", block)
				c.move(block)
			}
		})
	}
}

func TestLimiter_CleanHour(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		pause time.Duration // since the violation
		want  time.Duration
	}{
		"just not":  {time.Hour - 1, 8 * sec},
		"exactly":   {time.Hour, sec},
		"long past": {1000 * time.Hour, sec},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, c := newLimiter(t, ratelimit.Config{})
			for _, seconds := range []time.Duration{1, 2, 4} {
				violate(t, l, "a", seconds*sec)
				c.move(seconds * sec)
			}
			c.move(test.pause - 4*sec)
			violate(t, l, "a", test.want)
			c.move(test.want)
			violate(t, l, "a", 2*test.want)
		})
	}
	t.Run("full of calls", func(t *testing.T) {
		t.Parallel()
		l, c := newLimiter(t, ratelimit.Config{})
		violate(t, l, "a", sec)
		for range 3600 {
			c.move(sec)
			allows(t, l, "a", 15)
		}
		refuses(t, l, "a", sec)
	})
	t.Run("begins again with a violation", func(t *testing.T) {
		t.Parallel()
		l, c := newLimiter(t, ratelimit.Config{})
		violate(t, l, "a", sec)
		c.move(time.Hour - 1)
		violate(t, l, "a", 2*sec)
		c.move(time.Hour - 1)
		violate(t, l, "a", 4*sec)
	})
	t.Run("shorter than a block", func(t *testing.T) {
		t.Parallel()
		l, c := newLimiter(t, ratelimit.Config{FirstBlock: time.Minute, CleanAfter: sec})
		violate(t, l, "a", time.Minute)
		c.move(time.Minute - 1)
		refuses(t, l, "a", 1)
		c.move(1)
		violate(t, l, "a", time.Minute)
	})
}

// A clock that is set changes nothing for the worse: no block gets longer, none ends early by a
// step back, and time goes on.
func TestLimiter_ClockIsSetBack(t *testing.T) {
	t.Parallel()
	l, c := newLimiter(t, ratelimit.Config{})
	violate(t, l, "a", sec)
	c.move(sec)
	violate(t, l, "a", 2*sec)
	for range 5 {
		c.move(-24 * time.Hour)
		refuses(t, l, "a", 2*sec)
	}
	c.move(2*sec - 1)
	refuses(t, l, "a", 1)
	c.move(1)
	violate(t, l, "a", 4*sec)
	c.move(-1)
	c.move(1) // nobody looked
	refuses(t, l, "a", 4*sec)
}

func TestLimiter_ClockRunsWild(t *testing.T) {
	t.Parallel()
	l, c := newLimiter(t, ratelimit.Config{})
	for range 40 { // each step is as long as a Duration gets
		violate(t, l, "a", sec)
		c.move(1<<63 - 1)
		allows(t, l, "a", 1)
		c.move(1<<63 - 1)
	}
}

func TestLimiter_ForgetsWhoCalledLeastRecently(t *testing.T) {
	t.Parallel()
	l, _ := newLimiter(t, ratelimit.Config{MaxTracked: 3})
	for _, key := range []string{"a", "b", "c"} {
		allows(t, l, key, 15)
	}
	require.Equal(t, 3, l.Len())
	allows(t, l, "d", 14) // forgets a
	require.Equal(t, 3, l.Len())
	allows(t, l, "d", 1)
	allows(t, l, "a", 14) // forgets b: it begins afresh
	refuses(t, l, "c", sec)
	refuses(t, l, "d", sec)
	allows(t, l, "e", 1) // forgets c: more than half are offenders, and it is the older one
	require.Equal(t, 3, l.Len())
	refuses(t, l, "d", sec)
	allows(t, l, "c", 15)
	require.Equal(t, 3, l.Len())
}

func TestLimiter_AFloodFreesNobody(t *testing.T) {
	t.Parallel()
	l, c := newLimiter(t, ratelimit.Config{MaxTracked: 100})
	violate(t, l, "a", sec)
	c.move(sec)
	violate(t, l, "a", 2*sec)
	for n := range 10_000 {
		allows(t, l, fmt.Sprint("flood ", n), 1)
		require.LessOrEqual(t, l.Len(), 100)
	}
	refuses(t, l, "a", 2*sec)
	c.move(2 * sec)
	violate(t, l, "a", 4*sec)

	// Violations displace each other, and only down to half of the room.
	for n := range 1000 {
		violate(t, l, fmt.Sprint("offender ", n), sec)
	}
	for n := range 50 {
		allows(t, l, fmt.Sprint("behaves ", n), 15)
	}
	for n := range 50 {
		refuses(t, l, fmt.Sprint("offender ", 950+n), sec)
	}
	require.Equal(t, 100, l.Len())
}

// Who behaves for long enough makes room like anybody.
func TestLimiter_AReformedKeyIsForgottenLikeAnyOther(t *testing.T) {
	t.Parallel()
	l, c := newLimiter(t, ratelimit.Config{MaxTracked: 2})
	violate(t, l, "a", sec)
	c.move(time.Hour)
	allows(t, l, "a", 15)
	allows(t, l, "b", 1)
	allows(t, l, "c", 1) // forgets a
	allows(t, l, "a", 15)
}

func TestLimiter_OneKeyOnly(t *testing.T) {
	t.Parallel()
	l, _ := newLimiter(t, ratelimit.Config{MaxTracked: 1})
	for range 3 {
		violate(t, l, "a", sec)
		violate(t, l, "b", sec)
		require.Equal(t, 1, l.Len())
	}
}

func address(n int) netip.Addr {
	var four [4]byte
	binary.BigEndian.PutUint32(four[:], uint32(n))
	return netip.AddrFrom4(four)
}

// A million addresses take the room of the default's 100,000, at their largest: less than 48 MiB.
func TestLimiter_MillionKeys(t *testing.T) {
	const tracked, most = 100_000, 48 << 20
	c := newClock()
	before := heap()
	l, err := ratelimit.New[netip.Addr](ratelimit.Config{Clock: c.read})
	require.NoError(t, err)
	calls := func(keys, each int) {
		for n := range keys {
			for range each {
				if _, ok := l.Allow(address(n)); !ok {
					t.Fatal("a call was refused")
				}
			}
		}
		require.Equal(t, tracked, l.Len())
	}
	calls(1_000_000, 1)
	one := heap() - before
	calls(tracked, 15) // other keys than those that are remembered by now
	all := heap() - before
	t.Logf("%.1f MiB with a call each, %.1f MiB with 15", float64(one)/(1<<20), float64(all)/(1<<20))
	require.Less(t, all, int64(most))
	runtime.KeepAlive(l)
}

func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestLimiter_AtOnce(t *testing.T) {
	t.Parallel()
	l, _ := newLimiter(t, ratelimit.Config{})
	var admitted atomic.Int64
	var callers sync.WaitGroup
	start := make(chan struct{})
	for range 200 {
		callers.Go(func() {
			<-start
			if _, ok := l.Allow("a"); ok {
				admitted.Add(1)
			}
		})
	}
	close(start)
	callers.Wait()
	require.EqualValues(t, 15, admitted.Load())
	refuses(t, l, "a", sec) // one violation, not 185
}

func TestLimiter_ManyAtOnce(t *testing.T) {
	t.Parallel()
	l, c := newLimiter(t, ratelimit.Config{MaxTracked: 50, PerSecond: 3})
	var callers sync.WaitGroup
	for caller := range 8 {
		callers.Go(func() {
			for n := range 2000 {
				l.Allow(fmt.Sprint(n * (caller + 1) % 120))
				if n%10 == 0 {
					c.move(100 * time.Millisecond)
				}
			}
		})
	}
	callers.Wait()
	require.Equal(t, 50, l.Len())
}

func TestLimiter_AllocatesNothingForAKnownKey(t *testing.T) {
	l, c := newLimiter(t, ratelimit.Config{})
	allows(t, l, "a", 15)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		c.move(100 * time.Millisecond)
		l.Allow("a")
	}))
}

// model is what the limiter promises for one key, told the long way.
type model struct {
	admitted   []time.Duration
	violations []time.Duration // since the last clean time
	blocked    time.Duration   // until then
}

func (m *model) allow(now time.Duration) (time.Duration, bool) {
	const perSecond, longest, clean = 3, 20 * sec, 60 * sec
	if now < m.blocked {
		return m.blocked - now, false
	}
	if n := len(m.violations); n > 0 && now-m.violations[n-1] >= clean {
		m.violations = nil
	}
	var within []time.Duration
	for _, at := range m.admitted {
		if now-at < sec {
			within = append(within, at)
		}
	}
	if len(within) < perSecond {
		m.admitted = append(m.admitted, now)
		return 0, true
	}
	block := 700 * time.Millisecond
	for range m.violations {
		block = min(2*block, longest)
	}
	block = max(block, within[0]+sec-now)
	m.violations = append(m.violations, now)
	m.blocked = now + block
	return block, false
}

// FuzzLimiter holds the limiter against the model: two bytes are a step of the clock, back or
// forth, and the key of a call.
func FuzzLimiter(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 12, 61, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 16, 60, 4, 5, 8, 3, 8, 4, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, steps []byte) {
		steps = steps[:min(len(steps), 1000)] // the model is slow
		c := newClock()
		l, err := ratelimit.New[byte](ratelimit.Config{
			PerSecond: 3, FirstBlock: 700 * time.Millisecond, LongestBlock: 20 * sec, CleanAfter: time.Minute, Clock: c.read,
		})
		require.NoError(t, err)
		units := []time.Duration{0, time.Nanosecond, 100 * time.Millisecond, sec, -100 * time.Millisecond, -sec}
		var models [4]model
		var now time.Duration
		for ; len(steps) >= 2; steps = steps[2:] {
			key := steps[0] % 4
			step := units[int(steps[0]/4)%len(units)] * time.Duration(steps[1])
			c.move(step)
			now += max(step, 0)
			wantWait, want := models[key].allow(now)
			wait, ok := l.Allow(key)
			require.Equal(t, want, ok)
			require.Equal(t, wantWait, wait)
			require.Equal(t, ok, wait == 0)
		}
		for key := range models {
			// Whoever waits as long as told is let in.
			wait, ok := l.Allow(byte(key))
			if !ok {
				c.move(wait)
				_, ok = l.Allow(byte(key))
			}
			require.True(t, ok)
		}
	})
}

func BenchmarkLimiter(b *testing.B) {
	// Every call costs a look at the real clock, and comes a second after the one before.
	paced := func(b *testing.B) *ratelimit.Limiter[netip.Addr] {
		b.Helper()
		var ahead time.Duration
		l, err := ratelimit.New[netip.Addr](ratelimit.Config{Clock: func() time.Time {
			ahead += sec
			return time.Now().Add(ahead)
		}})
		require.NoError(b, err)
		b.ReportAllocs()
		return l
	}
	const known = 1 << 16
	full := func(b *testing.B) *ratelimit.Limiter[netip.Addr] {
		b.Helper()
		l := paced(b)
		for range 15 {
			for n := range known {
				l.Allow(address(n))
			}
		}
		return l
	}
	b.Run("one key", func(b *testing.B) {
		l := paced(b)
		for range 15 {
			l.Allow(address(1))
		}
		for b.Loop() {
			l.Allow(address(1))
		}
	})
	b.Run("blocked key", func(b *testing.B) {
		l, err := ratelimit.New[netip.Addr](ratelimit.Config{FirstBlock: time.Hour, LongestBlock: time.Hour})
		require.NoError(b, err)
		b.ReportAllocs()
		for range 16 {
			l.Allow(address(1))
		}
		for b.Loop() {
			l.Allow(address(1))
		}
	})
	b.Run("known keys", func(b *testing.B) {
		l, n := full(b), 0
		for b.Loop() {
			n++
			l.Allow(address(n % known))
		}
	})
	b.Run("known keys, parallel", func(b *testing.B) {
		l := full(b)
		var callers atomic.Int64
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for n := int(callers.Add(1)) * 7919; pb.Next(); n++ {
				l.Allow(address(n % known))
			}
		})
	})
	b.Run("new keys, full", func(b *testing.B) {
		l, n := full(b), known
		for ; n < 200_000; n++ {
			l.Allow(address(n))
		}
		for b.Loop() {
			n++
			l.Allow(address(n))
		}
	})
}
