package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/cryptomate-go/enablement/server/contract"
	"github.com/cryptomate-go/enablement/server/contract/cassette"
	"github.com/cryptomate-go/enablement/server/internal/app"
)

type driftCmd struct {
	URL     string   `name:"url" placeholder:"URL" help:"Base URL of the API. Only calls to it are read from a HAR file. Without it, calls to any host are read if their path is the API's."`
	Without []string `placeholder:"RULE" help:"Leave rules out, such as header.undeclared where a proxy adds headers."`
	File    string   `arg:"" help:"A cassette, or a HAR file of a browser or a proxy."`
}

// Help implements [kong.HelpProvider].
func (c *driftCmd) Help() string {
	return "For each operation and rule, it shows how often the traffic differs, the first example, and the line of " +
		"openapi.yaml. It shows no value of the traffic. Package server/contract/cassette records traffic.\n\n" +
		"The exit code is 1 if there are differences, and 2 if the file can't be read."
}

func (c *driftCmd) Run(std streams) error {
	traffic, skipped, err := c.read()
	if errors.Is(err, cassette.ErrTorn) {
		_, _ = fmt.Fprintf(std.err, "enablementd: %s: %v\n", c.File, cassette.ErrTorn)
		err = nil
	}
	if err != nil {
		return &app.ConfigError{Err: err}
	}
	findings, err := traffic.Check(contract.Without(c.Without...))
	if err != nil {
		return &app.ConfigError{Err: err}
	}
	unseen, err := traffic.Unseen()
	if err != nil {
		return err
	}
	differences := cassette.Differences(findings)
	for _, d := range differences {
		_, _ = fmt.Fprintf(std.out, "%s: %s (%d)\n\tfirst in exchange %d, %s -> %d: %s\n", cmp.Or(d.Operation, "no operation"), d.Rule, d.Count,
			d.First.Exchange, d.First.Call, d.First.Status, d.First.Finding)
	}
	_, _ = fmt.Fprintf(std.out, "drift: %d exchanges, %d differences in %d groups\n", traffic.Len(), len(findings), len(differences))
	if skipped != (cassette.Skipped{}) {
		_, _ = fmt.Fprintf(std.out, "left out: %d calls of other hosts or paths, %d without a response or a body in the file\n", skipped.Elsewhere, skipped.Incomplete)
	}
	if len(unseen.Operations)+len(unseen.Statuses) > 0 {
		_, _ = fmt.Fprintf(std.out, "not in the traffic: %s; %d statuses of the other operations\n",
			cmp.Or(strings.Join(unseen.Operations, ", "), "no operation"), len(unseen.Statuses))
	}
	if len(differences) > 0 {
		return fmt.Errorf("drift: the traffic is not as the specification says: %d differences", len(findings))
	}
	return nil
}

// isCassette knows a cassette by its beginning.
var isCassette = regexp.MustCompile(`^\{\s*"cassette"`)

func (c *driftCmd) read() (*cassette.Cassette, cassette.Skipped, error) {
	file, err := os.Open(c.File)
	if err != nil {
		return nil, cassette.Skipped{}, err
	}
	defer func() { _ = file.Close() }() // it was only read
	reader := bufio.NewReader(file)
	start, err := reader.Peek(64)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, cassette.Skipped{}, err
	}
	if isCassette.Match(start) {
		traffic, err := cassette.Read(reader)
		return traffic, cassette.Skipped{}, err
	}
	return cassette.ReadHAR(reader, c.URL)
}
