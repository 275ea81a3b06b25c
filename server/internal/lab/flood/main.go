// Command flood opens thousands of slow and malformed connections to the sample service, while a
// well-behaved caller goes on calling. It exits with 1 if that caller ever goes without an answer, or
// if the service's memory is not bounded.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/lab/process"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

const (
	// patience is how long a bad connection waits for the service to end it.
	patience = 30 * time.Second
	// goodEvery is how often the good caller calls.
	goodEvery = 20 * time.Millisecond
	// limit bounds the whole run.
	limit = 10 * time.Minute
	// memoryLimit is the most the service may use, in MB.
	memoryLimit = 256
)

// kinds are the ways to be a nuisance. Each writes what it has to say and returns; the connection
// is then held until the service ends it.
var kinds = map[string]func(net.Conn){
	"silent":         func(net.Conn) {},
	"half a request": func(c net.Conn) { say(c, "POST /management/clients/ind") },
	"endless header": func(c net.Conn) { say(c, "POST / HTTP/1.1\r\nHost: x\r\nX-Pad: "); drip(c, strings.Repeat("a", 512)) },
	"slow header":    func(c net.Conn) { say(c, "POST / HTTP/1.1\r\nHost: x\r\n"); drip(c, "X") },
	"slow body":      func(c net.Conn) { say(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"); drip(c, "x") },
	"not HTTP":       func(c net.Conn) { say(c, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n") },
	"two lengths": func(c net.Conn) {
		say(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")
	},
	"large header": func(c net.Conn) {
		say(c, "POST / HTTP/1.1\r\nHost: x\r\nX-Pad: "+strings.Repeat("a", 64<<10)+"\r\n\r\n")
	},
	"bad chunks":       func(c net.Conn) { say(c, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n") },
	"reads no answer":  func(c net.Conn) { say(c, strings.Repeat("GET /openapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n", 20)) },
	"unknown key":      func(c net.Conn) { say(c, "POST "+path+" HTTP/1.1\r\nHost: x\r\nx-api-key: guess\r\n\r\n") },
	"hangs up at once": func(c net.Conn) { _ = c.Close() },
	"hangs up mid-call": func(c net.Conn) {
		say(c, "POST "+path+" HTTP/1.1\r\nHost: x\r\nx-api-key: "+sample.KeyLevel3+"\r\n\r\n")
		_ = c.Close()
	},
}

var path = "/management/clients/individuals/" + sample.Cases[1].ClientID + "/products/" + sample.Cases[1].RequestID + "/submit"

func main() {
	total := flag.Int("connections", 10_000, "connections in all")
	atOnce := flag.Int("at-once", 2_000, "connections at the same time")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: flood [flags] PATH-OF-ENABLEMENTD")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *total, *atOnce); err != nil {
		fmt.Fprintln(os.Stderr, "flood:", err)
		os.Exit(1)
	}
}

func run(binary string, total, atOnce int) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	service, err := process.Serve(ctx, binary, "--sample", "--log-level", "error")
	if err != nil {
		return err
	}
	defer service.Kill()
	address := strings.TrimPrefix(service.URL, "http://")

	flooding, stop := context.WithCancel(ctx)
	var good caller
	var calling sync.WaitGroup
	calling.Go(func() { good.call(flooding, service.URL+path) })
	peak := watchMemory(flooding, &calling, service.PID())
	started := time.Now()
	ended, held := flood(flooding, address, total, atOnce)
	took := time.Since(started)
	stop()
	calling.Wait()

	fmt.Printf("connections=%d at-once=%d ended-by-service=%d held-too-long=%d took=%s\n", total, atOnce, ended, held, took.Round(time.Second))
	fmt.Printf("good-calls=%d failed=%d p50=%s p99=%s max=%s memory-peak=%dMB\n", len(good.took), good.failed,
		process.Quantile(good.took, 0.5), process.Quantile(good.took, 0.99), process.Quantile(good.took, 1), peak.Load())
	code := service.Stop()
	switch {
	case code != 0:
		return fmt.Errorf("the service ended with %d:\n%s", code, service.Output())
	case good.failed > 0 || len(good.took) == 0:
		return errors.New("the good caller went without an answer")
	case held > 0:
		return errors.New("the service held connections for too long")
	case peak.Load() > memoryLimit:
		return fmt.Errorf("the service used more than %d MB", memoryLimit)
	}
	return nil
}

// flood opens all connections and returns how many the service ended, and how many it did not.
func flood(ctx context.Context, address string, total, atOnce int) (ended, held int64) {
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	var endedCount, heldCount atomic.Int64
	slots := make(chan struct{}, atOnce)
	var group sync.WaitGroup
	for i := range total {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			if nuisance(ctx, address, kinds[names[i%len(names)]]) {
				endedCount.Add(1)
			} else {
				heldCount.Add(1)
			}
		})
	}
	group.Wait()
	return endedCount.Load(), heldCount.Load()
}

// nuisance makes one bad connection and tells whether it came to an end in time.
func nuisance(ctx context.Context, address string, be func(net.Conn)) bool {
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", address)
	if err != nil {
		return true // refused is an end, too
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	be(conn)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	_, err = io.Copy(io.Discard, conn)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

func say(c net.Conn, text string) { _, _ = io.WriteString(c, text) }

// drip writes a little every half second until the connection ends.
func drip(c net.Conn, text string) {
	for {
		if _, err := io.WriteString(c, text); err != nil {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// caller is the well-behaved one.
type caller struct {
	took   []time.Duration
	failed int
}

func (c *caller) call(ctx context.Context, url string) {
	client := &http.Client{Timeout: patience}
	ticker := time.NewTicker(goodEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		started := time.Now()
		if err := submit(ctx, client, url); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "flood: good call:", err)
			c.failed++
		}
		c.took = append(c.took, time.Since(started))
	}
}

func submit(ctx context.Context, client *http.Client, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return err
	}
	r.Header.Set("x-api-key", sample.KeyLevel3)
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

// watchMemory keeps the most resident memory that the process had, in MB.
func watchMemory(ctx context.Context, group *sync.WaitGroup, pid int) *atomic.Int64 {
	peak := &atomic.Int64{}
	group.Go(func() {
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				peak.Store(max(peak.Load(), residentMB(pid)))
			}
		}
	})
	return peak
}

func residentMB(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	match := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	if match == nil {
		return 0
	}
	var kb int64
	_, _ = fmt.Sscan(string(match[1]), &kb) // digits, as matched
	return kb / 1024
}
