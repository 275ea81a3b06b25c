package main

import (
	"fmt"
	"os"
	"strings"
)

// accept reads the changes that were reviewed: id, text and reason, with bars between. With all, each line has
// to fit a change.
func (c *comparison) accept(file string, all bool) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for number, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, " | ")
		if len(fields) != 3 || strings.TrimSpace(fields[2]) == "" {
			return fmt.Errorf("breaking: %s:%d is not ID | TEXT | REASON: give the change and why it has to be", file, number+1)
		}
		fits := false
		for i, change := range c.changes {
			if change.verdict > compatible && change.id == strings.TrimSpace(fields[0]) && change.text == strings.TrimSpace(fields[1]) {
				c.changes[i].reason = strings.TrimSpace(fields[2])
				fits = true
			}
		}
		if all && !fits {
			return fmt.Errorf("breaking: %s:%d accepts a change that openapi.yaml does not have, or that turns nobody away: remove the line", file, number+1)
		}
	}
	return nil
}
