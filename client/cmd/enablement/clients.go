package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
)

type clientsCmd struct {
	Create createCmd `cmd:"" help:"Create a client."`
	Get    getCmd    `cmd:"" help:"Show a client."`
	List   listCmd   `cmd:"" help:"List all clients, the newest first."`
	Update updateCmd `cmd:"" help:"Change a client."`
	Delete deleteCmd `cmd:"" help:"Remove a client for good, with its documents and requests."`
}

// The flags are named as the fields of the JSON. Those that are not given are nil, and not in theirs; an empty one clears its field.
type (
	fields struct {
		FirstName        *string       `json:"first_name,omitempty" placeholder:"NAME" group:"Fields of the client"`
		SecondName       *string       `json:"second_name,omitempty" placeholder:"NAME" group:"Fields of the client"`
		LastName         *string       `json:"last_name,omitempty" placeholder:"NAME" group:"Fields of the client"`
		Email            *string       `json:"email,omitempty" placeholder:"ADDRESS" group:"Fields of the client"`
		BirthDate        *string       `json:"birth_date,omitempty" placeholder:"YYYY-MM-DD" group:"Fields of the client"`
		PhoneCountryCode *int32        `json:"phone_country_code,omitempty" placeholder:"CODE" group:"Fields of the client" help:"Goes together with --phone-number."`
		PhoneNumber      *int64        `json:"phone_number,omitempty" placeholder:"NUMBER" group:"Fields of the client"`
		Address          addressFields `json:"address,omitzero" embed:""`
	}
	addressFields struct {
		StreetLine1 *string `json:"street_line1,omitempty" name:"street-line1" placeholder:"TEXT" group:"Fields of the client"`
		StreetLine2 *string `json:"street_line2,omitempty" name:"street-line2" placeholder:"TEXT" group:"Fields of the client"`
		City        *string `json:"city,omitempty" placeholder:"NAME" group:"Fields of the client"`
		PostalCode  *string `json:"postal_code,omitempty" placeholder:"CODE" group:"Fields of the client"`
		State       *string `json:"state,omitempty" placeholder:"CODE" group:"Fields of the client"`
		StateCode   *string `json:"state_code,omitempty" placeholder:"CODE" group:"Fields of the client"`
		Country     *string `json:"country,omitempty" placeholder:"ALPHA-3" group:"Fields of the client"`
		CountryCode *string `json:"country_code,omitempty" placeholder:"CODE" group:"Fields of the client"`
	}
)

// input is what is to be stored of a client.
type input struct {
	File string `arg:"" optional:"" help:"File with the client as JSON, - for standard input. Flags take precedence over it. What is given by flag can be seen by other users of this machine."`
	fields
}

// maxInput is far more than a client needs.
const maxInput = 64 << 10

// read returns the client of the file, or what stored returns where there is none, with the flags in it.
func (i *input) read(ctx context.Context, c *caller, stored func() (api.ClientInput, error)) (in api.ClientInput, err error) {
	switch {
	case i.File == "" && i.fields == (fields{}):
		return in, usage("there is nothing of the client: name a file, - for standard input, or give flags")
	case i.File == "-" && c.KeyFile == "-":
		return in, usage("standard input cannot hold both the API key and the client; give a file for one of them")
	case i.File == "":
		if in, err = stored(); err != nil {
			return in, err
		}
	default:
		text, err := readFile(ctx, c.env, "the client", i.File, maxInput)
		if err != nil {
			return in, err
		}
		if err := api.DecodeClosedJSON(text, &in); err != nil {
			return in, usage("the client: %w", err)
		}
	}
	given, err := json.Marshal(i.fields)
	if err != nil {
		return in, err
	}
	return in, api.DecodeJSON(given, &in)
}

func nothingStored() (api.ClientInput, error) { return api.ClientInput{}, nil }

// stored reads the client that flags are to change. lost is what the call came to for which it is read, if no answer comes.
func (c *caller) stored(ctx context.Context, clientID string, lost client.Outcome) func() (api.ClientInput, error) {
	return func() (api.ClientInput, error) {
		found, err := c.api.Client(ctx, clientID, c.options()...)
		if failed, ok := errors.AsType[*client.Error](err); ok && failed.Outcome == client.Unknown {
			failed.Outcome = lost
		}
		if err != nil {
			return api.ClientInput{}, c.finish(err, effect{}, nil, "")
		}
		return found.Input(), nil
	}
}

type createCmd struct {
	input
	caller
	keyed
}

func (c *createCmd) Run(ctx context.Context) error {
	in, err := c.read(ctx, &c.caller, nothingStored)
	if err != nil {
		return err
	}
	created, err := c.api.CreateClient(ctx, in, c.options(c.underKey()...)...)
	return c.finishClient(created, err, effect{"the client was created", "Create it", "create"})
}

// finishClient is finish of a call that answers a client.
func (c *caller) finishClient(client *api.Client, err error, e effect) error {
	if err != nil {
		client = new(api.Client)
	}
	return c.finish(err, e, func(t *table) { t.client(client) }, fmt.Sprintf("the client's id is %q", client.ID))
}

type getCmd struct {
	Client string `arg:"" help:"Id of the client."`
	caller
}

func (c *getCmd) Run(ctx context.Context) error {
	client, err := c.api.Client(ctx, c.Client, c.options()...)
	return c.finishClient(client, err, effect{})
}

type listCmd struct{ caller }

func (c *listCmd) Run(ctx context.Context) error {
	clients, err := c.api.Clients(ctx, c.options()...)
	return c.finish(err, effect{}, func(t *table) { t.clients(clients) }, "the clients were listed")
}

type updateCmd struct {
	Client string `arg:"" help:"Id of the client."`
	input
	caller
}

// Help is the end of --help.
func (c *updateCmd) Help() string {
	return "The file replaces all that is stored of the client: an optional field that is not in it is cleared. " +
		"With flags alone, all others stay as they are. An empty text, or 0, clears a field.\n\n" + exitCodes
}

func (c *updateCmd) Run(ctx context.Context) error {
	in, err := c.read(ctx, &c.caller, c.stored(ctx, c.Client, client.NotSent))
	if err != nil {
		return err
	}
	updated, err := c.api.UpdateClient(ctx, c.Client, in, c.options()...)
	return c.finishClient(updated, err, effect{"the client was updated", "Update it", "update"})
}

type deleteCmd struct {
	Client string `arg:"" help:"Id of the client."`
	caller
}

func (c *deleteCmd) Run(ctx context.Context) error {
	err := c.api.DeleteClient(ctx, c.Client, c.options()...)
	return c.finish(err, effect{"the client was deleted", "Delete it", "delete"}, func(t *table) { t.row("The client is deleted.") }, "the client is deleted")
}
