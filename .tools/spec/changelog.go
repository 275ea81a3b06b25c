package main

import (
	"fmt"
	"io"
)

// changelog writes the difference as Markdown.
func (c *comparison) changelog(w io.Writer) {
	fmt.Fprintf(w, "## From %s to %s\n", c.before, c.after)
	switch {
	case len(c.changes) > 0:
	case c.differs:
		fmt.Fprint(w, "\nWords only: descriptions, examples or the like.\n")
	default:
		fmt.Fprint(w, "\nNothing changed.\n")
	}
	titles := map[verdict]string{breaking: "Breaking", review: "Reviewed", compatible: "Compatible"}
	for _, v := range []verdict{breaking, review, compatible} {
		title := "\n### " + titles[v] + "\n\n"
		for _, change := range c.changes {
			if change.verdict == v {
				fmt.Fprintf(w, "%s- %s\n", title, change.text)
				title = ""
			}
		}
	}
}
