// Command enablement creates clients, requests products for them, stores their documents and submits the requests, and
// checks the notifications that follow.
//
// Install it, then run it:
//
//	go install github.com/cryptomate-go/enablement/client/cmd/enablement@latest
//	enablement clients create client.json
//	enablement products request CLIENT cards_individuals
//	enablement documents add CLIENT REQUEST --type passport --front photo.jpg --meta-file values.json
//	enablement submit CLIENT REQUEST
//	enablement products wait CLIENT REQUEST
//
// Its exit codes are in the README of package client, and at the end of --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/alecthomas/kong"
)

// What the process ends with.
const (
	exitDone          = 0
	exitFailed        = 1 // go run turns every code into it
	exitUsage         = 2 // a crash of a Go program is, too
	exitMissing       = 3
	exitRefused       = 4
	exitUnknown       = 5
	exitNotSent       = 6
	exitRejected      = 7
	exitEnabled       = 8
	exitUnknownStatus = 9
)

// exitCodes is for --help; what is indented keeps its lines.
const exitCodes = `Exit codes:

    0  done; the request is in KYC (submit), or the notification is genuine (verify)
    1  another failure; what became of the call is unknown
    2  wrong usage, or a crash; what became of the call is unknown
    3  something is still missing, or an item was rejected (submit, onboard, documents add)
    4  the server refused the call, or the notification is not genuine
    5  it is unknown whether the call was done; settle finds out
    6  nothing was sent; the call was not done (settle)
    7  the request was rejected
    8  the request is enabled
    9  the request has a status that this version does not know

For a script, install the program and run that: "go run" turns every code into 1.

    go install github.com/cryptomate-go/enablement/client/cmd/enablement@latest
`

// cli is the command line.
type cli struct {
	Clients    clientsCmd    `cmd:"" help:"Create, show, change and remove clients."`
	Products   productsCmd   `cmd:"" help:"Request products for a client, and see what became of it."`
	Documents  documentsCmd  `cmd:"" help:"Store documents of a client."`
	Submit     submitCmd     `cmd:"" help:"Submit a request, and show what is still missing."`
	Onboard    onboardCmd    `cmd:"" help:"Take a client all the way: create, request, documents, submit."`
	Settle     settleCmd     `cmd:"" help:"Find out what became of a call of which that is unknown."`
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
	// A variable that is empty is not set, for all of them: Kong would take it for a number or a time.
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); value == "" && strings.HasPrefix(name, "ENABLEMENT_") {
			_ = os.Unsetenv(name)
		}
	}
	// Who reads the output may leave before the command is done. That ends no onboarding half-way, and what was made is told.
	signal.Ignore(syscall.SIGPIPE)
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

// decimal reads a whole number as a person writes it. Kong would take one with a 0 at its start for an octal one.
var decimal kong.MapperFunc = func(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue("int")
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(token.String(), 10, target.Type().Bits())
	if err != nil {
		return fmt.Errorf("expected a valid %d bit int but got %q", target.Type().Bits(), token)
	}
	target.SetInt(n)
	return nil
}

// run runs the command line and returns what the process ends with.
func run(ctx context.Context, args []string, env environment) int {
	var c cli
	code := -1
	hidden := new(secrets)
	hidden.hide(env.getenv(envKey))
	hidden.hide(strings.Fields(env.getenv(envSecrets))...)
	env.out, env.err = masked{env.out, hidden}, masked{env.err, hidden}
	// Kong would put other characters in, also into the path of a file.
	if i := slices.IndexFunc(args, func(arg string) bool { return !utf8.ValidString(arg) }); i >= 0 {
		_, _ = fmt.Fprintf(env.err, "enablement: argument %d is not UTF-8; convert it from the encoding that it is in\n", i+1)
		return exitUsage
	}
	parser, err := kong.New(&c,
		kong.Name("enablement"),
		kong.Description("Creates clients, requests products for them and submits the requests, by CryptoMate's Management API. The API key is taken from the "+
			"environment (CRYPTOMATE_API_KEY) or a file, never from a flag.\n\n"+exitCodes),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(env.out, env.err),
		kong.Exit(func(c int) { code = c }),
		kong.KindMapper(reflect.Int, decimal), kong.KindMapper(reflect.Int32, decimal), kong.KindMapper(reflect.Int64, decimal),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(env, hidden),
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
	if command, ok := parsed.Selected().Target.Addr().Interface().(interface {
		open(ctx context.Context, env environment, hidden *secrets) error
		close()
	}); ok {
		if err = command.open(ctx, env, hidden); err == nil {
			defer command.close()
		}
	}
	if err == nil {
		err = parsed.Run(parser)
	}
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
