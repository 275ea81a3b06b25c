package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/cryptomate-go/enablement/gen/api"
)

// SubmitProduct evaluates a pending request of a client again. Nothing left missing: the request
// moves to [api.InKyc] and the provider is notified. Something left: its status is
// [api.PendingDocumentation], and the submission says what is missing and which stored items were
// rejected. A request that is not pending any more is [ErrNotPending].
//
// Either the submission or the error is nil, never both; the error is an [*Error]. After a transport
// error, [ErrServer] or [ErrInvalidResponse] the request may have been submitted all the same:
// submit it again, [ErrNotPending] then says that it was.
func (c *Client) SubmitProduct(ctx context.Context, clientID, productRequestID string, opts ...CallOption) (*api.Submission, error) {
	params, err := submitParams(clientID, productRequestID, opts)
	if err != nil {
		return nil, c.masked(&Error{Err: fmt.Errorf("%w: %w", ErrInvalidInput, err)})
	}
	resp, err := c.api.SubmitProduct(ctx, clientID, productRequestID, params)
	if err != nil {
		return nil, c.masked(&Error{Err: withContextError(ctx, err)})
	}
	defer func() { _ = resp.Body.Close() }()

	submission, failure := readReply(ctx, resp, clientID, productRequestID)
	if failure != nil {
		return nil, c.masked(failure)
	}
	return submission, nil
}

// submitParams refuses what the API would, and what would change the path of the URL, as ".." does.
func submitParams(clientID, productRequestID string, opts []CallOption) (*api.SubmitProductParams, error) {
	if err := checkID("clientID", clientID); err != nil {
		return nil, err
	}
	if err := checkID("productRequestID", productRequestID); err != nil {
		return nil, err
	}
	var call call
	for _, opt := range opts {
		if err := opt(&call); err != nil {
			return nil, err
		}
	}
	return &api.SubmitProductParams{IdempotencyKey: call.idempotencyKey}, nil
}

// maxID is the longest id, as the Id schema of openapi.yaml has it.
const maxID = 64

// checkID holds an id against the pattern of the Id schema. It doesn't repeat the id: what stands
// where an id should may be anything, a key or an e-mail address, too.
func checkID(name, id string) error {
	if id == "" {
		return fmt.Errorf("%s is empty; pass the id that the API gave", name)
	}
	if len(id) > maxID {
		return fmt.Errorf("%s has %d bytes, and an id at most %d; pass the id that the API gave", name, len(id), maxID)
	}
	for _, r := range id {
		switch {
		case 'A' <= r && r <= 'Z', 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '_', r == '-':
		default:
			return fmt.Errorf("%s holds %q, and an id only letters, digits, _ and -; pass the id that the API gave", name, r)
		}
	}
	return nil
}

// withContextError makes sure that a context's end is seen in the error: with a cause set, net/http
// returns the cause in its place.
func withContextError(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		return fmt.Errorf("%w: %w", ended, err)
	}
	return err
}
