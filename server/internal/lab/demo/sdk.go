package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/lab/process"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

// bySDK calls each operation once, and then onboards another client in one call.
func bySDK(ctx context.Context, service *process.Process) error {
	c, err := client.New(sample.KeyLevel3, client.WithBaseURL(service.URL))
	if err != nil {
		return err
	}
	if err := stepByStep(ctx, c, service); err != nil {
		return err
	}
	return rejected(ctx, c)
}

func stepByStep(ctx context.Context, c *client.Client, service *process.Process) error {
	fmt.Println("1. Creating a client without a phone number:")
	person := personOf("demo.person@example.com")
	person.PhoneCountryCode, person.PhoneNumber = 0, 0
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
	if err := lacks(request, "identity_document", "phone"); err != nil {
		return err
	}

	fmt.Println("3. Updating the client, now with a phone number:")
	if _, err := c.UpdateClient(ctx, created.ID, personOf("demo.person@example.com")); err != nil {
		return err
	}
	products, err := c.Products(ctx, created.ID)
	if err != nil {
		return err
	}
	if err := lacks(&products[0], "identity_document"); err != nil {
		return err
	}

	fmt.Println("4. Sending a PDF in the place of a photo:")
	pdf := passport("DEMO0001")
	pdf.Front = client.PhotoReader(strings.NewReader("%PDF-1.7"))
	evaluated, err := c.CompleteDocumentation(ctx, created.ID, request.ID, pdf)
	if err != nil {
		return err
	}
	if len(evaluated.RejectedItems) != 1 {
		return errors.New("the PDF should be rejected")
	}
	fmt.Println("   rejected", evaluated.RejectedItems[0].Reason)

	fmt.Println("5. Sending a photo of the passport:")
	if evaluated, err = c.CompleteDocumentation(ctx, created.ID, request.ID, passport("DEMO0001")); err != nil {
		return err
	}
	if err := lacks(&evaluated.Product); err != nil {
		return err
	}

	fmt.Println("6. Submitting the request:")
	if evaluated, err = c.SubmitProduct(ctx, created.ID, request.ID); err != nil {
		return err
	}
	fmt.Println("   status ", evaluated.Product.Status)
	if !evaluated.Complete() {
		return errors.New("the request should be in KYC")
	}
	notification, err := service.WaitFor(ctx, `msg="provider: notification verified" (.*`+request.ID+`.*)`)
	if err != nil {
		return err
	}
	fmt.Println("   the provider verified", notification[1])

	fmt.Println("7. Waiting for its decision:")
	decided, err := c.WaitProduct(ctx, created.ID, request.ID, 200*time.Millisecond)
	if err != nil {
		return err
	}
	fmt.Println("   status ", decided.Status)
	if decided.Status != api.Enabled {
		return errors.New("the request should be enabled")
	}
	return nil
}

// rejected onboards a client whose document the sample's provider rejects.
func rejected(ctx context.Context, c *client.Client) error {
	fmt.Println("8. Onboarding another client in one call, whose document the provider rejects:")
	done, err := c.Onboard(ctx, client.Onboarding{
		Key: "demo", Client: personOf("other.person@example.com"), Product: api.CardsIndividuals,
		Documents: []client.Document{passport("REJECT0001")},
		WaitEvery: 200 * time.Millisecond,
		Tell:      func(s client.Step) { fmt.Println("  ", s.Operation, s.Document, s.Did, s.Status) },
	})
	if err != nil {
		return err
	}
	fmt.Println("   status ", done.Product.Status, done.Product.RejectionCode, "-", done.Product.RejectionDescription)
	if done.Product.Status != api.Rejected {
		return errors.New("the request should be rejected")
	}
	return nil
}

func personOf(email string) api.ClientInput {
	return api.ClientInput{
		FirstName: "Demo", LastName: "Person", Email: email, BirthDate: "1990-05-17", PhoneCountryCode: 54, PhoneNumber: 91123456789,
		Address: api.AddressInput{StreetLine1: "Demo street 1", City: "Del Viso", PostalCode: "1669", State: "ARG-B", Country: "ARG"},
	}
}

func passport(number string) client.Document {
	return client.Document{
		Type: "passport", Front: client.PhotoReader(bytes.NewReader(dot())),
		Metadata: map[string]string{
			"number": number, "issuing_country": "ARG", "expiration_date": time.Now().AddDate(5, 0, 0).Format(time.DateOnly),
		},
	}
}

// dot is a picture of one pixel.
func dot() []byte {
	var picture bytes.Buffer
	_ = png.Encode(&picture, image.NewGray(image.Rect(0, 0, 1, 1))) // to memory: can't fail
	return picture.Bytes()
}

// lacks checks what a request lacks, documents and fields.
func lacks(product *api.Product, want ...string) error {
	var missing []string
	for _, item := range product.Missing() {
		if item.Type == api.RejectedData {
			missing = append(missing, item.Key)
		} else {
			missing = append(missing, item.Requirement)
		}
	}
	if len(missing) == 0 {
		fmt.Println("   missing nothing")
	} else {
		fmt.Println("   missing", strings.Join(missing, ", "))
	}
	if strings.Join(missing, " ") != strings.Join(want, " ") {
		return fmt.Errorf("missing should be %q", want)
	}
	return nil
}
