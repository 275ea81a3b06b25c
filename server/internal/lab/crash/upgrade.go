package main

import (
	"context"
	"fmt"

	"github.com/cryptomate-go/enablement/server/internal/lab/process"
)

// upgrade replaces the processes by those of another program, one after the other, as an operator does: the new one
// serves before the old one is told to stop. No call may be without a response meanwhile.
func (f *fleet) upgrade(ctx context.Context, binary string, t *told) error {
	f.binary = binary
	before, unknown := t.calls.Load(), t.unknown.Load()
	for range len(f.running) {
		process.Pause(ctx, longestLife)
		if err := f.start(ctx); err != nil {
			return err
		}
		process.Pause(ctx, longestLife)
		f.mu.Lock()
		old := f.running[0]
		f.running = f.running[1:]
		f.mu.Unlock()
		if code := old.Stop(); code != 0 {
			return fmt.Errorf("a process of the version before ended with %d:\n%s", code, old.Output())
		}
	}
	process.Pause(ctx, longestLife)
	calls, lost := t.calls.Load()-before, t.unknown.Load()-unknown
	fmt.Printf("upgraded processes=%d calls=%d without-response=%d\n", len(f.running), calls, lost)
	if lost > 0 || calls == 0 {
		return fmt.Errorf("a rolling upgrade lost %d of %d calls", lost, calls)
	}
	return nil
}
