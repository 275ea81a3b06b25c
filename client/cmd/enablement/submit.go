package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/cryptomate-go/enablement/gen/api"
)

type submitCmd struct {
	Client  string `arg:"" help:"Id of the client."`
	Request string `arg:"" help:"Id of the product enablement request."`
	caller
	keyed
}

func (c *submitCmd) Run(ctx context.Context) error {
	evaluated, err := c.api.SubmitProduct(ctx, c.Client, c.Request, c.options(c.underKey()...)...)
	if err != nil {
		evaluated = new(api.EvaluatedProduct)
	}
	err = c.finish(err, effect{"the request was submitted", "Submit it", "submit"},
		func(t *table) { t.evaluated(evaluated) },
		fmt.Sprintf("the request's status is %q", evaluated.Product.Status))
	if err != nil {
		return err
	}
	return ended(evaluated)
}

// ended returns what the process ends with; nil is [exitDone].
func ended(s *api.EvaluatedProduct) error {
	switch status := s.Product.Status; {
	case s.Complete():
		return nil
	case status.Pending():
		return &exit{code: exitMissing}
	case status == api.InKyc:
		return &exit{exitMissing, errors.New("the request is in KYC, but the response says that something is missing or was rejected; " +
			"don't submit it again")}
	case status == api.Rejected:
		return &exit{code: exitRejected}
	case status == api.Enabled:
		return &exit{code: exitEnabled}
	default:
		return &exit{exitUnknownStatus, fmt.Errorf("this version does not know the status %q", status)}
	}
}
