package app

import (
	"context"
	"errors"
	"time"
)

const (
	// probeEvery is how old an answer may be: however many ask, the database is written to once a second.
	probeEvery   = time.Second
	probeTimeout = 2 * time.Second
)

// prober tells whether the database can be written to, by doing so. One probe runs at a time: where it hangs, whoever
// asks gets no answer.
type prober struct {
	probe func(context.Context) error
	asked chan chan error
}

func newProber(probe func(context.Context) error) *prober {
	return &prober{probe: probe, asked: make(chan chan error)}
}

// run answers until the context ends.
func (p *prober) run(ctx context.Context) {
	var last error
	var at time.Time
	for {
		select {
		case answer := <-p.asked:
			if at.IsZero() || time.Since(at) >= probeEvery {
				last = probeOnce(ctx, p.probe)
				at = time.Now()
			}
			answer <- last
		case <-ctx.Done():
			return
		}
	}
}

func probeOnce(ctx context.Context, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return probe(ctx)
}

// errUnanswered: the database has not failed, and has not answered either.
var errUnanswered = errors.New("writing to the database takes too long")

// Writes returns an error unless the database was written to within the last second.
func (p *prober) Writes(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case p.asked <- answer:
	case <-ctx.Done():
		return errUnanswered
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return errUnanswered
	}
}
