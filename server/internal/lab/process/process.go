// Package process runs the built service beside a program or a test, as a user would.
package process

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
)

// Process is a running service.
type Process struct {
	// URL is where it listens, Admin the operators' listener.
	URL, Admin string

	command *exec.Cmd
	ended   chan struct{}

	mu     sync.Mutex
	output bytes.Buffer
}

// lookEvery is how often output is looked at that is waited for.
const lookEvery = 5 * time.Millisecond

// Start starts `binary serve` on free ports, with more flags. The process lives until Stop or Kill.
func Start(ctx context.Context, binary string, flags ...string) (*Process, error) {
	p := &Process{ended: make(chan struct{})}
	p.command = exec.CommandContext(context.WithoutCancel(ctx), binary,
		append([]string{"serve", "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"}, flags...)...)
	p.command.Stdout, p.command.Stderr = p, p
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.command.Wait() // the exit code tells
		close(p.ended)
	}()
	return p, nil
}

// Listen is Start, and returns when the API is served.
func Listen(ctx context.Context, binary string, flags ...string) (*Process, error) {
	p, err := Start(ctx, binary, flags...)
	if err != nil {
		return nil, err
	}
	return p, p.learn(ctx, `listens on (https?://\S+)`, &p.URL)
}

// Serve is Listen, and returns when the operators' listener is there, too.
func Serve(ctx context.Context, binary string, flags ...string) (*Process, error) {
	p, err := Listen(ctx, binary, flags...)
	if err != nil {
		return nil, err
	}
	return p, p.learn(ctx, `Operators: (http://\S+)`, &p.Admin)
}

// learn takes an address from what the process prints. Without one it ends the process.
func (p *Process) learn(ctx context.Context, pattern string, address *string) error {
	match, err := p.WaitFor(ctx, pattern)
	if err != nil {
		p.Kill()
		return err
	}
	*address = match[1]
	return nil
}

// Write implements [io.Writer] for what the process prints.
func (p *Process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(b)
}

// Output is all that the process printed and logged so far.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// WaitFor waits until the output matches and returns the match and its groups. It returns an error
// when the process or the context ends before.
func (p *Process) WaitFor(ctx context.Context, pattern string) ([]string, error) {
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		ended := p.hasEnded() // before the look, so that its last words are not missed
		if match := expression.FindStringSubmatch(p.Output()); match != nil {
			return match, nil
		}
		if ended {
			return nil, fmt.Errorf("the service ended with %d before it said %q:\n%s", p.ExitCode(), pattern, p.Output())
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the service to say %q: %w:\n%s", pattern, ctx.Err(), p.Output())
		}
	}
}

func (p *Process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// PID is the system's number of the process.
func (p *Process) PID() int { return p.command.Process.Pid }

// Signal sends a signal; an ended process takes none.
func (p *Process) Signal(signal syscall.Signal) { _ = p.command.Process.Signal(signal) }

// Wait waits for the end and returns the exit code.
func (p *Process) Wait() int {
	<-p.ended
	return p.ExitCode()
}

// ExitCode is -1 where a signal ended the process.
func (p *Process) ExitCode() int { return p.command.ProcessState.ExitCode() }

// Used is the processor time of the process, once it has ended.
func (p *Process) Used() time.Duration {
	return p.command.ProcessState.UserTime() + p.command.ProcessState.SystemTime()
}

// Stop ends the process as an operator would and returns its exit code.
func (p *Process) Stop() int {
	p.Signal(syscall.SIGTERM)
	return p.Wait()
}

// Kill ends the process as a power cut would.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	p.Wait()
}

// Run runs another command of the binary to its end and returns what it prints.
func Run(ctx context.Context, binary string, stdin []byte, args ...string) (string, error) {
	command := exec.CommandContext(ctx, binary, args...)
	command.Stdin = bytes.NewReader(stdin)
	var errs bytes.Buffer
	command.Stderr = &errs
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("enablementd %s: %w: %s", args[0], err, errs.String())
	}
	return strings.TrimSpace(string(output)), nil
}

// Prepare makes a database with this data in it and returns an API key of the company.
func Prepare(ctx context.Context, binary, db, company string, data *dataset.Dataset) (key string, err error) {
	text, err := json.Marshal(data)
	if err != nil {
		return "", err
	}
	for _, args := range [][]string{{"migrate"}, {"import", "-"}} {
		if _, err := Run(ctx, binary, text, append(args, "--db", db)...); err != nil {
			return "", err
		}
	}
	return Run(ctx, binary, nil, "keys", "create", "--company", company, "--db", db)
}
