package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/client/internal/visible"
	"github.com/cryptomate-go/enablement/gen/api"
)

// The environment's names for the key and the server are those of client.FromEnv.
const (
	envKey     = "CRYPTOMATE_API_KEY"
	envBaseURL = "CRYPTOMATE_BASE_URL"
)

type submitCmd struct {
	Client         string        `arg:"" help:"Id of the client."`
	Request        string        `arg:"" help:"Id of the product enablement request."`
	BaseURL        string        `name:"base-url" xor:"server" placeholder:"URL" help:"URL of the server, with its path prefix if it has one (default: CRYPTOMATE_BASE_URL from the environment, or production)."`
	Sandbox        bool          `env:"ENABLEMENT_SANDBOX" xor:"server" help:"Call the sandbox."`
	KeyFile        string        `env:"ENABLEMENT_KEY_FILE" placeholder:"PATH" help:"File with the API key, - for standard input (default: the environment's CRYPTOMATE_API_KEY)."`
	IdempotencyKey string        `env:"ENABLEMENT_IDEMPOTENCY_KEY" placeholder:"KEY" help:"Idempotency key of this submission (default: a random one). Within 24 hours, a repeat with the same key gets the first response. With this flag a 409 gives exit code 5, because an earlier call may have submitted the request."`
	Timeout        time.Duration `env:"ENABLEMENT_TIMEOUT" default:"1m" help:"Longest time for all attempts and waits."`
	Retries        int           `env:"ENABLEMENT_RETRIES" default:"2" help:"How often to repeat a failed attempt, 0 to 9."`
	JSON           bool          `name:"json" env:"ENABLEMENT_JSON" help:"Write the server's JSON, or the error as JSON."`
	Verbose        bool          `short:"v" env:"ENABLEMENT_VERBOSE" help:"Write each attempt to standard error."`
}

// Help is the end of --help.
func (c *submitCmd) Help() string { return exitCodes }

func (c *submitCmd) Run(ctx context.Context, env environment, hidden *secrets) error {
	key, err := c.key(env)
	if err != nil {
		return err
	}
	hidden.hide(key)
	api, err := c.client(env, key)
	if err != nil {
		return err
	}
	defer api.CloseIdleConnections()
	var response client.Response
	opts := []client.CallOption{client.WithResponse(&response), client.WithTimeout(c.Timeout)}
	if c.IdempotencyKey != "" {
		opts = append(opts, client.WithIdempotencyKey(c.IdempotencyKey))
	}
	submission, err := api.SubmitProduct(ctx, c.Client, c.Request, opts...)
	if c.Verbose {
		showAttempts(env.err, response)
	}
	if err != nil {
		return c.fail(env, err)
	}
	for _, oddity := range response.Oddities {
		_, _ = fmt.Fprintln(env.err, "enablement: unexpected in the response:", visible.Line(oddity))
	}
	if c.JSON {
		_, err = fmt.Fprintf(env.out, "%s\n", document(response.Body))
	} else {
		err = showSubmission(env.out, submission)
	}
	if err != nil {
		return fmt.Errorf("the request's status is %q, but the response could not be written: %w", submission.Product.Status, err)
	}
	return ended(submission)
}

// ended returns what the process ends with; nil is [exitDone].
func ended(s *api.EvaluatedProduct) error {
	switch status := s.Product.Status; {
	case s.Complete():
		return nil
	case status.Pending():
		return &exit{code: exitMissing}
	case status == api.InKyc:
		return &exit{exitMissing, errors.New("the request is in KYC, but the response says that something is missing or was rejected; " +
			"don't submit it again")}
	case status == api.Rejected:
		return &exit{code: exitRejected}
	case status == api.Enabled:
		return &exit{code: exitEnabled}
	default:
		return &exit{exitUnknownStatus, fmt.Errorf("this version does not know the status %q", status)}
	}
}

