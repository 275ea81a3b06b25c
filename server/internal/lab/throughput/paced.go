package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/lab/process"
)

const (
	// connections are more than calls wait for their responses at half load, unless the service stops.
	connections = 64
	// slice is how long one side is called before it is the other's turn: short, so that what else the machine does meets
	// both alike.
	slice = time.Second
)

// pace prints the p99 of a submission to either service, as a benchmark does. Both get the same load: half of what the
// slower one takes of so many clients that wait for each response.
func (c config) pace(ctx context.Context, ours, theirs *service) error {
	sides := [2]*service{ours, theirs}
	var slower float64
	for _, s := range sides {
		rate, err := s.run(ctx, c.clients, c.lasting)
		if err != nil {
			return err
		}
		if slower == 0 || rate < slower {
			slower = rate
		}
	}
	for range c.rounds {
		var took [2][]time.Duration
		for range c.lasting / slice {
			for i, s := range sides {
				calls, err := s.paced(ctx, slower/2, slice)
				if err != nil {
					return err
				}
				took[i] = append(took[i], calls...)
			}
		}
		p99 := func(side int) float64 { return process.Quantile(took[side], 0.99).Seconds() * 1000 }
		fmt.Printf("BenchmarkPaced/%[1]s 1 %.2[2]f ours-ms-p99-%[1]s %.2[3]f theirs-ms-p99-%[1]s\n", c.engine(), p99(0), p99(1))
	}
	fmt.Printf("%s pace=%.0f/s\n", c.engine(), slower/2)
	return nil
}

// paced submits so many times a second, whatever became of the submissions before, and returns how long each took from
// the moment when it was due. A service that stops for a while is charged with all that was due meanwhile.
func (s *service) paced(ctx context.Context, perSecond float64, lasting time.Duration) ([]time.Duration, error) {
	var open [connections]*connection
	for i := range open {
		c, err := s.dial(ctx)
		if err != nil {
			return nil, err
		}
		defer c.close()
		open[i] = c
	}
	var client, due atomic.Int64
	var mu sync.Mutex
	var all []time.Duration
	started := time.Now()
	_, err := together(ctx, connections, lasting, func(ctx context.Context, end time.Time) (int, error) {
		c := open[client.Add(1)-1]
		var took []time.Duration
		for ctx.Err() == nil {
			at := started.Add(time.Duration(float64(due.Add(1)) / perSecond * float64(time.Second)))
			if at.After(end) {
				break
			}
			process.Pause(ctx, time.Until(at))
			if err := c.submit(int(s.next.Add(1) - 1)); err != nil {
				return 0, err
			}
			took = append(took, time.Since(at))
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, took...)
		return len(took), nil
	})
	if err == nil {
		err = s.settle(ctx)
	}
	return all, err
}
