package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/lab/process"
)

// load submits over HTTP, each client over a connection of its own. It writes and reads by itself: what an
// HTTP client does beyond that would count against the service, which has the same cores.
type load struct {
	address, key string
	next         atomic.Int64

	mu   sync.Mutex
	took []time.Duration
}

func (l *load) run(ctx context.Context, clients int, lasting time.Duration) (float64, error) {
	return together(ctx, clients, lasting, func(ctx context.Context, end time.Time) (int, error) {
		took, err := l.client(ctx, end)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.took = append(l.took, took...)
		return len(took), err
	})
}

// together has so many clients make calls at the same time, and returns how many calls a second all of them made.
func together(ctx context.Context, clients int, lasting time.Duration, client func(ctx context.Context, end time.Time) (calls int, err error)) (float64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	started := time.Now()
	var done atomic.Int64
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			calls, err := client(ctx, started.Add(lasting))
			if err != nil {
				cancel(err)
			}
			done.Add(int64(calls))
		})
	}
	group.Wait()
	return float64(done.Load()) / time.Since(started).Seconds(), context.Cause(ctx)
}

func (l *load) client(ctx context.Context, end time.Time) (took []time.Duration, err error) {
	c, err := l.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer c.close()
	for begun := time.Now(); begun.Before(end) && ctx.Err() == nil; begun = time.Now() {
		if err := c.submit(int(l.next.Add(1) - 1)); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begun))
	}
	return took, nil
}

// connection is a client's.
type connection struct {
	net.Conn
	load      *load
	responses *bufio.Reader
}

func (l *load) dial(ctx context.Context) (*connection, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.address)
	if err != nil {
		return nil, err
	}
	return &connection{conn, l, bufio.NewReader(conn)}, nil
}

func (c *connection) close() { _ = c.Close() }

// submit submits the nth request.
func (c *connection) submit(n int) error {
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c, "POST /management/clients/individuals/%s/products/%s/submit HTTP/1.1\r\n"+
		"Host: %s\r\nx-api-key: %s\r\nContent-Length: 0\r\n\r\n", process.ClientID(n), process.RequestID(n), c.load.address, c.load.key); err != nil {
		return err
	}
	return inKYC(c.responses)
}

// inKYC reads a response, which must say that the request entered KYC.
func inKYC(responses *bufio.Reader) error {
	resp, err := http.ReadResponse(responses, nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(`"in_kyc"`)) {
		return fmt.Errorf("%d %s", resp.StatusCode, body)
	}
	return nil
}
