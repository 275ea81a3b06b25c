package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
)

// Effect says whether a call took effect, as far as reading can tell.
type Effect int

const (
	// Unclear means that the present state fits both.
	Unclear Effect = iota
	// Done means that what the call asked for was done, by this call or by another one that asked for the same.
	Done
	// NotDone means that it was not done. The server may still be working on the call. So repeat it with
	// [Error.IdempotencyKey] if there is one: then nothing happens twice.
	NotDone
)

// String returns "unclear", "done" or "not done".
func (e Effect) String() string {
	switch e {
	case Done:
		return "done"
	case NotDone:
		return "not done"
	}
	return "unclear"
}

// MarshalText writes what String returns.
func (e Effect) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// Settled is the result of [Client.Settle].
type Settled struct {
	Effect  Effect       `json:"effect"`
	Reason  string       `json:"reason"`            // in words, without personal data
	Client  *api.Client  `json:"client,omitempty"`  // the one that was created, updated or not deleted, as it is now
	Product *api.Product `json:"product,omitempty"` // the request that was made or submitted, as it is now
}

// Unknown returns the error of a call without a response, for [Client.Settle]. Use it if only the call is known, such as
// after a restart.
func (c Call) Unknown() *Error {
	return &Error{Operation: c.Operation, Err: errors.New("there is no response"), asked: func() Call { return c }}
}

// Settle finds out what became of a call whose outcome is Unknown. It only reads, and changes nothing. For any other
// outcome, it reads nothing. The options apply to the calls that read.
//
//	createClient    Done      a client has the e-mail and the same data
//	                NotDone   none has the e-mail, or one had it before the call
//	                Unclear   one has the e-mail and other data
//	updateClient    Done      the client's data are those of the call
//	                NotDone   others, and it was not updated since the call
//	                Unclear   others: the update did not come, or somebody has put others since
//	deleteClient    Done      there is no such client
//	                NotDone   there is
//	requestProduct  Done      the client has a request for the product that is not rejected
//	                NotDone   it has none that was made since the call
//	                Unclear   one that was made since the call is rejected
//	completeDocumentation
//	                Done      no document of the kind is missing
//	                NotDone   it is missing
//	                Unclear   none is missing, but the call was to replace one
//	submitProduct   Done      the request is in KYC or decided
//	                NotDone   it is pending
//	                Unclear   its status is not known to this version
//
// If the client or the request does not exist any more, the effect is Unclear. Whether something was made before or since
// the call is decided by the server's timestamps, and only if they leave no doubt. If a call that reads fails, Settle
// returns its error and no result.
func (c *Client) Settle(ctx context.Context, unknown *Error, opts ...CallOption) (*Settled, error) {
	if unknown == nil || unknown.Outcome == Unknown && unknown.asked == nil {
		return nil, invalid("", "Settle: the error is not one of a call; pass what a method of the client returned, or what Call.Unknown returns")
	}
	if unknown.Outcome != Unknown {
		return &Settled{Effect: NotDone, Reason: "the call was " + unknown.Outcome.String()}, nil
	}
	settled, call, clock := new(Settled), unknown.asked(), new(clock)
	if call.Operation == "completeDocumentation" && call.Document == "" {
		return nil, invalid(call.Operation, "Settle: the kind of document is missing")
	}
	var clients []api.Client
	var products []api.Product
	var err error
	opts = append([]CallOption{WithMiddleware(clock.read)}, opts...)
	switch call.Operation {
	case "createClient":
		clients, err = c.Clients(ctx, opts...)
	case "updateClient", "deleteClient":
		settled.Client, err = c.Client(ctx, call.ClientID, opts...)
	case "requestProduct":
		products, err = c.Products(ctx, call.ClientID, opts...)
	case "completeDocumentation", "submitProduct":
		settled.Product, err = c.product(ctx, call.ClientID, call.RequestID, opts)
	default:
		return nil, invalid(call.Operation, "Settle: the operation changes nothing; call it again")
	}
	switch failed, ok := errors.AsType[*Error](err); {
	case ok && failed.gone() && call.Operation == "deleteClient":
		return &Settled{Effect: Done, Reason: "there is no such client"}, nil
	case ok && failed.gone() && call.ClientID != "":
		return &Settled{Reason: "the client is not there, or not any more"}, nil
	case errors.Is(err, errNoRequest):
		return &Settled{Reason: "the client has no such request, or not any more"}, nil
	case err != nil:
		return nil, err
	}
	switch call.Operation {
	case "createClient":
		settled.Effect, settled.Reason = settled.create(call, clients, clock)
	case "updateClient":
		settled.Effect, settled.Reason = settled.update(call, clock)
	case "deleteClient":
		settled.Effect, settled.Reason = NotDone, "the client is there"
	case "requestProduct":
		settled.Effect, settled.Reason = settled.request(call, products, clock)
	case "completeDocumentation":
		settled.Effect, settled.Reason = settled.document(call)
	case "submitProduct":
		settled.Effect, settled.Reason = settled.submit()
	}
	return settled, nil
}

