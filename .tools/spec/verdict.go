package main

import (
	"fmt"
	"io"
	"strings"
)

// verdict prints what every change means, and fails if one was neither compatible nor accepted.
func (c *comparison) verdict(w io.Writer) error {
	var refused []change
	for _, change := range c.changes {
		switch {
		case change.verdict == compatible:
			fmt.Fprintf(w, "  compatible  %s: %s\n", change.place(), change.text)
		case change.reason != "":
			fmt.Fprintf(w, "  accepted    %s: %s (%s)\n", change.place(), change.text, change.reason)
		default:
			fmt.Fprintf(w, "  %-10s  %s: %s [%s]\n", change.verdict, change.place(), change.text, change.id)
			refused = append(refused, change)
		}
	}
	if len(refused) > 0 {
		return refusal(refused)
	}
	step, next, err := c.step()
	switch {
	case err != nil:
		return err
	case step == "":
		fmt.Fprintf(w, "no change: the version stays %s\n", c.before)
	case compareVersions(c.after, next) < 0:
		fmt.Fprintf(w, "a %s step: info.version is %s, release this as %s or later\n", step, c.after, next)
	default:
		fmt.Fprintf(w, "a %s step: from %s to %s\n", step, c.before, c.after)
	}
	return nil
}

// refusal says what to do about the first change, which is the worst.
func refusal(refused []change) error {
	first := refused[0]
	more := ""
	if len(refused) > 1 {
		more = fmt.Sprintf(", and %d more", len(refused)-1)
	}
	line := fmt.Sprintf("add the line '%s | %s | your reason' to %s", first.id, first.text, acceptedFile)
	if first.verdict == review {
		return fmt.Errorf("breaking: no rule can tell whether this turns somebody away and it must be reviewed: %s, at %s%s: "+
			"take it back; or, if nobody is turned away, %s", first.text, first.place(), more, line)
	}
	return fmt.Errorf("breaking: %s, at %s%s: %s; where it has to be, %s and plan a major version",
		first.text, first.place(), more, first.advice(), line)
}

// advice says what to do about a change that breaks.
func (c change) advice() string {
	switch {
	case strings.HasSuffix(c.id, "-removed"):
		return "keep it, and if it got another name, add that beside it"
	case strings.Contains(c.id, "required"):
		return "make it optional"
	default:
		return "take it back"
	}
}
