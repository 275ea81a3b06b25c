package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/contract"
	"github.com/cryptomate-go/enablement/server/internal/app"
)

type contractCmd struct {
	Keys   string        `required:"" placeholder:"FILE" help:"JSON file with the API keys of the server."`
	Create bool          `help:"Run all cases: create clients and delete them again. Only for a sandbox."`
	Pace   time.Duration `default:"100ms" help:"Time between calls, to stay below a rate limit."`
	Seed   uint64        `default:"1" help:"Chooses the values of the calls that are derived from the specification."`
	JUnit  string        `name:"junit" placeholder:"FILE" help:"Write the findings as JUnit, too."`
	URL    string        `arg:"" help:"Base URL of the server."`
}

// Help implements [kong.HelpProvider].
func (c *contractCmd) Help() string {
	return "Calls a server, written in whatever language, and holds its responses to the specification. Without --create it " +
		"runs only cases that change nothing.\n\n" +
		`The file of keys is a JSON object: {"key": "…"}. A key of level 3 or higher is enough. More keys make more cases run: ` +
		"low_level_key (of the same company, level 1), other_company_key, revoked_key, and barred_key (not valid from here).\n\n" +
		"The exit code is 1 if there are findings, or clients that could not be deleted."
}

func (c *contractCmd) Run(ctx context.Context, std streams) error {
	fixtures, err := readKeys(c.Keys)
	if err != nil {
		return &app.ConfigError{Err: fmt.Errorf("--keys %s: %w", c.Keys, err)}
	}
	options := []contract.SuiteOption{contract.Pace(c.Pace), contract.Seed(c.Seed)}
	if c.Create {
		options = append(options, contract.AllCases())
	}
	coverage, err := contract.Inspect(ctx, contract.At(c.URL), fixtures, options...)
	if ctx.Err() != nil {
		_, _ = fmt.Fprintln(std.out, coverage)
		return err
	}
	if err != nil {
		return &app.ConfigError{Err: err}
	}
	for _, finding := range coverage.Findings {
		_, _ = fmt.Fprintf(std.out, "%s\n\n", finding)
	}
	_, _ = fmt.Fprintln(std.out, coverage)
	if c.JUnit != "" {
		if err := writeJUnit(c.JUnit, coverage.Findings); err != nil {
			return &app.ConfigError{Err: fmt.Errorf("--junit: %w", err)}
		}
	}
	switch {
	case len(coverage.Findings) > 0:
		return fmt.Errorf("contract: the server is not as the specification says: %d findings", len(coverage.Findings))
	case len(coverage.Left) > 0:
		return fmt.Errorf("contract: %d clients could not be deleted", len(coverage.Left))
	}
	return nil
}

// readKeys reads what --keys names. Its errors say nothing of what is in it, which may be a key.
func readKeys(path string) (f contract.Fixtures, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return f, err
	}
	fields := map[string]*string{
		"key": &f.Key, "low_level_key": &f.LowLevelKey, "other_company_key": &f.OtherCompanyKey,
		"revoked_key": &f.RevokedKey, "barred_key": &f.BarredKey,
	}
	var keys map[string]string
	err = api.DecodeJSON(text, &keys)
	for name, key := range keys {
		if fields[name] == nil {
			err = errors.New("an unknown field")
			break
		}
		*fields[name] = key
	}
	if err != nil {
		return f, errors.New("must be a JSON object of texts with the fields key, low_level_key, other_company_key, revoked_key and barred_key, each once at most")
	}
	if f.Key == "" {
		return f, errors.New("the field key is missing: an API key of level 3 or higher")
	}
	return f, nil
}

func writeJUnit(path string, findings []contract.Finding) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(contract.WriteJUnit(file, findings), file.Close())
}
