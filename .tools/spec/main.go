// Command spec says what an edit of the specification means to those who use it.
//
//	spec verdict   [-oasdiff FILE] [-accepted FILE] [-base FILE] REVISION
//	spec changelog [-oasdiff FILE] [-accepted FILE] [-base FILE] REVISION
//
// It judges every key that differs from the released specification, or from BASE: extensions, callbacks and
// headers too, at which oasdiff does not look. What oasdiff finds besides counts as well.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "spec:", err)
		os.Exit(1)
	}
}

const acceptedFile = ".tools/spec/accepted.txt"

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("say verdict or changelog")
	}
	const released = ".tools/spec/released.yaml"
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	oasdiff := flags.String("oasdiff", "bin/oasdiff", "oasdiff's binary")
	accepted := flags.String("accepted", acceptedFile, "changes that were reviewed")
	base := flags.String("base", released, "the specification before")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("name the specification")
	}
	c, err := judge(*oasdiff, *base, flags.Arg(0))
	if err != nil {
		return err
	}
	// What was accepted since the release has to be there, compared with the release alone.
	if err := c.accept(*accepted, *base == released); err != nil {
		return err
	}
	switch args[0] {
	case "verdict":
		return c.verdict(os.Stdout)
	case "changelog":
		c.changelog(os.Stdout)
		return nil
	default:
		return fmt.Errorf("there is no %s, only verdict and changelog", args[0])
	}
}

// comparison is what differs between two specifications.
type comparison struct {
	changes []change
	before  string // info.version
	after   string
	differs bool
}

func judge(oasdiff, base, revision string) (*comparison, error) {
	before, err := load(base)
	if err != nil {
		return nil, err
	}
	after, err := load(revision)
	if err != nil {
		return nil, err
	}
	c := &comparison{
		changes: compare(before, after),
		before:  version(before), after: version(after),
		differs: plain(before.root) != plain(after.root),
	}
	second, err := secondOpinion(oasdiff, base, revision)
	if err != nil {
		return nil, err
	}
	for _, found := range second {
		if !explained(found, c.changes) {
			c.changes = append(c.changes, found)
		}
	}
	sortChanges(c.changes)
	return c, nil
}

func version(d *document) string { return get(d.root, "info").get("version").value() }
