package client

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
)

// Onboarding is the whole way of a client to a product, for [Client.Onboard].
type Onboarding struct {
	// Key names this onboarding, such as by your own id of the person. All idempotency keys are made of it, so that the
	// same onboarding can be begun again. It is required, and never sent as it is.
	Key       string
	Client    api.ClientInput
	Product   api.ProductType
	Documents []Document
	// WaitEvery is about how often to look for the decision after the request was submitted; with 0, nobody waits.
	WaitEvery time.Duration
	// Tell is told of each step as it is done; it may be nil.
	Tell func(Step)
}

// Step is a step of an onboarding that is done.
type Step struct {
	// Operation is its operationId in openapi.yaml.
	Operation string `json:"operation"`
	Did       Did    `json:"did"`
	ClientID  string `json:"client_id"`
	RequestID string `json:"request_id,omitempty"`
	// Document is the kind of document that the step was about.
	Document string `json:"document,omitempty"`
	// Status is the request's after the step.
	Status api.ProductStatus `json:"status,omitempty"`
}

// Did is what a step came to.
type Did string

// What steps come to. Under a key that was used before, what the server recorded then counts as done.
const (
	Made     Did = "made"     // the client, the request or the document was stored, or the request submitted
	Found    Did = "found"    // it was there before
	Updated  Did = "updated"  // the client was there with other data
	Skipped  Did = "skipped"  // there is nothing to do: no such document is missing, or the request is not pending
	Rejected Did = "rejected" // the document was not stored
	Waited   Did = "waited"   // the request is decided
)

// Onboarded is what an onboarding came to.
type Onboarded struct {
	Client  *api.Client  `json:"client"`
	Product *api.Product `json:"product"` // the request as it is now: what is missing, if it could not be submitted
	// Rejected are the documents that were not stored, and why.
	Rejected []api.RejectedItem `json:"rejected_items,omitempty"`
}

// Onboard creates a client, asks for a product, stores the documents that are missing, and submits the request if nothing
// is missing then. It looks at what there is before each step, and does nothing twice, even if the server knows no
// Idempotency-Key: begin it again with the same Onboarding after a crash, an error, or when more is known of the client.
//
//   - A client with the same e-mail address is taken for this one, and updated if its data differ.
//   - A request for the product is taken, the one that is not rejected first. If all are, that is the decision: to ask once
//     more, call [Client.RequestProduct] before.
//   - Of a request that is in KYC or decided, nothing is changed.
//   - A document of which none is missing is skipped, also with Replace.
//
// Something that is missing still, or rejected, is no error: the result says so, and the request is not submitted. The photos have
// to be there, even those that are skipped then: they are looked at before the first call. The error of a step is the [*Error]
// of its call. Where a call may have taken effect, [Client.Settle] is asked first. The options are of each call;
// [WithIdempotencyKey] is refused.
func (c *Client) Onboard(ctx context.Context, o Onboarding, opts ...CallOption) (*Onboarded, error) {
	w := &way{Onboarding: o, c: c, opts: slices.Clip(opts), result: &Onboarded{}}
	for _, step := range []func(context.Context) error{w.check, w.client, w.request, w.complete, w.submit, w.wait} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return w.result, nil
}

// way is an onboarding on its way.
type way struct {
	Onboarding
	c       *Client
	opts    []CallOption
	uploads []*upload // of the documents
	result  *Onboarded
}

// check refuses before the first step what a later one would.
func (w *way) check(context.Context) error {
	var conf config
	for _, opt := range w.opts {
		if err := opt.setCall(&conf); err != nil {
			return invalid("", err.Error())
		}
	}
	switch {
	case w.Key == "":
		return invalid("", "Onboarding.Key is empty; pass what names this onboarding, the same after a crash")
	case w.Product == "":
		return invalid("", "Onboarding.Product is empty; pass the product to ask for")
	case conf.key != "":
		return invalid("", "WithIdempotencyKey is of one call; pass Onboarding.Key")
	case w.WaitEvery < 0:
		return invalid("", fmt.Sprintf("Onboarding.WaitEvery is %v; pass how often to look for the decision, or 0 not to wait", w.WaitEvery))
	}
	for i, d := range w.Documents {
		upload, err := newUpload(d)
		if err != nil {
			return invalid("completeDocumentation", fmt.Sprintf("Onboarding.Documents[%d]: %v", i, err))
		}
		w.uploads = append(w.uploads, upload)
	}
	return nil
}

// client makes sure that there is the client, with these data as long as they matter.
func (w *way) client(ctx context.Context) (err error) {
	did := Made
	w.result.Client, err = w.c.CreateClient(ctx, w.Client, w.under("client", jsonOf(w.Client))...)
	found, err := w.settle(ctx, err)
	if found {
		did = Found
	} else if err == nil { // what comes under a key may be of long ago
		w.result.Client, err = w.c.Client(ctx, w.result.Client.ID, w.opts...)
	}
	if err != nil {
		return err
	}
	request, err := w.find(ctx)
	if err != nil {
		return err
	}
	stored := w.result.Client.Input()
	if strings.EqualFold(stored.Email, w.Client.Email) {
		stored.Email = w.Client.Email
	}
	if stored != w.Client && (request == nil || request.Status.Pending()) {
		did = Updated
		w.result.Client, err = w.c.UpdateClient(ctx, w.result.Client.ID, w.Client, w.opts...)
		if _, err = w.settle(ctx, err); err != nil {
			return err
		}
	}
	w.tell(Step{Operation: "createClient", Did: did})
	w.result.Product = request
	return nil
}

