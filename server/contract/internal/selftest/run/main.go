// Command run runs deliberately wrong servers and clients against package contract, and fails unless
// all were caught.
package main

import (
	"fmt"
	"os"

	"github.com/cryptomate-go/enablement/server/contract/internal/selftest"
)

func main() {
	if err := selftest.Run(os.Stdout, selftest.Faults()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
