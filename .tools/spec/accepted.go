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
		if strings.Count(line, " | ") < 2 {
			return fmt.Errorf("breaking: %s:%d is not ID | TEXT | REASON: give the change and why it has to be", file, number+1)
		}
		fits := false
		for i, change := range c.changes {
			reason, found := strings.CutPrefix(line, change.id+" | "+change.text+" | ") // a text may have a bar, too
			if change.verdict > compatible && found {
				c.changes[i].reason = reason
				fits = true
			}
		}
		if all && !fits {
			return fmt.Errorf("breaking: %s:%d accepts a change that openapi.yaml does not have, or that turns nobody away: remove the line", file, number+1)
		}
	}
	return nil
}