// find returns the client's request for the product, nil if there is none.
func (w *way) find(ctx context.Context) (found *api.Product, err error) {
	products, err := w.c.Products(ctx, w.result.Client.ID, w.opts...)
	for i, product := range products {
		if product.Product == w.Product && (found == nil || found.Status == api.Rejected && product.Status != api.Rejected) {
			found = &products[i]
		}
	}
	return found, err
}

// request makes sure that there is a request for the product.
func (w *way) request(ctx context.Context) (err error) {
	did := Found
	if w.result.Product == nil {
		id := w.result.Client.ID
		w.result.Product, err = w.c.RequestProduct(ctx, id, w.Product, w.under("request", id, string(w.Product))...)
		found, err := w.settle(ctx, err)
		if err != nil {
			return err
		}
		if !found {
			did = Made
		}
	}
	w.tell(Step{Operation: "requestProduct", Did: did})
	return nil
}

// complete stores the documents that are missing.
func (w *way) complete(ctx context.Context) error {
	for i, d := range w.Documents {
		did := Skipped
		if request := w.result.Product; request.Status.Pending() && request.Misses(d.Type) {
			var err error
			if did, err = w.store(ctx, d, w.uploads[i]); err != nil {
				return err
			}
		}
		w.tell(Step{Operation: "completeDocumentation", Did: did, Document: d.Type})
	}
	return nil
}

func (w *way) store(ctx context.Context, d Document, upload *upload) (Did, error) {
	digest, err := upload.digest()
	if err != nil {
		return "", invalid("completeDocumentation", err.Error())
	}
	request := w.result.Product
	evaluated, err := w.c.CompleteDocumentation(ctx, w.result.Client.ID, request.ID, d, w.under("document", request.ID, digest)...)
	if found, err := w.settle(ctx, err); found || err != nil {
		return Made, err
	}
	w.result.Product = &evaluated.Product
	w.result.Rejected = append(w.result.Rejected, evaluated.RejectedItems...)
	if len(evaluated.RejectedItems) > 0 {
		return Rejected, nil
	}
	return Made, nil
}

// submit submits the request, as it is now, where nothing is missing or rejected.
func (w *way) submit(ctx context.Context) error {
	request, err := w.c.product(ctx, w.result.Client.ID, w.result.Product.ID, w.opts)
	if err != nil {
		return err
	}
	did := Skipped
	w.result.Product = request
	if request.Status.Pending() && request.MissingTold() && len(request.Missing()) == 0 && len(w.result.Rejected) == 0 {
		did = Made
		// What was missing may have been added since a submission, which is another one then.
		evaluated, err := w.c.SubmitProduct(ctx, w.result.Client.ID, request.ID, w.under("submit", request.ID, request.UpdatedAt.String())...)
		found, err := w.settle(ctx, err)
		if err != nil {
			return err
		}
		if !found {
			w.result.Product, w.result.Rejected = &evaluated.Product, evaluated.RejectedItems
		}
	}
	w.tell(Step{Operation: "submitProduct", Did: did})
	return nil
}

// wait waits for the decision, if it is to come.
func (w *way) wait(ctx context.Context) (err error) {
	if w.WaitEvery == 0 || w.result.Product.Status != api.InKyc {
		return nil
	}
	w.result.Product, err = w.c.WaitProduct(ctx, w.result.Client.ID, w.result.Product.ID, w.WaitEvery, w.opts...)
	if err == nil {
		w.tell(Step{Operation: "listProducts", Did: Waited})
	}
	return err
}

// settle looks what became of a call whose outcome is unknown. If it was done after all, what is there comes into the
// result, and there is no error. A success is not found, it is known, and any other error stays as it is.
func (w *way) settle(ctx context.Context, err error) (found bool, _ error) {
	failed, ok := errors.AsType[*Error](err)
	if !ok || failed.Outcome != Unknown {
		return false, err
	}
	settled, unsettled := w.c.Settle(ctx, failed, w.opts...)
	// A client with other data can be updated.
	if unsettled != nil || settled.Effect != Done && (failed.Operation != "createClient" || settled.Client == nil) {
		return false, err
	}
	w.result.Client, w.result.Product = cmp.Or(settled.Client, w.result.Client), cmp.Or(settled.Product, w.result.Product)
	return true, nil
}

// under are the options of a call under a key for these parts: what is asked otherwise is another call.
func (w *way) under(parts ...string) []CallOption {
	hash := sha256.New()
	for _, part := range append([]string{w.Key}, parts...) {
		_, _ = fmt.Fprintf(hash, "%d:%s", len(part), part)
	}
	return append(w.opts, WithIdempotencyKey(hex.EncodeToString(hash.Sum(nil)[:16])))
}

func (w *way) tell(step Step) {
	step.ClientID = w.result.Client.ID
	if request := w.result.Product; request != nil {
		step.RequestID, step.Status = request.ID, request.Status
	}
	if w.Tell != nil {
		w.Tell(step)
	}
}

// digest is the same for the same document.
func (u *upload) digest() (string, error) {
	body, hash := u.open(), sha256.New()
	_, err := io.Copy(hash, body)
	_ = body.Close()
	return string(hash.Sum(nil)), err
}
