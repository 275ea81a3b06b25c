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
	// Key names this onboarding; your own id of the person is good. All idempotency keys are made from it, so that the
	// same onboarding can be repeated. It is required, and is never sent itself.
	Key       string
	Client    api.ClientInput
	Product   api.ProductType
	Documents []Document
	// WaitEvery is about how often to look for the decision after the submission; 0: do not wait for it.
	WaitEvery time.Duration
	// Tell is called after each step; it may be nil.
	Tell func(Step)
}

// Step is a finished step of an onboarding.
type Step struct {
	// Operation is the operationId in openapi.yaml.
	Operation string `json:"operation"`
	Did       Did    `json:"did"`
	ClientID  string `json:"client_id"`
	RequestID string `json:"request_id,omitempty"`
	// Document is the kind of the document.
	Document string `json:"document,omitempty"`
	// Status is the status of the request after the step.
	Status api.ProductStatus `json:"status,omitempty"`
}

// Did is the result of a step.
type Did string

// The results of steps. A recorded response under an idempotency key counts as done now.
const (
	Made     Did = "made"     // the client, the request or the document was stored, or the request submitted
	Found    Did = "found"    // it was there before
	Updated  Did = "updated"  // the client was there with other data
	Skipped  Did = "skipped"  // there is nothing to do: no such document is missing, or the request is not pending
	Rejected Did = "rejected" // the document was not stored
	Waited   Did = "waited"   // the request is decided
)

// Onboarded is the result of an onboarding.
type Onboarded struct {
	Client  *api.Client  `json:"client"`
	Product *api.Product `json:"product"` // the request as it is now: what is missing, if it could not be submitted
	// Rejected are the documents that were not stored, with the reasons.
	Rejected []api.RejectedItem `json:"rejected_items,omitempty"`
}

// Onboard creates a client, requests a product, stores the missing documents, and submits the request if nothing is
// missing any more. Before each step, it reads the present state, and it does nothing twice, even if the server ignores
// the Idempotency-Key. So call it again with the same Onboarding after a crash or an error, or when you know more of the
// client.
//
//   - It uses a client with the same e-mail address, and updates it if its data differ.
//   - It uses a request for the product, first the one that is not rejected. If all are rejected, that is the decision: to
//     request the product once more, call [Client.RequestProduct] before.
//   - It changes nothing about a request that is in KYC or decided.
//   - It skips a document if no document of its kind is missing, also with Replace.
//
// If something is still missing or rejected, that is no error: the result says so, and the request is not submitted. All
// photos must be readable, even if they are not needed: they are checked before the first call. The error of a step is
// the [*Error] of its call. If a call may have taken effect, Onboard first uses [Client.Settle]. The options apply to
// each call; [WithIdempotencyKey] is refused.
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
	w.result.Product = request
	w.tell(Step{Operation: "createClient", Did: did})
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
