// Command enablement submits product enablement requests, and checks the notifications that follow.
//
// It ends with 0 when the request is in KYC (or the notification is genuine), 3 when something is
// still missing or rejected, 4 when the server refused (or the notification is not genuine), 5 when it
// is unknown whether the request was submitted, 1 when nothing was sent, and 2 when it was used wrongly.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// What the process ends with.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitMissing = 3
	exitRefused = 4
	exitUnknown = 5
)

const exitCodes = `Exit codes: 0 in KYC, or the notification is genuine · 1 nothing was sent · 2 wrong usage · ` +
	`3 still missing or rejected items · 4 refused · 5 unknown whether it was submitted.`

// cli is the command line.
type cli struct {
	Submit     submitCmd     `cmd:"" help:"Submit a request, and show what is still missing."`
	Verify     verifyCmd     `cmd:"" help:"Check whether a notification is genuine, and show it."`
	Completion completionCmd `cmd:"" help:"Print a script that completes commands and flags in a shell."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// environment is what the process is given.
type environment struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(name string) string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], environment{os.Stdin, os.Stdout, os.Stderr, os.Getenv})
	stop()
	os.Exit(code)
}

// exit is an error that the process ends with.
type exit struct {
	code int
	err  error // nil where everything was said
}

func (e *exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

func usage(format string, args ...any) error { return &exit{exitUsage, fmt.Errorf(format, args...)} }

// run runs the command line and returns what the process ends with.
func run(ctx context.Context, args []string, env environment) int {
	var c cli
	code := -1
	parser, err := kong.New(&c,
		kong.Name("enablement"),
		kong.Description("Submits product enablement requests to CryptoMate's Management API. The API key is taken from the "+
			"environment (CRYPTOMATE_API_KEY) or a file, never from a flag. "+exitCodes),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(env.out, env.err),
		kong.Exit(func(c int) { code = c }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(env),
	)
	if err != nil {
		_, _ = fmt.Fprintln(env.err, "enablement:", err)
		return exitFailed
	}
	parsed, err := parser.Parse(args)
	if code >= 0 {
		return code // --help
	}
	if err != nil {
		_, _ = fmt.Fprintf(env.err, "enablement: %v; see enablement --help\n", err)
		return exitUsage
	}
	err = parsed.Run(parser)
	if err == nil {
		return exitDone
	}
	code = exitFailed
	if ended, ok := errors.AsType[*exit](err); ok {
		code = ended.code
	}
	if text := err.Error(); text != "" {
		_, _ = fmt.Fprintln(env.err, "enablement:", text)
	}
	return code
}
