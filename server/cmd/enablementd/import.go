package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/app"
	"github.com/cryptomate-go/enablement/server/internal/dataset"
)

// progressEvery is how often a long import tells how far it is.
const progressEvery = 5 * time.Second

type importCmd struct {
	File string `arg:"" help:"File to import, - for standard input."`
}

// Help implements [kong.HelpProvider].
func (c *importCmd) Help() string {
	return "The file is one JSON object with the lists companies, clients, documents and requests, in any order and of any " +
		"length. The whole file is checked first. Then all of it is stored, or nothing. Up to 20 faults are shown, each with " +
		"its place. Data from a pipe is kept in a temporary file in TMPDIR until it is imported. A text has at most 1000 " +
		"characters, a photo 10 MiB.\n\n" +
		"A client replaces the stored one with the same id. A document replaces the client's document of the same type. A " +
		"request that is stored already stays as it is. So a file can be imported again when its data is completed.\n\n" +
		"An item that a submission would reject, such as an expired document, is imported with a warning. Each entry is judged " +
		"by itself: another document of the client may do instead. There is no warning for items that are missing altogether."
}

func (c *importCmd) Run(ctx context.Context, common *common, std streams) error {
	in := std.in
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return &app.ConfigError{Err: fmt.Errorf("import: %w", err)}
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	tell := func(text string) {
		_, _ = fmt.Fprintf(std.err, "enablementd: import %s: %s\n", c.File, app.Masked(text))
	}
	data, err := dataset.Open(ctx, untilEnded(ctx, in), time.Now(), dataset.NewProgress(progressEvery, time.Now, tell))
	if err != nil {
		if ctx.Err() != nil { // whoever noticed it
			return c.refusal(errInterrupted, tell)
		}
		return &app.ConfigError{Err: c.refusal(err, tell)}
	}
	defer func() { _ = data.Close() }() // it was only read
	warnings := data.Warnings()
	for _, warning := range warnings.Told {
		tell("warning: a submission would reject " + warning)
	}
	if more := warnings.Count - len(warnings.Told); more > 0 {
		tell(fmt.Sprintf("warnings that are not shown: %d", more))
	}
	return common.with(ctx, std, func(db *app.Database) error {
		if err := db.Import(ctx, data); err != nil {
			return c.refusal(err, tell)
		}
		_, _ = fmt.Fprintf(std.out, "imported %d companies, %d clients, %d documents, %d requests\n",
			data.Count("companies"), data.Count("clients"), data.Count("documents"), data.Count("requests")-data.Kept())
		switch kept := data.Kept(); kept {
		case 0:
		case 1:
			tell("1 request was already there and stays as it is")
		default:
			tell(fmt.Sprintf("%d requests were already there and stay as they are", kept))
		}
		return nil
	})
}

// refusal tells several faults a line each, and returns what is left to say.
func (c *importCmd) refusal(err error, tell func(string)) error {
	var several *dataset.FaultsError
	if !errors.As(err, &several) {
		return fmt.Errorf("import %s: %w; nothing was imported", c.File, err)
	}
	for _, fault := range several.Faults {
		tell(fault.Error())
	}
	text := fmt.Sprintf("%d faults", len(several.Faults))
	if several.End != "" {
		text += ", " + several.End
	}
	return fmt.Errorf("import %s: %s; nothing was imported", c.File, text)
}
