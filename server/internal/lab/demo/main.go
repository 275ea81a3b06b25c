// Command demo runs the whole flow against the sample service: an incomplete request, a complete
// one, and the notification the provider gets. It exits with 1 if any step is not as it should be.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/lab/process"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

// limit bounds the whole demonstration.
const limit = time.Minute

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: demo PATH-OF-ENABLEMENTD")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(binary string) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	service, err := process.Serve(ctx, binary, "--sample")
	if err != nil {
		return err
	}
	err = flow(ctx, service)
	if code := service.Stop(); code != 0 {
		err = errors.Join(err, fmt.Errorf("the service ended with %d:\n%s", code, service.Output()))
	}
	return err
}

func flow(ctx context.Context, service *process.Process) error {
	c, err := client.New(sample.KeyLevel3, client.WithBaseURL(service.URL))
	if err != nil {
		return err
	}
	complete, incomplete := sample.Cases[0], sample.Cases[1]

	fmt.Println("1. Submitting a request whose client lacks data and a document:")
	submission, err := c.SubmitProduct(ctx, incomplete.ClientID, incomplete.RequestID)
	if err != nil {
		return err
	}
	fmt.Println("   status ", submission.Product.Status)
	missing := submission.Product.MissingRequirements
	for _, document := range missing.Documents {
		fmt.Println("   missing", document.Name)
	}
	for _, data := range missing.Data {
		for _, field := range data.Fields {
			fmt.Println("   missing", data.Name+":", field.Key)
		}
	}
	if submission.Product.Status != api.PendingDocumentation || len(missing.Documents) == 0 || len(missing.Data) == 0 {
		return errors.New("the incomplete request should be pending with a document and data missing")
	}

	fmt.Println("2. Submitting a request with nothing left missing:")
	submission, err = c.SubmitProduct(ctx, complete.ClientID, complete.RequestID)
	if err != nil {
		return err
	}
	fmt.Println("   status ", submission.Product.Status)
	if submission.Product.Status != api.InKyc {
		return errors.New("the complete request should be in KYC")
	}

	fmt.Println("3. Waiting for the provider:")
	notification, err := service.WaitFor(ctx, `msg="provider: notification verified" (.*)`)
	if err != nil {
		return err
	}
	fmt.Println("   verified", notification[1])
	if !strings.Contains(notification[1], complete.RequestID) {
		return errors.New("the notification should be about the complete request")
	}
	return nil
}
