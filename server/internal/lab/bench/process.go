package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/lab/process"
)

// The built programs.
var processRows = []row{
	{
		id: "P7", what: "cold start to the first response, on an existing SQLite file", measure: measureStart,
		lines: []line{{"ms", alone, goal{"≤", 60, "ms"}}},
	},
	{
		id: "P7b", what: "a program with the client beside one that calls net/http", measure: measureSize,
		lines: []line{{"MB", surplus, goal{"≤", 1.5, "MB more"}}},
	},
	{
		id: "P13", what: "an idle process, of a core", measure: measureIdle,
		lines: []line{{"%-sqlite", alone, goal{"≤", 0.3, "%"}}, {"%-postgres", alone, goal{"≤", 0.3, "%"}}},
	},
}

const (
	binary  = "bin/enablementd"
	company = "cmp_bench"
	starts  = 11 // at least
)

// measureStart starts the service again and again, and submits a request that is complete.
func measureStart(ctx context.Context, rounds int) (samples, error) {
	rounds = max(rounds, starts)
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	provider, flags := process.NewProvider()
	defer provider.Close()
	db := filepath.Join(dir, "bench.db")
	key, err := process.Prepare(ctx, binary, db, company, process.Company(company, rounds))
	if err != nil {
		return nil, err
	}
	s := samples{}
	for n := range rounds {
		took, err := startOnce(ctx, n, key, append(flags, "--db", db)...)
		if err != nil {
			return nil, err
		}
		s["ours-ms"] = append(s["ours-ms"], float64(took.Microseconds())/1000)
	}
	return s, nil
}

// startOnce measures from before the start until the response to a submission.
func startOnce(ctx context.Context, n int, key string, flags ...string) (time.Duration, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	submit, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+
		"/management/clients/individuals/"+process.ClientID(n)+"/products/"+process.RequestID(n)+"/submit", nil)
	if err != nil {
		return 0, err
	}
	submit.Header.Set("x-api-key", key)
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()

	service := exec.CommandContext(ctx, binary, append([]string{"serve", "--addr", address, "--admin-addr", "127.0.0.1:0"}, flags...)...)
	service.Cancel = func() error { return service.Process.Signal(syscall.SIGTERM) }
	began := time.Now()
	if err := service.Start(); err != nil {
		return 0, err
	}
	defer func() {
		cancel()
		_ = service.Wait() // ended by the signal
	}()
	for {
		resp, err := transport.RoundTrip(submit)
		if err == nil {
			took := time.Since(began)
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return 0, fmt.Errorf("the first response is %s", resp.Status)
			}
			return took, nil
		}
		if ctx.Err() != nil {
			return 0, fmt.Errorf("no response: %w", err)
		}
		process.Pause(ctx, time.Millisecond) // it doesn't listen yet
	}
}

func freeAddress(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// measureIdle measures by the command of that name.
func measureIdle(ctx context.Context, rounds int) (samples, error) {
	output, err := command(ctx, ".ci/postgres", "run", "go", "run", "./server/internal/lab/idle", "-rounds", strconv.Itoa(rounds), binary)
	if err != nil {
		return nil, err
	}
	return parse(output)
}

// measureSize builds both programs as one would for a release.
func measureSize(ctx context.Context, _ int) (samples, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s := samples{}
	for unit, name := range map[string]string{"ours-MB": "client", "theirs-MB": "plain"} {
		program := filepath.Join(dir, name)
		if _, err := command(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./server/internal/lab/bench/testdata/"+name); err != nil {
			return nil, err
		}
		info, err := os.Stat(program)
		if err != nil {
			return nil, err
		}
		s[unit] = []float64{float64(info.Size()) / 1e6}
	}
	return s, nil
}
