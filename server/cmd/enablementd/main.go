// Command enablementd serves the API from a database and notifies the provider.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/alecthomas/kong"
	"github.com/oapi-codegen/runtime"

	"github.com/cryptomate-go/enablement/server/internal/app"
	"github.com/cryptomate-go/enablement/server/internal/httpapi"
)

// What the process ends with.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	runtime.SetJSONCodec(httpapi.Codec{})
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals) // a second signal kills the service, from before anybody is told of the first
		stop()
	}()
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run runs the command line and returns what the process ends with.
func run(ctx context.Context, args []string, std streams) int {
	var c cli
	exit := -1
	// Kong would put other characters in, also into the path of a file.
	if i := slices.IndexFunc(args, func(arg string) bool { return !utf8.ValidString(arg) }); i >= 0 {
		return fail(std, fmt.Errorf("argument %d is not UTF-8; convert it from the encoding that it is in", i+1), exitUsage)
	}
	parser, err := kong.New(&c, append(mappers,
		kong.Name("enablementd"),
		kong.Description("Serves the product enablement API. Each flag can also be set in the environment: --log-level is ENABLEMENTD_LOG_LEVEL."),
		kong.DefaultEnvars("ENABLEMENTD"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(std.out, std.err),
		kong.Exit(func(code int) { exit = code }),
		kong.Vars{"schedule": schedule(), "version": version()},
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
	)...)
	if err != nil {
		return fail(std, err, exitFailed)
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 {
		return exit // --help
	}
	if err != nil {
		return fail(std, explain(err), exitUsage)
	}
	err = parsed.Run(&c.common, parsed)
	var config *app.ConfigError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &config):
		return fail(std, err, exitUsage)
	default:
		return fail(std, err, exitFailed)
	}
}

// explain says in plain words what is wrong with a command line, and where to read on.
func explain(err error) error {
	command := "enablementd"
	text := withoutSecret(err).Error()
	if parsing, ok := errors.AsType[*kong.ParseError](err); ok {
		if selected := parsing.Context.Selected(); selected != nil {
			command = selected.FullPath()
		}
		if selected := parsing.Context.Selected(); selected == nil || len(selected.Children) > 0 {
			text = strings.Replace(text, "unexpected argument", "unknown command", 1)
		}
	}
	return fmt.Errorf("%s; see %s --help", plainWords.Replace(noValue.ReplaceAllString(text, ": needs a value")), command)
}

// plainWords are for those of the library that reads the command line.
var plainWords = strings.NewReplacer(
	"bool value must be", "must be", "(from envar ", "(from ", `must be one of "",`, "must be one of ",
	"missing flags:", "missing:", `expected "<`, `missing: "<`,
)

// noValue is what that library says of a flag that ends the line, or stands before another one.
var noValue = regexp.MustCompile(`: expected \S+ value but got .*`)

// withoutSecret keeps the parser from telling a secret that it can't read.
func withoutSecret(err error) error {
	var parsing *kong.ParseError
	if !errors.As(err, &parsing) {
		return err
	}
	for _, flag := range parsing.Context.Flags() {
		if flag.Tag.Has("secret") && strings.HasPrefix(err.Error(), "--"+flag.Name+":") {
			return fmt.Errorf("%s: must be of the form %s", "--"+flag.Name, flag.PlaceHolder)
		}
	}
	return err
}

// fail says in a line what went wrong, without the secrets that are told in it.
func fail(std streams, err error, code int) int {
	_, _ = fmt.Fprintln(std.err, "enablementd:", app.Masked(strings.ReplaceAll(err.Error(), "\n", "; ")))
	return code
}
