package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// benchmark measures by a Go benchmark, run once for each round, that lets both sides take turns and
// reports what it finds as metrics such as ours-ns and theirs-ns. dir is that of its module, from the
// root of the repository.
func benchmark(dir, pattern, pkg string) func(context.Context, int) (samples, error) {
	return func(ctx context.Context, rounds int) (samples, error) {
		output, err := command(ctx, "go", "test", "-C", dir, "-run", "^$", "-bench", pattern, "-benchtime", "2s",
			"-count", strconv.Itoa(rounds), pkg)
		if err != nil {
			return nil, err
		}
		return parse(output)
	}
}

// parse reads the metrics of what prints as Go's benchmarks do.
func parse(output []byte) (samples, error) {
	s := samples{}
	lines := bufio.NewScanner(bytes.NewReader(output))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		for i := 2; i+1 < len(fields); i += 2 { // behind the name and the number of runs
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", lines.Text(), err)
			}
			s[fields[i+1]] = append(s[fields[i+1]], value)
		}
	}
	return s, lines.Err()
}

// command runs a command and returns what it prints.
func command(ctx context.Context, name string, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	var output, errs bytes.Buffer
	command.Stdout, command.Stderr = &output, &errs
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, errs.String(), output.String())
	}
	return output.Bytes(), nil
}
