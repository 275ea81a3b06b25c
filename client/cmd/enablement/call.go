package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/client/internal/visible"
	"github.com/cryptomate-go/enablement/gen/api"
)

// The environment's names for the key and the server are those of client.FromEnv.
const (
	envKey     = "CRYPTOMATE_API_KEY"
	envBaseURL = "CRYPTOMATE_BASE_URL"
	envSandbox = "ENABLEMENT_SANDBOX"
)

// caller is what every command has that calls the API.
type caller struct {
	BaseURL *string       `name:"base-url" placeholder:"URL" help:"URL of the server, with its path prefix if it has one (default: CRYPTOMATE_BASE_URL from the environment, or production)."`
	Sandbox bool          `env:"ENABLEMENT_SANDBOX" help:"Call the sandbox, unless there is a --base-url."`
	KeyFile string        `env:"ENABLEMENT_KEY_FILE" placeholder:"PATH" help:"File with the API key, - for standard input (default: the environment's CRYPTOMATE_API_KEY)."`
	Timeout time.Duration `env:"ENABLEMENT_TIMEOUT" default:"1m" help:"Longest time for all attempts and waits of a call; a call with photos has more."`
	Retries int           `env:"ENABLEMENT_RETRIES" default:"2" help:"How often to repeat a failed attempt, 0 to 9."`
	JSON    bool          `name:"json" env:"ENABLEMENT_JSON" help:"Write the server's JSON, or the error as JSON."`
	Verbose bool          `short:"v" env:"ENABLEMENT_VERBOSE" help:"Write each attempt to standard error."`

	env      environment
	api      *client.Client
	response client.Response
}

// keyed is what a command has whose call takes an idempotency key.
type keyed struct {
	IdempotencyKey *string `env:"ENABLEMENT_IDEMPOTENCY_KEY" placeholder:"KEY" help:"Idempotency key of this call (default: a random one). Within 24 hours, a repeat with the same key gets the first response. With this flag, being told that it was done already gives exit code 5, because an earlier call may have done it."`
}

func (k *keyed) underKey() []client.CallOption {
	if k.IdempotencyKey == nil {
		return nil
	}
	return []client.CallOption{client.WithIdempotencyKey(*k.IdempotencyKey)}
}

// Help is the end of --help.
func (c *caller) Help() string { return exitCodes }

// open makes the client of the flags and the environment, before the command runs.
func (c *caller) open(ctx context.Context, env environment, hidden *secrets) (err error) {
	key, err := c.key(ctx, env)
	if err != nil {
		return err
	}
	hidden.hide(key)
	c.env = env
	c.api, err = c.client(env, key)
	return err
}

func (c *caller) close() { c.api.CloseIdleConnections() }

// options are those of every call, and own ones.
func (c *caller) options(own ...client.CallOption) []client.CallOption {
	return append([]client.CallOption{client.WithResponse(&c.response), client.WithTimeout(c.Timeout)}, own...)
}

// effect is what a call may have done, in words: "the request was submitted", "Submit it", and how settle calls it. A call
// that only reads has none, and one that is better not made again has no words for that.
type effect struct{ done, again, settle string }

// finish shows the server's response, or fails. result says in short what there is, where it can't be shown.
func (c *caller) finish(err error, e effect, show func(t *table), result string) error {
	if err != nil {
		if c.Verbose {
			showIDs(c.env.err, c.response)
		}
		return c.fail(err, e)
	}
	var body any // 204 has none, and a 404 in its place is not what was asked for
	if c.response.StatusCode < 300 && len(c.response.Body) > 0 {
		body = json.RawMessage(document(c.response.Body))
	}
	return c.show(body, show, result)
}

