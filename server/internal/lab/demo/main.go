// Command demo walks the whole way against the sample service: a client is created, asks for a product, is completed,
// submitted and decided on. One is enabled, and one is rejected. It exits with 1 if any step is not as it should be. With
// -curl it does so by curl alone, and prints each call.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/lab/process"
)

// limit bounds the whole demonstration.
const limit = time.Minute

func main() {
	curl := flag.Bool("curl", false, "call the API by curl")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: demo [-curl] PATH-OF-ENABLEMENTD")
		os.Exit(2)
	}
	walk := bySDK
	if *curl {
		walk = byCurl
	}
	if err := run(flag.Arg(0), walk); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(binary string, walk func(context.Context, *process.Process) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	service, err := process.Serve(ctx, binary, "--sample")
	if err != nil {
		return err
	}
	err = walk(ctx, service)
	if code := service.Stop(); code != 0 {
		err = errors.Join(err, fmt.Errorf("the service ended with %d:\n%s", code, service.Output()))
	}
	return err
}
