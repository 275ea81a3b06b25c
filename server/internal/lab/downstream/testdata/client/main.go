// Command consumer is a program of somebody else, in a module of its own, that uses the client.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/cryptomate-go/enablement/client"
)

func main() {
	c, err := client.FromEnv(client.WithUserAgent("consumer/1.0"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	submission, err := c.SubmitProduct(context.Background(), os.Args[1], os.Args[2])
	if failed, ok := errors.AsType[*client.Error](err); ok {
		fmt.Println(failed.Outcome, len(failed.Attempts))
		os.Exit(1)
	}
	fmt.Println(submission.Product.Status, submission.Complete(), len(submission.Missing()))
}
