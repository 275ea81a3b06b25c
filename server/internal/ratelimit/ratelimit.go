// Package ratelimit counts calls by key and blocks a key that makes too many, longer with every
// time. It knows no HTTP, and no time but that of its clock.
//
// The quota is an exact window: no second, wherever it begins, has more than PerSecond admitted
// calls of a key. A token bucket, such as golang.org/x/time/rate, would be smaller, but it lets
// up to twice as many through in the second after a pause, and the limit is a promise by the
// second. The window remembers when each of the last PerSecond calls was made.
package ratelimit

import (
	"fmt"
	"sync"
	"time"
)

// Config is how a [Limiter] limits. A field that is zero has its default.
type Config struct {
	// PerSecond is how many calls a key may make within a second; 15 by default.
	PerSecond int
	// FirstBlock is how long the first violation blocks a key; a second by default. Every
	// further one blocks it for twice as long as the one before.
	FirstBlock time.Duration
	// LongestBlock is where the doubling ends; 5 minutes by default.
	LongestBlock time.Duration
	// CleanAfter is how long after its last violation a key is as good as new; an hour by
	// default.
	CleanAfter time.Duration
	// MaxTracked is how many keys are remembered at most; 100,000 by default.
	MaxTracked int
	// Clock tells the time; [time.Now] by default. It is never asked by two at once.
	Clock func() time.Time
}

// withDefaults returns the configuration with every field set, or an error that names the one
// that can't be.
func (c Config) withDefaults() (Config, error) {
	for _, field := range []struct {
		name  string
		value *int
		usual int
	}{
		{"PerSecond", &c.PerSecond, 15},
		{"MaxTracked", &c.MaxTracked, 100_000},
	} {
		if *field.value < 0 {
			return c, fmt.Errorf("%s: %d is below zero", field.name, *field.value)
		}
		if *field.value == 0 {
			*field.value = field.usual
		}
	}
	for _, field := range []struct {
		name  string
		value *time.Duration
		usual time.Duration
	}{
		{"FirstBlock", &c.FirstBlock, time.Second},
		{"LongestBlock", &c.LongestBlock, 5 * time.Minute},
		{"CleanAfter", &c.CleanAfter, time.Hour},
	} {
		if *field.value < 0 {
			return c, fmt.Errorf("%s: %s is below zero", field.name, *field.value)
		}
		if *field.value == 0 {
			*field.value = field.usual
		}
	}
	if c.FirstBlock > c.LongestBlock {
		return c, fmt.Errorf("FirstBlock: %s is longer than LongestBlock, %s", c.FirstBlock, c.LongestBlock)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return c, nil
}

// Limiter decides which calls may pass. It may be used by many goroutines at once, and starts
// none.
//
// It remembers MaxTracked keys. Where a new one doesn't fit, the key that called least recently is
// forgotten, and may begin afresh. A key with a violation is not among those: it is only forgotten
// when more than half of what is remembered are such keys, and then the one whose last violation
// is the oldest. So a flood of new keys frees nobody from a block, and a flood of violations
// leaves the other half to those who behave.
//
// One mutex guards it all: a decision takes far less time than the call it is about.
type Limiter[K comparable] struct {
	config Config

	mutex     sync.Mutex
	read      time.Time     // what the clock said last
	now       time.Duration // since the beginning, and never less than before
	entries   map[K]*entry[K]
	behaved   list[K] // without a violation; who called last comes first
	offenders list[K] // whose violation came last comes first
}

// entry is what is remembered of a key.
type entry[K comparable] struct {
	key      K
	calls    []time.Duration // when the last admitted calls were made, at most PerSecond
	oldest   int             // which of the calls is the oldest, once there are PerSecond
	block    time.Duration   // how long the last block is; zero without a violation
	until    time.Duration   // when it ends
	violated time.Duration   // when it began

	previous, next *entry[K]
}

// New returns a limiter, or an error that names the field that is out of range.
func New[K comparable](config Config) (*Limiter[K], error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	l := &Limiter[K]{config: config, read: config.Clock(), entries: make(map[K]*entry[K])}
	l.behaved.init()
	l.offenders.init()
	return l, nil
}

// Allow tells whether a call of key may pass now. If not, retryAfter is above zero, and a call at
// exactly that time from now may, unless others come before it. A refused call uses no quota; one
// that is refused during a block doesn't make it longer.
func (l *Limiter[K]) Allow(key K) (retryAfter time.Duration, ok bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.tick()
	e := l.entries[key]
	if e == nil {
		e = l.add(key)
	}
	if e.until > l.now {
		return e.until - l.now, false
	}
	if e.block > 0 && l.now-e.violated >= l.config.CleanAfter {
		e.block = 0
		l.offenders.remove(e)
		l.behaved.push(e)
	}
	wait := e.take(l.now, l.config.PerSecond)
	if wait > 0 {
		return l.punish(e, wait), false
	}
	if e.block == 0 {
		l.behaved.remove(e)
		l.behaved.push(e)
	}
	return 0, true
}

// Len returns how many keys are remembered.
func (l *Limiter[K]) Len() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return len(l.entries)
}