// document returns a JSON document that does not act on a terminal, without what is around it. Others take
// a byte order mark for a mistake.
func document(body []byte) []byte {
	return visible.JSON(bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff"))))
}

// client makes the client of the flags and the environment.
func (c *submitCmd) client(env environment, key string) (*client.Client, error) {
	if c.Retries < 0 || c.Retries > 9 {
		return nil, usage("--retries: %d; pass 0 to 9", c.Retries)
	}
	if c.Timeout <= 0 {
		return nil, usage("--timeout: %v; it must be above zero", c.Timeout)
	}
	opts := []client.Option{
		client.WithRetry(client.RetryPolicy{MaxAttempts: c.Retries + 1}),
		client.WithAttemptTimeout(min(c.Timeout, 30*time.Second)),
		client.WithUserAgent("enablement-cli"),
	}
	// Kong would take the environment's for a flag that contradicts --sandbox.
	if server := cmp.Or(c.BaseURL, env.getenv(envBaseURL)); c.Sandbox {
		opts = append(opts, client.WithBaseURL(client.Sandbox))
	} else if server != "" {
		opts = append(opts, client.WithBaseURL(server))
	}
	api, err := client.New(key, opts...)
	if err != nil {
		return nil, &exit{exitUsage, errors.New(strings.Replace(err.Error(), "client: WithBaseURL: ", "--base-url: ", 1))}
	}
	return api, nil
}

// key reads the key where it is. A line break at the end of a file is not part of it.
func (c *submitCmd) key(env environment) (string, error) {
	if c.KeyFile == "" {
		key := env.getenv(envKey)
		if key == "" {
			return "", usage("there is no API key: set %s, or name a file with --key-file", envKey)
		}
		return key, nil
	}
	text, err := readFile(env, c.KeyFile, 4<<10)
	if err != nil {
		return "", usage("--key-file: %w", withoutPath(err))
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// readFile reads a file, or standard input for -, up to a limit.
func readFile(env environment, name string, limit int64) ([]byte, error) {
	in := env.in
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("it is larger than %d bytes", limit)
	}
	return text, err
}

// fail says what went wrong, and ends with what became of the request.
func (c *submitCmd) fail(env environment, err error) error {
	failed, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	code := exitUnknown
	switch {
	case errors.Is(failed, client.ErrInvalidInput):
		code = exitUsage
	case failed.Outcome == client.NotSent:
		code = exitNotSent
	case failed.Outcome == client.Refused:
		code = exitRefused
	}
	if c.JSON {
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
		text, jsonErr := json.Marshal(map[string]description{"error": {
			failed.Outcome, failed.StatusCode, failed.Code, failed.Error(), failed.TraceID, failed.RetryAfter.Seconds(),
			failed.IdempotencyKey, len(failed.Attempts),
		}})
		if jsonErr != nil {
			return jsonErr
		}
		if _, err := fmt.Fprintf(env.out, "%s\n", text); err != nil {
			return err
		}
		return &exit{code: code}
	}
	// What a 409 after an unknown attempt asks for is in the error; submitting again would tell no more.
	if code == exitUnknown && failed.IdempotencyKey != "" && !errors.Is(failed, client.ErrNotPending) {
		err = fmt.Errorf("%w\nIt is unknown whether the request was submitted. Submit it again, within 24 hours with --idempotency-key %s",
			err, failed.IdempotencyKey)
	}
	return &exit{code, err}
}

func showAttempts(w io.Writer, response client.Response) {
	for i, attempt := range response.Attempts {
		_, _ = fmt.Fprintf(w, "attempt %d: %s, %v", i+1, attempt.At.Format(time.TimeOnly), attempt.Duration.Round(time.Millisecond))
		switch {
		case attempt.Cause == "":
			_, _ = fmt.Fprintf(w, ": %d", attempt.StatusCode)
		case attempt.Wait > 0:
			_, _ = fmt.Fprintf(w, ": %s; %s; next attempt in %v", attempt.Cause, attempt.Reason, attempt.Wait.Round(time.Millisecond))
		default:
			_, _ = fmt.Fprintf(w, ": %s; %s", attempt.Cause, attempt.Reason)
		}
		_, _ = fmt.Fprintln(w)
	}
	if response.IdempotencyKey != "" {
		_, _ = fmt.Fprintln(w, "idempotency key:", response.IdempotencyKey)
	}
	if response.TraceID != "" {
		_, _ = fmt.Fprintln(w, "trace id:", response.TraceID)
	}
}

// showSubmission writes what a person wants to know. What a server sent is quoted if it would act on
// the terminal; of what it did not send, there is no line.
func showSubmission(w io.Writer, s *api.EvaluatedProduct) error {
	var text bytes.Buffer
	out := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	row := func(cells ...string) {
		for i, cell := range cells {
			cells[i] = visible.Line(cell)
		}
		_, _ = fmt.Fprintln(out, strings.Join(cells, "\t"))
	}
	row("Request", s.Product.ID)
	if s.Product.Product != "" {
		row("Product", string(s.Product.Product))
	}
	row("Status", string(s.Product.Status))
	if s.Product.RejectionCode != "" || s.Product.RejectionDescription != "" {
		row("Rejection", strings.TrimSpace(s.Product.RejectionCode+" "+s.Product.RejectionDescription))
	}
	if !s.Product.UpdatedAt.IsZero() {
		row("Updated", s.Product.UpdatedAt.String()+" UTC")
	}
	if s.Product.Status.Pending() && !s.MissingTold() {
		row("Missing", "the response does not list everything")
	}
	if missing := s.Missing(); len(missing) > 0 {
		_, _ = fmt.Fprintln(out, "\nMISSING\tTYPE\tREQUIRED\tACCEPTED")
		for _, item := range missing {
			name, kind, required, what := describe(item)
			row(name, kind, required, what)
		}
	}
	if len(s.RejectedItems) > 0 {
		_, _ = fmt.Fprintln(out, "\nREJECTED\tTYPE\tREASON")
		for _, item := range s.RejectedItems {
			row(item.Key, string(item.Type), item.Reason)
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := w.Write(text.Bytes())
	return err
}

func describe(item api.MissingItem) (name, kind, required, what string) {
	name, required = cmp.Or(item.Name, item.Requirement, "(not named)"), "yes"
	if !item.Required {
		required = "no"
	}
	if item.Type == api.RejectedData {
		if item.Key != "" {
			name += ": " + item.Key
		}
		return name, string(item.Type), required, string(item.DataType)
	}
	kinds := make([]string, len(item.Documents))
	for i, document := range item.Documents {
		kinds[i] = cmp.Or(document.Name, document.ID)
	}
	return name, string(item.Type), required, strings.Join(kinds, ", or ")
}
