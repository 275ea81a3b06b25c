// Command demo walks the whole way against the sample service: a client is created, asks for a product, is
// completed and submitted; and a request that lacks nothing enters KYC, of which the provider is notified. It exits
// with 1 if any step is not as it should be.
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
	if err := complete(ctx, c); err != nil {
		return err
	}
	return submit(ctx, c, service)
}

// complete creates a client that lacks a phone number and a document, and completes its data.
func complete(ctx context.Context, c *client.Client) error {
	fmt.Println("1. Creating a client without a phone number:")
	person := api.ClientInput{
		FirstName: "Demo", LastName: "Person", Email: "demo.person@example.com", BirthDate: "1990-05-17",
		Address: api.AddressInput{StreetLine1: "Demo street 1", City: "Del Viso", PostalCode: "1669", State: "ARG-B", Country: "ARG"},
	}
	created, err := c.CreateClient(ctx, person)
	if err != nil {
		return err
	}
	fmt.Println("   client ", created.ID, created.Status)

	fmt.Println("2. Requesting a card for it:")
	request, err := c.RequestProduct(ctx, created.ID, api.CardsIndividuals)
	if err != nil {
		return err
	}
	fmt.Println("   request", request.ID, request.Status)

	fmt.Println("3. Listing its products:")
	if err := lacks(ctx, c, created.ID, "identity_document", "phone"); err != nil {
		return err
	}

	fmt.Println("4. Submitting the request, while something is missing:")
	evaluated, err := c.SubmitProduct(ctx, created.ID, request.ID)
	if err != nil {
		return err
	}
	fmt.Println("   status ", evaluated.Product.Status)
	if evaluated.Complete() {
		return errors.New("a request that lacks something should not be complete")
	}

	fmt.Println("5. Updating the client, now with a phone number, and listing again:")
	person.PhoneCountryCode, person.PhoneNumber = 54, 91123456789
	if _, err := c.UpdateClient(ctx, created.ID, person); err != nil {
		return err
	}
	return lacks(ctx, c, created.ID, "identity_document")
}

// lacks lists a client's products, which should lack these documents and fields.
func lacks(ctx context.Context, c *client.Client, clientID string, want ...string) error {
	products, err := c.Products(ctx, clientID)
	if err != nil {
		return err
	}
	var missing []string
	for _, product := range products {
		for _, document := range product.MissingRequirements.Documents {
			missing = append(missing, document.ID)
		}
		for _, data := range product.MissingRequirements.Data {
			for _, field := range data.Fields {
				missing = append(missing, field.Key)
			}
		}
	}
	fmt.Println("   missing", strings.Join(missing, ", "))
	if strings.Join(missing, " ") != strings.Join(want, " ") {
		return fmt.Errorf("missing should be %s", strings.Join(want, ", "))
	}
	return nil
}

// submit submits a request of the sample that lacks nothing.
func submit(ctx context.Context, c *client.Client, service *process.Process) error {
	whole := sample.Cases[0]
	fmt.Println("6. Submitting a request of the sample, whose document is stored already:")
	evaluated, err := c.SubmitProduct(ctx, whole.ClientID, whole.RequestID)
	if err != nil {
		return err
	}
	fmt.Println("   status ", evaluated.Product.Status)
	if !evaluated.Complete() {
		return errors.New("the complete request should be in KYC")
	}

	fmt.Println("7. Waiting for the provider:")
	notification, err := service.WaitFor(ctx, `msg="provider: notification verified" (.*)`)
	if err != nil {
		return err
	}
	fmt.Println("   verified", notification[1])
	if !strings.Contains(notification[1], whole.RequestID) {
		return errors.New("the notification should be about the complete request")
	}
	return nil
}
