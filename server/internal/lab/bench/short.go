package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// page has the reasons why rows are short, under a heading of their own.
const (
	page    = "server/PERFORMANCE.md"
	heading = "## Rows that are short"
)

var reason = regexp.MustCompile(`(?m)^\| (P[0-9]+[a-z]?(?: [a-z0-9/µ-]+)?) \| (.+) \|$`)

// reasons returns why rows may be short, by row and perhaps unit, such as "P1" or "P10 µs-sqlite".
func reasons(page string) (map[string]string, error) {
	_, section, found := strings.Cut(page, "\n"+heading+"\n")
	if !found {
		return nil, fmt.Errorf("there is no heading %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	known := map[string]string{}
	for _, match := range reason.FindAllStringSubmatch(section, -1) {
		known[match[1]] = match[2]
	}
	return known, nil
}

// explained returns an error if a result is short and nobody says why.
func explained(results []result, known map[string]string) error {
	var short []string
	for _, r := range results {
		if !r.OK && known[r.Row] == "" && known[r.Row+" "+r.Unit] == "" {
			short = append(short, r.Row+" "+r.Unit)
		}
	}
	if short == nil {
		return nil
	}
	return fmt.Errorf("short: %s. Mend it, or give the reason in %s, %q", strings.Join(short, ", "), page, heading)
}

func explain(results []result) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	known, err := reasons(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return explained(results, known)
}
