// Command bench compares the service with others and says which goals are met. The two sides of a row take turns in one
// run, so that the speed of the machine affects both. server/PERFORMANCE.md explains the rows, and why some are short. A
// short row that is not listed there makes the exit code 1.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// rows are in the order in which they are printed.
var rows = slices.Concat(chainRows, throughputRows, rivalRows, clientRows, storeRows, processRows, deliveryRows, uploadRows)

func main() {
	chosen := flag.String("rows", "", "rows to measure, separated by commas; all by default")
	rounds := flag.Int("rounds", 7, "rounds of each row, at least 5")
	output := flag.String("o", "bench.json", "file to write; a chart goes beside it, as .svg")
	flag.Parse()
	if err := run(*chosen, *rounds, *output); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(chosen string, rounds int, output string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	measured, err := choose(chosen)
	if err != nil {
		return err
	}
	if rounds < 5 {
		return fmt.Errorf("%d rounds: at least 5 are needed", rounds)
	}
	report := report{At: time.Now().UTC().Truncate(time.Second), Go: runtime.Version(), CPUs: runtime.NumCPU()}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "row\tours\ttheirs\tratio or other value\tgoal\t\t")
	for _, r := range measured {
		fmt.Fprintf(os.Stderr, "%s: %s ...\n", r.id, r.what)
		s, err := r.measure(ctx, rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", r.id, err)
		}
		for _, l := range r.lines {
			result, err := r.judge(l, s)
			if err != nil {
				return err
			}
			report.Results = append(report.Results, result)
			_, _ = fmt.Fprintln(table, result)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(output, append(text, '\n'), 0o600); err != nil {
		return err
	}
	drawing := strings.TrimSuffix(output, ".json") + ".svg"
	if err := os.WriteFile(drawing, []byte(chart(report.Results)), 0o600); err != nil {
		return err
	}
	return explain(report.Results)
}

// choose returns the rows of a list of ids.
func choose(list string) ([]row, error) {
	if list == "" {
		return rows, nil
	}
	var chosen []row
	for id := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(rows, func(r row) bool { return strings.EqualFold(r.id, strings.TrimSpace(id)) })
		if i < 0 {
			return nil, fmt.Errorf("there is no row %q", id)
		}
		chosen = append(chosen, rows[i])
	}
	return chosen, nil
}

type report struct {
	At      time.Time `json:"at"`
	Go      string    `json:"go"`
	CPUs    int       `json:"cpus"`
	Results []result  `json:"results"`
}

// String is the line as it is printed.
func (r result) String() string {
	theirs, verdict := "", "ok"
	if r.Theirs != nil {
		theirs = fmt.Sprintf("%.4g %s", *r.Theirs, r.Unit)
	}
	if !r.OK {
		verdict = "short"
	}
	return fmt.Sprintf("%s\t%.4g %s\t%s\t%.2f\t%s\t%s\t", r.Row, r.Ours, r.Unit, theirs, r.Value, r.Goal, verdict)
}
