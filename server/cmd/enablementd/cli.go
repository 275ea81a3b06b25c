package main

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"

	"github.com/alecthomas/kong"

	"github.com/cryptomate-go/enablement/server/internal/app"
	"github.com/cryptomate-go/enablement/server/internal/delivery"
)

// cli is the command line.
type cli struct {
	common

	Serve         serveCmd         `cmd:"" help:"Serve the API and deliver notifications."`
	Migrate       migrateCmd       `cmd:"" help:"Create the database or bring it up to date. serve does this too."`
	Import        importCmd        `cmd:"" help:"Import companies, clients, documents and requests from JSON."`
	Backup        backupCmd        `cmd:"" help:"Write an SQLite database into a file, while the service runs."`
	Keys          keysCmd          `cmd:"" help:"Create, list, rotate and revoke API keys."`
	Notifications notificationsCmd `cmd:"" help:"List notifications, and queue them again."`
	Review        reviewCmd        `cmd:"" help:"Decide on requests in KYC: what the provider does."`
	Audit         auditCmd         `cmd:"" help:"Print the history of a request or a client."`
	Config        configCmd        `cmd:"" help:"Print the settings that serve would use, with secrets masked. Takes the flags of serve."`
	Contract      contractCmd      `cmd:"" help:"Call a server and hold its responses to the specification."`
	Drift         driftCmd         `cmd:"" help:"Say how recorded traffic differs from the specification."`
	Secret        secretCmd        `cmd:"" help:"Print a new secret that signs notifications. The provider needs the same secret."`
	Completion    completionCmd    `cmd:"" help:"Print a script that completes commands and flags in a shell."`
	Version       versionCmd       `cmd:"" help:"Print the version."`
	Notices       noticesCmd       `cmd:"" help:"Print the licences of the libraries in the program."`
}

// common is what every command takes.
type common struct {
	DB          *string          `name:"db" placeholder:"DATABASE" help:"Path of an SQLite file, or postgres://user:password@host/name (default enablement.db; with --sample a temporary file)."`
	LogFormat   string           `default:"text" enum:"text,json" help:"Log format: text or json."`
	ShowVersion kong.VersionFlag `name:"version" env:"-" help:"Print the version."`
	LogLevel    string           `default:"info" enum:"debug,info,warn,error" help:"Lowest level that is logged: debug, info, warn or error."`
}

const defaultDB = "enablement.db"

func (c *common) path() string {
	if c.DB == nil {
		return defaultDB
	}
	return *c.DB
}

func (c *common) logger(std streams) (*slog.Logger, error) {
	return app.NewLogger(std.err, c.LogFormat, c.LogLevel)
}

// with runs f on the existing database.
func (c *common) with(ctx context.Context, std streams, f func(*app.Database) error) error {
	logger, err := c.logger(std)
	if err != nil {
		return err
	}
	db, err := app.OpenExisting(ctx, c.path(), logger)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // all that was written is committed
	return f(db)
}

type migrateCmd struct {
	Status bool `help:"Print the version of the schema and change nothing. The exit code is 2 if this program cannot serve it."`
}

func (c *migrateCmd) Run(ctx context.Context, common *common, std streams) error {
	logger, err := common.logger(std)
	if err != nil {
		return err
	}
	if c.Status {
		schemas, err := app.SchemaStatus(ctx, common.path(), logger)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(std.out, "%s is at schema %d, this program knows %d; its queue is at %d, this program knows %d\n",
			app.Redacted(common.path()), schemas.Store.Current, schemas.Store.Known, schemas.Queue.Current, schemas.Queue.Known)
		if err := schemas.Check(); err != nil {
			return &app.ConfigError{Err: err}
		}
		return nil
	}
	db, err := app.OpenDatabase(ctx, common.path(), logger)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(std.out, "%s is up to date\n", app.Redacted(common.path()))
	return db.Close()
}

type versionCmd struct{}

func (c *versionCmd) Run(std streams) error {
	_, err := fmt.Fprintln(std.out, version())
	return err
}

func version() string { return fmt.Sprintf("enablementd %s (%s)", app.Version(), runtime.Version()) }

type secretCmd struct{}

// Run prints the secret alone, so that it can go to a file.
func (c *secretCmd) Run(std streams) error {
	_, err := fmt.Fprintln(std.out, delivery.NewSecret())
	return err
}
