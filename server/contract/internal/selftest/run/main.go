// Command run runs deliberately wrong servers and clients against package contract, written by hand and made by
// changing right answers. It fails unless all of the first were caught, and nearly all of the others.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/cryptomate-go/enablement/server/contract/internal/selftest"
)

func main() {
	if err := errors.Join(selftest.Run(os.Stdout, selftest.Faults()), measure()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// seed chooses among mutants that differ by their case only, and each is how many of them are run.
const seed, each = 1, 4

func measure() error {
	mutants, err := selftest.Mutants(seed, each)
	if err != nil {
		return err
	}
	fmt.Println()
	return selftest.Measure(os.Stdout, mutants)
}
