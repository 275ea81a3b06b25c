package dataset

import (
	"fmt"
	"time"
)

// Progress tells how far a long import is. Nil tells nobody.
type Progress struct {
	every time.Duration
	clock func() time.Time
	to    func(text string)
	last  time.Time
}

// NewProgress returns one that tells a line each time that so long has passed.
func NewProgress(every time.Duration, clock func() time.Time, to func(text string)) *Progress {
	return &Progress{every: every, clock: clock, to: to, last: clock()}
}

func (p *Progress) tell(format string, args ...any) {
	if p == nil {
		return
	}
	if now := p.clock(); now.Sub(p.last) >= p.every {
		p.last = now
		p.to(fmt.Sprintf(format, args...))
	}
}
