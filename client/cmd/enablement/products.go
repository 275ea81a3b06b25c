package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
)

type productsCmd struct {
	Request requestCmd      `cmd:"" help:"Ask for a product for a client, and show what is missing."`
	List    listProductsCmd `cmd:"" help:"List all requests of a client, the newest first."`
	Wait    waitCmd         `cmd:"" help:"Wait until a request is decided."`
}

type requestCmd struct {
	Client  string `arg:"" help:"Id of the client."`
	Product string `arg:"" help:"The product, such as cards_individuals."`
	caller
	keyed
}

func (c *requestCmd) Run(ctx context.Context) error {
	product, err := c.api.RequestProduct(ctx, c.Client, api.ProductType(c.Product), c.options(c.underKey()...)...)
	if err != nil {
		product = new(api.Product)
	}
	return c.finish(err, effect{"the request was made", "Make it", "request"},
		func(t *table) { t.product(product, product.Missing()) }, fmt.Sprintf("the request's id is %q", product.ID))
}

type listProductsCmd struct {
	Client string `arg:"" help:"Id of the client."`
	caller
}

func (c *listProductsCmd) Run(ctx context.Context) error {
	products, err := c.api.Products(ctx, c.Client, c.options()...)
	return c.finish(err, effect{}, func(t *table) { t.products(products) }, "the products were listed")
}

type waitCmd struct {
	Client  string         `arg:"" help:"Id of the client."`
	Request string         `arg:"" help:"Id of the product enablement request."`
	Every   time.Duration  `default:"30s" help:"How often to look, about."`
	For     *time.Duration `placeholder:"1h" help:"How long to wait (default: until it is decided). After that, the exit code is 1."`
	caller
}

func (c *waitCmd) Run(ctx context.Context) error {
	if c.Every <= 0 || c.For != nil && *c.For <= 0 {
		return usage("--every and --for must be above zero")
	}
	if c.For != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *c.For)
		defer cancel()
	}
	product, err := c.api.WaitProduct(ctx, c.Client, c.Request, c.Every, c.options()...)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		late := fmt.Sprintf("the request was not decided within %v", *c.For)
		if failed, ok := errors.AsType[*client.Error](err); ok && c.JSON {
			return c.failJSON(failed, late, exitFailed)
		}
		return errors.New(late)
	}
	if err != nil {
		return c.finish(err, effect{}, nil, "")
	}
	result := fmt.Sprintf("the request's status is %q", product.Status)
	if err := c.show(product, func(t *table) { t.product(product, product.Missing()) }, result); err != nil {
		return err
	}
	return ended(&api.EvaluatedProduct{Product: *product})
}
