package main

import (
	"context"
	"fmt"

	"github.com/cryptomate-go/enablement/server/internal/app"
)

type backupCmd struct {
	File string `arg:"" help:"File to write. It must not be there."`
}

// Help implements [kong.HelpProvider].
func (c *backupCmd) Help() string {
	return "Writes an SQLite database, as it is at one moment, into a file that --db can open. The service may run. The file is " +
		"for its owner alone: it holds personal data. A PostgreSQL database is backed up with pg_dump."
}

func (c *backupCmd) Run(ctx context.Context, common *common, std streams) error {
	return common.with(ctx, std, func(db *app.Database) error {
		if err := db.Backup(ctx, c.File); err != nil {
			return err
		}
		_, err := fmt.Fprintf(std.out, "wrote %s\n", c.File)
		return err
	})
}
