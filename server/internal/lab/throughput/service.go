package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/lab/process"
)

// service is one that is submitted to, with a database and a provider of its own.
type service struct {
	load
	process  *process.Process
	provider *process.Provider
}

// start starts a program that serves as enablementd does, with more requests than are submitted.
func (c config) start(ctx context.Context, program, db string) (*service, error) {
	turns := c.rounds + 1 // one to warm up, where it is paced
	key, err := process.Prepare(ctx, c.binary, db, company, process.Company(company, int(c.lasting.Seconds()+1)*turns*perSecond))
	if err != nil {
		return nil, err
	}
	s := &service{}
	var flags []string
	s.provider, flags = process.NewProvider()
	s.process, err = process.Listen(ctx, program, append(flags, "--db", db, "--log-level", "error", "--rate-limit", "0")...)
	if err != nil {
		s.provider.Close()
		return nil, err
	}
	s.address, s.key = strings.TrimPrefix(s.process.URL, "http://"), key
	return s, nil
}

// run implements [side].
func (s *service) run(ctx context.Context, clients int, lasting time.Duration) (float64, error) {
	rate, err := s.load.run(ctx, clients, lasting)
	if err == nil {
		err = s.settle(ctx)
	}
	return rate, err
}

// settle waits until all notifications are delivered.
func (s *service) settle(ctx context.Context) error {
	for s.provider.Taken.Load() < s.next.Load() && ctx.Err() == nil {
		process.Pause(ctx, 10*time.Millisecond)
	}
	return ctx.Err()
}

func (s *service) kill() {
	s.process.Kill()
	s.provider.Close()
}

func (s *service) stop() error {
	if code := s.process.Stop(); code != 0 {
		return fmt.Errorf("the service ended with %d:\n%s", code, s.process.Output())
	}
	return nil
}