// show writes a result, as JSON or for a person.
func (c *caller) show(result any, show func(t *table), short string) (err error) {
	if c.Verbose {
		showIDs(c.env.err, c.response)
	}
	for _, oddity := range c.response.Oddities {
		_, _ = fmt.Fprintln(c.env.err, "enablement: unexpected in the response:", visible.Line(oddity))
	}
	switch raw, ok := result.(json.RawMessage); {
	case !c.JSON:
		t := newTable()
		show(t)
		err = t.write(c.env.out)
	case ok:
		_, err = fmt.Fprintf(c.env.out, "%s\n", raw)
	case result != nil:
		err = c.writeJSON(result)
	}
	if err != nil {
		return fmt.Errorf("%s, but the response could not be written: %w", short, err)
	}
	return nil
}

// document returns a JSON document that does not act on a terminal, without what is around it. Others take
// a byte order mark for a mistake.
func document(body []byte) []byte {
	return visible.JSON(bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff"))))
}

// client makes the client of the flags and the environment.
func (c *caller) client(env environment, key string) (*client.Client, error) {
	if c.Retries < 0 || c.Retries > 9 {
		return nil, usage("--retries: %d; pass 0 to 9", c.Retries)
	}
	if c.Timeout <= 0 {
		return nil, usage("--timeout: %v; it must be above zero", c.Timeout)
	}
	opts := []client.Option{
		client.WithRetry(client.RetryPolicy{MaxAttempts: c.Retries + 1}),
		client.WithUserAgent("enablement-cli"),
	}
	if c.Verbose {
		opts = append(opts, client.WithLogger(slog.New(attempts{env.err})))
	}
	// A flag goes before the environment, of which Kong takes a value for a flag.
	server, from := env.getenv(envBaseURL), envBaseURL
	switch {
	case c.BaseURL != nil && c.Sandbox && env.getenv(envSandbox) == "":
		return nil, usage("--base-url and --sandbox can't be used together")
	case c.BaseURL != nil:
		server, from = *c.BaseURL, "--base-url"
	case c.Sandbox:
		server = client.Sandbox
	}
	if server != "" || c.BaseURL != nil { // an empty flag is no flag that was left out
		opts = append(opts, client.WithBaseURL(server))
	}
	api, err := client.New(key, opts...)
	if err != nil {
		wrong, ofServer := strings.CutPrefix(err.Error(), "client: WithBaseURL: ")
		if !ofServer { // what is wrong with the other options was said before
			from, wrong = c.keyFrom(), strings.TrimPrefix(wrong, "client: ")
		}
		return nil, usage("%s: %s", from, wrong)
	}
	return api, nil
}

// keyFrom says where the key is.
func (c *caller) keyFrom() string {
	if c.KeyFile != "" {
		return "--key-file"
	}
	return envKey
}

// key reads the key where it is. A line break at the end of a file is not part of it.
func (c *caller) key(ctx context.Context, env environment) (string, error) {
	if c.KeyFile == "" {
		key := env.getenv(envKey)
		if key == "" {
			return "", usage("there is no API key: set %s, or name a file with --key-file", envKey)
		}
		return key, nil
	}
	text, err := readFile(ctx, env, "--key-file", c.KeyFile, 4<<10)
	return strings.TrimRight(string(text), "\r\n"), err
}

// readFile reads a file, or standard input for -, up to a limit. A terminal or a pipe may let it wait: it ends with ctx.
// What the text is, is said in its errors.
func readFile(ctx context.Context, env environment, what, name string, limit int64) ([]byte, error) {
	var text []byte
	read := make(chan error, 1)
	go func() {
		in := env.in
		if name != "-" {
			file, err := os.Open(name)
			if err != nil {
				read <- err
				return
			}
			defer func() { _ = file.Close() }()
			in = file
		}
		all, err := io.ReadAll(io.LimitReader(in, limit+1))
		if err == nil && int64(len(all)) > limit {
			err = fmt.Errorf("it is larger than %d bytes", limit)
		}
		text = all
		read <- err
	}()
	select {
	case err := <-read:
		if err != nil {
			return nil, usage("%s: %w", what, visible.WithoutPath(err))
		}
		return text, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: interrupted while it was read", what)
	}
}

// fail says what went wrong, and ends with what became of the call.
func (c *caller) fail(err error, e effect) error {
	failed, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	code := exitUnknown
	message := failed.Error()
	switch {
	case errors.Is(failed, client.ErrInvalidInput):
		code = exitUsage
		message = strings.Replace(message, "WithIdempotencyKey: the key", "--idempotency-key", 1)
		err = errors.New(message)
	case failed.Outcome == client.NotSent:
		code = exitNotSent
	case failed.Outcome == client.Refused:
		code = exitRefused
	}
	if c.JSON {
		return c.failJSON(failed, message, code)
	}
	switch {
	case code != exitUnknown || e.done == "":
	case e.again == "" || errors.Is(failed, client.ErrNotPending) || errors.Is(failed, client.ErrActive) || errors.Is(failed, client.ErrExists):
		// What it asks for is in the error; the call again would tell no more.
		err = fmt.Errorf("%w\nTo find out: enablement settle %s", err, e.settle)
	case failed.IdempotencyKey != "":
		err = fmt.Errorf("%w\nIt is unknown whether %s. %s again, within 24 hours with --idempotency-key %s", err, e.done, e.again, failed.IdempotencyKey)
	default:
		err = fmt.Errorf("%w\nIt is unknown whether %s. %s again, or find out: enablement settle %s", err, e.done, e.again, e.settle)
	}
	return &exit{code, err}
}

func (c *caller) failJSON(failed *client.Error, message string, code int) error {
	type description struct {
		Outcome        client.Outcome `json:"outcome"`
		Status         int            `json:"status,omitempty"`
		Code           api.ErrorCode  `json:"code,omitempty"`
		Message        string         `json:"message"`
		TraceID        string         `json:"trace_id,omitempty"`
		RetryAfter     float64        `json:"retry_after_seconds,omitempty"`
		IdempotencyKey string         `json:"idempotency_key,omitempty"`
		Attempts       int            `json:"attempts"`
	}
	if err := c.writeJSON(map[string]description{"error": {
		failed.Outcome, failed.StatusCode, failed.Code, message, failed.TraceID, failed.RetryAfter.Seconds(),
		failed.IdempotencyKey, len(failed.Attempts),
	}}); err != nil {
		return &exit{code, fmt.Errorf("%s, but the error could not be written: %w", message, err)}
	}
	return &exit{code: code}
}

func (c *caller) writeJSON(value any) error {
	text, err := json.Marshal(value)
	if err == nil {
		_, err = fmt.Fprintf(c.env.out, "%s\n", visible.JSON(text))
	}
	return err
}

// attempts writes a line of each attempt that the SDK logs, of every call that a command makes.
type attempts struct{ to io.Writer }

func (a attempts) Enabled(context.Context, slog.Level) bool { return true }
func (a attempts) WithAttrs([]slog.Attr) slog.Handler       { return a }
func (a attempts) WithGroup(string) slog.Handler            { return a }

func (a attempts) Handle(_ context.Context, r slog.Record) error {
	logged := make(map[string]slog.Value)
	r.Attrs(func(attr slog.Attr) bool {
		logged[attr.Key] = attr.Value
		return true
	})
	took := logged["took"].Duration()
	text := fmt.Sprintf("attempt %v: %s, %v: ", logged["attempt"], r.Time.Add(-took).Format(time.TimeOnly), took.Round(time.Millisecond))
	if cause, failed := logged["cause"]; failed {
		text += fmt.Sprintf("%v; %v", cause, logged["reason"])
	} else {
		operation, _, _ := strings.Cut(r.Message, ":")
		text += fmt.Sprintf("%s: %v", operation, logged["status"])
	}
	if wait, again := logged["wait"]; again {
		text += fmt.Sprintf("; next attempt in %v", wait.Duration().Round(time.Millisecond))
	}
	_, err := fmt.Fprintln(a.to, text)
	return err
}

func showIDs(w io.Writer, response client.Response) {
	if response.IdempotencyKey != "" {
		_, _ = fmt.Fprintln(w, "idempotency key:", response.IdempotencyKey)
	}
	if response.TraceID != "" {
		_, _ = fmt.Fprintln(w, "trace id:", response.TraceID)
	}
}
