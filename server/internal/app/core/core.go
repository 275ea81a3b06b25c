// Package core connects the parts that enablementd and package servertest have in common. It does not import
// listeners, metrics, traces and PostgreSQL, so that the binary of a test stays light.
package core

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/httpapi"
	"github.com/cryptomate-go/enablement/server/internal/sample/faults"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

// Config is what the service is made of.
type Config struct {
	Database Database
	// Clock tells the moment of what is decided, signed and limited. The queue waits by real time.
	Clock func() time.Time
	// CallTimeout bounds one call.
	CallTimeout time.Duration
	// RateLimit is how many calls a second one address, and one company, may make; 0: no limit.
	RateLimit int
	// Server has what else is around a call.
	Server []server.Option
	// Faults lets callers ask for faults.
	Faults bool

	// Delivery says where and how notifications go, and has the logger of all that is here. Its ledger, pruner and
	// clock are the service's own.
	Delivery delivery.Config

	// ObserveWrite is told what became of each write, by its operation; nil: nobody is.
	ObserveWrite func(ctx context.Context, operation string, started time.Time, change enablement.Change, err error)
}

// Service is the service without its listeners.
type Service struct {
	// Handler serves the API.
	Handler http.Handler
	// Faults makes faults on demand; nil where there are none.
	Faults *faults.Handler
	Queue  Queue

	sender   *delivery.Sender
	usage    *access.Usage
	noting   sync.WaitGroup
	stopNote context.CancelFunc // nil before the start
}

// New wires the service. Nothing runs yet. An error is the configuration's.
func New(config Config) (*Service, error) {
	d := config.Delivery
	if err := d.Schedule.Check(); err != nil {
		return nil, err
	}
	d.Ledger, d.Pruner, d.Clock = config.Database, config.Database, time.Now
	queue, err := config.Database.newQueue(d)
	if err != nil {
		return nil, err
	}
	s := &Service{Queue: queue, sender: d.Sender, usage: access.NewUsage(config.Database, cmp.Or(d.Background, d.Logger))}
	options := append([]server.Option{
		server.WithAuthenticator(httpapi.NewAuthenticator(config.Database, config.CallTimeout, s.usage.Note, config.Clock)),
		server.WithLogger(d.Logger),
		server.WithTimeout(config.CallTimeout),
	}, config.Server...)
	if config.RateLimit != 0 {
		options = append(options, server.WithRateLimit(server.RateLimit{PerSecond: config.RateLimit, Clock: config.Clock}))
	}
	s.Handler, err = server.Handler(httpapi.New(httpapi.Config{
		Store: config.Database, Clock: config.Clock, Observe: config.observed(queue),
	}), options...)
	if err != nil {
		return nil, err
	}
	if config.Faults {
		s.Faults = faults.New(s.Handler, d.Logger)
		s.Handler = s.Faults
	}
	return s, nil
}

// observed wakes the queue for what a write put into it.
func (c Config) observed(queue Queue) func(context.Context, string, time.Time, enablement.Change, error) {
	return func(ctx context.Context, operation string, started time.Time, change enablement.Change, err error) {
		if err == nil && change.Notification != nil {
			queue.Wake()
		}
		if c.ObserveWrite != nil {
			c.ObserveWrite(ctx, operation, started, change, err)
		}
	}
}

// Start starts what goes on beside the calls. The context bounds the start only.
func (s *Service) Start(ctx context.Context) error {
	noting, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stopNote = stop
	s.noting.Go(func() { s.usage.Run(noting) })
	if err := store.InTime(ctx, s.Queue.Start); err != nil {
		return fmt.Errorf("starting the queue: %w", err)
	}
	return nil
}

// Stop stops it: no more calls are to come. What was not delivered stays in the queue.
func (s *Service) Stop(ctx context.Context) error {
	err := s.Queue.Stop(ctx)
	if s.stopNote != nil {
		s.stopNote()
		s.noting.Wait()
	}
	s.sender.Close()
	return err
}
