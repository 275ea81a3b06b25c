package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestInterrupted: what waits for a text to read ends with the first signal.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	const begin = 70_000 // bytes, of which a pipe holds fewer: who has written them knows that they are read
	for want, args := range map[string][]string{
		"import -: interrupted while it was read; nothing was imported": {"import", "-"},
		"--description-file: interrupted while it was read":             {"review", "reject", "rq_1", "--description-file", "-"},
	} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			in, writer, err := os.Pipe()
			require.NoError(t, err)
			t.Cleanup(func() { _ = writer.Close() })
			var errs bytes.Buffer
			c := exec.CommandContext(t.Context(), binary, args...)
			c.Dir, c.Stdin, c.Stderr = t.TempDir(), in, &errs
			require.NoError(t, c.Start())
			require.NoError(t, in.Close())
			_, err = writer.WriteString("{" + strings.Repeat(" ", begin))
			require.NoError(t, err)
			require.NoError(t, c.Process.Signal(syscall.SIGINT))
			require.ErrorAs(t, c.Wait(), new(*exec.ExitError))
			require.Equal(t, 1, c.ProcessState.ExitCode(), errs.String())
			require.Equal(t, "enablementd: "+want+"\n", errs.String())
		})
	}
}