func (s *Settled) create(call Call, clients []api.Client, clock *clock) (Effect, string) {
	for i, client := range clients {
		if !strings.EqualFold(client.Email, call.Client.Email) {
			continue
		}
		if client.Email = call.Client.Email; client.Input() == call.Client {
			s.Client = &clients[i]
			return Done, "a client has the e-mail and the data of the call"
		}
		if s.Client == nil || !clock.before(call, client.CreatedAt) { // one since the call, if there is
			s.Client = &clients[i]
		}
	}
	switch {
	case s.Client == nil:
		return NotDone, "no client has the e-mail"
	case clock.before(call, s.Client.CreatedAt):
		return NotDone, "another client had the e-mail before the call"
	}
	return Unclear, "a client has the e-mail and other data: it is another one, or was updated since"
}

func (s *Settled) update(call Call, clock *clock) (Effect, string) {
	switch {
	case s.Client.Input() == call.Client:
		return Done, "the client has the data of the call"
	case clock.before(call, s.Client.UpdatedAt):
		return NotDone, "the client was not updated since the call"
	}
	return Unclear, "the client has other data: the update did not come, or another one came since"
}

func (s *Settled) request(call Call, products []api.Product, clock *clock) (Effect, string) {
	for i, product := range products {
		switch {
		case product.Product != call.Product:
		case product.Status != api.Rejected:
			s.Product = &products[i]
			return Done, "the client has a request for the product"
		case !clock.before(call, product.CreatedAt):
			s.Product = cmp.Or(s.Product, &products[i]) // the newest since the call
		}
	}
	if s.Product != nil {
		return Unclear, "the client has a request for the product that is rejected, maybe that of the call"
	}
	return NotDone, "the client has no request for the product that was made since the call"
}

func (s *Settled) document(call Call) (Effect, string) {
	switch {
	case s.Product.MissingRequirements.Documents == nil:
		return Unclear, "the response does not list the documents that are missing"
	case s.Product.Misses(call.Document):
		return NotDone, "a document of the kind is missing"
	case call.Replace:
		return Unclear, "a document of the kind is stored: that of the call, or the one before"
	}
	return Done, "no document of the kind is missing"
}

func (s *Settled) submit() (Effect, string) {
	switch status := s.Product.Status; {
	case status.Pending():
		return NotDone, "the request is pending"
	case status == api.InKyc, status.Terminal():
		return Done, "the request was submitted"
	}
	return Unclear, "this version does not know the request's status"
}

// product returns one request of a client. One that is not in the list is [ErrNotFound].
func (c *Client) product(ctx context.Context, clientID, requestID string, opts []CallOption) (*api.Product, error) {
	if err := checkID("productRequestID", requestID); err != nil {
		return nil, invalid("listProducts", err.Error())
	}
	products, err := c.Products(ctx, clientID, opts...)
	if err != nil {
		return nil, err
	}
	for i := range products {
		if products[i].ID == requestID {
			return &products[i], nil
		}
	}
	return nil, &Error{Operation: "listProducts", Outcome: Refused, Err: errNoRequest}
}

var errNoRequest = fmt.Errorf("%w: the client has no such request", ErrNotFound)

func invalid(operationID, wrong string) *Error {
	return &Error{Operation: operationID, Outcome: NotSent, Err: fmt.Errorf("%w: %s", ErrInvalidInput, wrong)}
}

// clock is the server's: how long ago something was is told by one clock, and no other has to agree with it.
type clock struct{ now time.Time }

// read is a middleware.
func (c *clock) read(next RoundTripperFunc) RoundTripperFunc {
	return func(req *http.Request) (*http.Response, error) {
		resp, err := next(req)
		if err == nil && resp != nil { // net/http makes an error of neither
			c.now, _ = http.ParseTime(resp.Header.Get("Date"))
		}
		return resp, err
	}
}

// before tells whether something was surely before the call. The clocks of a server's machines may differ by a minute. A
// call that is still to come is of another clock than this machine's, and tells nothing.
func (c *clock) before(call Call, at api.Timestamp) bool {
	ago := time.Since(call.At)
	return !c.now.IsZero() && !at.IsZero() && !call.At.IsZero() && ago >= 0 && c.now.Sub(at.Time) > ago+time.Minute
}
