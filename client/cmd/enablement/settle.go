package main

import (
	"context"
	"errors"
	"time"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
)

type settleCmd struct {
	Create   settleCreateCmd   `cmd:"" help:"Find out whether a client was created. The arguments are those of clients create."`
	Update   settleUpdateCmd   `cmd:"" help:"Find out whether a client was updated. The arguments are those of clients update."`
	Delete   settleDeleteCmd   `cmd:"" help:"Find out whether a client was deleted."`
	Request  settleRequestCmd  `cmd:"" help:"Find out whether a product was requested."`
	Document settleDocumentCmd `cmd:"" help:"Find out whether a document was stored."`
	Submit   settleSubmitCmd   `cmd:"" help:"Find out whether a request was submitted."`
}

// settler finds out what became of a call that ended with exit code 5.
type settler struct {
	Since time.Time `placeholder:"TIME" help:"When the call was first made, as 2026-04-15T10:30:00Z, by the clock of this machine. It tells apart what was there before the call."`
	caller
}

// Help is the end of --help.
func (s *settler) Help() string {
	return "For a call that ended with exit code 5. It only reads. It ends with 0 if the call was done, and with 6 if it was not; then " +
		"make the call again. It ends with 5 if that is still unknown, or if the server does not respond.\n\n" + exitCodes
}

func (s *settler) settle(ctx context.Context, call client.Call) error {
	call.At = s.Since
	settled, err := s.api.Settle(ctx, call.Unknown(), s.options()...)
	if err != nil {
		return unsettled(s.finish(err, effect{}, nil, ""))
	}
	if err := s.show(settled, func(t *table) { t.settled(settled) }, "it is "+settled.Effect.String()); err != nil {
		return err
	}
	switch settled.Effect {
	case client.Done:
		return nil
	case client.NotDone:
		return &exit{code: exitNotSent}
	}
	return &exit{code: exitUnknown}
}

// unsettled makes sure that nobody takes an error of the reading for what became of the call.
func unsettled(err error) error {
	if ended, ok := errors.AsType[*exit](err); ok && ended.code != exitUsage {
		return &exit{exitUnknown, ended.err}
	}
	return err
}

type settleCreateCmd struct {
	input
	settler
}

func (c *settleCreateCmd) Run(ctx context.Context) error {
	in, err := c.read(ctx, &c.caller, nothingStored)
	if err != nil {
		return err
	}
	return c.settle(ctx, client.Call{Operation: "createClient", Client: in})
}

type settleUpdateCmd struct {
	Client string `arg:"" help:"Id of the client."`
	input
	settler
}

func (c *settleUpdateCmd) Run(ctx context.Context) error {
	in, err := c.read(ctx, &c.caller, c.stored(ctx, c.Client, client.Unknown))
	if err != nil {
		return unsettled(err)
	}
	return c.settle(ctx, client.Call{Operation: "updateClient", ClientID: c.Client, Client: in})
}

type settleDeleteCmd struct {
	Client string `arg:"" help:"Id of the client."`
	settler
}

func (c *settleDeleteCmd) Run(ctx context.Context) error {
	return c.settle(ctx, client.Call{Operation: "deleteClient", ClientID: c.Client})
}

type settleRequestCmd struct {
	Client  string `arg:"" help:"Id of the client."`
	Product string `arg:"" help:"The product, such as cards_individuals."`
	settler
}

func (c *settleRequestCmd) Run(ctx context.Context) error {
	return c.settle(ctx, client.Call{Operation: "requestProduct", ClientID: c.Client, Product: api.ProductType(c.Product)})
}

type settleDocumentCmd struct {
	Client  string `arg:"" help:"Id of the client."`
	Request string `arg:"" help:"Id of the product enablement request."`
	Type    string `required:"" placeholder:"KIND" help:"Kind of the document."`
	Replace bool   `help:"The call had --replace."`
	settler
}

func (c *settleDocumentCmd) Run(ctx context.Context) error {
	return c.settle(ctx, client.Call{Operation: "completeDocumentation", ClientID: c.Client, RequestID: c.Request, Document: c.Type, Replace: c.Replace})
}

type settleSubmitCmd struct {
	Client  string `arg:"" help:"Id of the client."`
	Request string `arg:"" help:"Id of the product enablement request."`
	settler
}

func (c *settleSubmitCmd) Run(ctx context.Context) error {
	return c.settle(ctx, client.Call{Operation: "submitProduct", ClientID: c.Client, RequestID: c.Request})
}
