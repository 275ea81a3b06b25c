package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
)

type onboardCmd struct {
	File  string        `arg:"" help:"File with the onboarding as JSON, - for standard input."`
	Wait  bool          `help:"Wait for the decision after the request was submitted."`
	Every time.Duration `default:"30s" help:"How often to look for the decision, about."`
	caller
}

// Help is the end of --help.
func (c *onboardCmd) Help() string {
	return "Creates the client, requests the product, stores the documents that are missing and submits the request. It looks first at what is " +
		"there and does nothing twice: run it again after a failure, or when something was mended. The file:\n\n" +
		`    {"key": "person-4711",
     "client": {"first_name": "Ana", …},
     "product": "cards_individuals",
     "documents": [{"type": "passport", "front": "front.jpg",
                    "metadata": {"number": "AAA000111", …}}]}` + "\n\n" +
		"key names the onboarding: leave it as it is for the same person. client is as for clients create. Photos are files beside " +
		"this one; a document may also have back and replace. With --json, each step is a line, and the result is the last one.\n\n" + exitCodes
}

// onboarding is the file.
type onboarding struct {
	Key       string           `json:"key"`
	Client    api.ClientInput  `json:"client"`
	Product   string           `json:"product"`
	Documents []documentInFile `json:"documents"`
}

type documentInFile struct {
	Type     string            `json:"type"`
	Front    string            `json:"front"`
	Back     string            `json:"back"`
	Metadata map[string]string `json:"metadata"`
	Replace  bool              `json:"replace"`
}

func (c *onboardCmd) Run(ctx context.Context) error {
	if c.File == "-" && c.KeyFile == "-" {
		return usage("standard input cannot hold both the API key and the onboarding; give a file for one of them")
	}
	text, err := readFile(ctx, c.env, "the onboarding", c.File, maxInput)
	if err != nil {
		return err
	}
	var in onboarding
	if err := api.DecodeClosedJSON(text, &in); err != nil {
		return usage("the onboarding: %w", err)
	}
	switch {
	case in.Key == "":
		return usage("the onboarding: /key: is missing; give it a name, the same each time you run it")
	case in.Product == "":
		return usage("the onboarding: /product: is missing")
	case c.Every <= 0:
		return usage("--every must be above zero")
	}
	o := client.Onboarding{Key: in.Key, Client: in.Client, Product: api.ProductType(in.Product), Tell: c.tell}
	if c.Wait {
		o.WaitEvery = c.Every
	}
	var files []string
	photo := func(name string) (p client.Photo) {
		if name == "" {
			return p
		}
		path := name
		if !filepath.IsAbs(name) {
			path = filepath.Join(filepath.Dir(c.File), name)
		}
		files = append(files, path)
		return client.PhotoFile(path)
	}
	for i, d := range in.Documents {
		for _, field := range [...]struct{ name, value string }{{"type", d.Type}, {"front", d.Front}} {
			if field.value == "" {
				return usage("the onboarding: /documents/%d/%s: is missing", i, field.name)
			}
		}
		o.Documents = append(o.Documents, client.Document{
			Type: d.Type, Front: photo(d.Front), Back: photo(d.Back), Metadata: d.Metadata, Replace: d.Replace,
		})
	}
	done, err := c.api.Onboard(ctx, o, c.uploading(files)...)
	if err != nil {
		return c.fail(again(err), effect{})
	}
	evaluated := &api.EvaluatedProduct{Product: *done.Product, RejectedItems: done.Rejected}
	if err := c.show(done, func(t *table) { t.evaluated(evaluated) }, "the request's status is "+string(done.Product.Status)); err != nil {
		return err
	}
	return ended(evaluated)
}

// again tells what to do where it is unknown whether a step was done: the onboarding finds out by itself.
func again(err error) error {
	if failed, ok := errors.AsType[*client.Error](err); ok && failed.Outcome == client.Unknown {
		return fmt.Errorf("%w\nRun it again: it goes on where it is", err)
	}
	return err
}

// tell writes a step, for a program or a person.
func (c *onboardCmd) tell(step client.Step) {
	if c.JSON {
		_ = c.writeJSON(step) // the result is what must be written
		return
	}
	what, did := step.Operation, string(step.Did)
	if step.Document != "" {
		what += " " + step.Document
		if step.Did == client.Skipped {
			did += ", as nothing that is missing takes it"
		}
	}
	_, _ = fmt.Fprintf(c.env.err, "%s: %s, %s\n", what, did, cmp.Or(string(step.Status), "no request yet"))
}
