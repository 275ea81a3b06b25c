package main

import (
	"context"
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
		"length: it is checked as a whole first, then all of it is stored or nothing. What comes from a pipe is kept in a " +
		"temporary file meanwhile, in TMPDIR. Clients and documents replace what has their id; to complete them for a request " +
		"that is stored, leave requests out. A text has at most 1000 characters, a photo 10 MB."
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
	data, err := dataset.Open(ctx, in, time.Now(), dataset.NewProgress(progressEvery, time.Now, func(text string) {
		_, _ = fmt.Fprintf(std.err, "enablementd: import %s: %s\n", c.File, text)
	}))
	if err != nil {
		err = fmt.Errorf("import %s: %w; nothing was imported", c.File, err)
		if ctx.Err() != nil {
			return err
		}
		return &app.ConfigError{Err: err}
	}
	defer func() { _ = data.Close() }() // it was only read
	return common.with(ctx, std, func(db *app.Database) error {
		if err := db.Import(ctx, data); err != nil {
			return fmt.Errorf("import %s: %w; nothing was imported", c.File, err)
		}
		_, _ = fmt.Fprintf(std.out, "imported %d companies, %d clients, %d documents, %d requests\n",
			data.Count("companies"), data.Count("clients"), data.Count("documents"), data.Count("requests"))
		return nil
	})
}