// tick moves time on by what passed on the clock since it was last read. Where the clock was set
// back nothing passed, and from there on time goes its usual pace: nobody stays blocked until the
// clock has caught up.
func (l *Limiter[K]) tick() {
	read := l.config.Clock()
	passed := read.Sub(l.read)
	l.read = read
	// More than this makes no difference, and a wild clock must not overflow the sum.
	enough := max(l.config.LongestBlock, l.config.CleanAfter, time.Second)
	l.now += min(max(passed, 0), enough)
}

// punish blocks a key that called once too often, and returns for how long: at least until the
// quota has room for a call again.
func (l *Limiter[K]) punish(e *entry[K], wait time.Duration) time.Duration {
	from := &l.offenders
	switch {
	case e.block == 0:
		from = &l.behaved
		e.block = l.config.FirstBlock
	case e.block > l.config.LongestBlock/2:
		e.block = l.config.LongestBlock
	default:
		e.block *= 2
	}
	from.remove(e)
	l.offenders.push(e)
	blocked := max(e.block, wait)
	e.violated, e.until = l.now, l.now+blocked
	return blocked
}

// add begins to remember a key, in place of another if need be.
func (l *Limiter[K]) add(key K) *entry[K] {
	var e *entry[K]
	if len(l.entries) < l.config.MaxTracked {
		e = &entry[K]{}
	} else {
		from := &l.behaved
		if l.offenders.length > l.config.MaxTracked/2 {
			from = &l.offenders
		}
		e = from.last()
		from.remove(e)
		delete(l.entries, e.key)
		*e = entry[K]{calls: e.calls[:0]}
	}
	e.key = key
	l.entries[key] = e
	l.behaved.push(e)
	return e
}

// take uses the quota for a call at now. If there is none left it returns how long until there is.
func (e *entry[K]) take(now time.Duration, perSecond int) (wait time.Duration) {
	if len(e.calls) < perSecond {
		e.calls = append(e.calls, now)
		return 0
	}
	if wait := e.calls[e.oldest] + time.Second - now; wait > 0 {
		return wait
	}
	e.calls[e.oldest] = now
	e.oldest = (e.oldest + 1) % perSecond
	return 0
}

// list is a ring of entries through its root. An entry is in one list at a time.
type list[K comparable] struct {
	root   entry[K]
	length int
}

func (l *list[K]) init() { l.root.previous, l.root.next = &l.root, &l.root }

func (l *list[K]) push(e *entry[K]) {
	e.previous, e.next = &l.root, l.root.next
	e.previous.next, e.next.previous = e, e
	l.length++
}

func (l *list[K]) remove(e *entry[K]) {
	e.previous.next, e.next.previous = e.next, e.previous
	l.length--
}

// last must not be asked of an empty list.
func (l *list[K]) last() *entry[K] { return l.root.previous }
