package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
)

// WaitProduct lists the products of a client until the request is decided, [api.Enabled] or [api.Rejected], and returns
// it. It looks at once and then about as often as every says, randomly up to half of it sooner or later, so that
// many who wait do not come together. It ends with the context, and by an error that will not pass, such as
// [ErrNotFound]; what may pass is waited for. The options are of each look.
func (c *Client) WaitProduct(
	ctx context.Context, clientID, productRequestID string, every time.Duration, opts ...CallOption,
) (*api.Product, error) {
	if every <= 0 {
		return nil, invalid("listProducts", fmt.Sprintf("WaitProduct: every %v; pass how often to look", every))
	}
	for {
		product, err := c.product(ctx, clientID, productRequestID, opts)
		if err == nil && product.Status.Terminal() {
			return product, nil
		}
		wait := every/2 + rand.N(every)
		if failed, ok := errors.AsType[*Error](err); ok {
			if repeat, _ := worthRepeating(failed); !repeat || ctx.Err() != nil || errors.Is(failed, ErrNotFound) {
				return nil, err
			}
			wait = max(wait, failed.RetryAfter)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done(): // the next look says so
		}
	}
}
