package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/client/internal/visible"
	"github.com/cryptomate-go/enablement/client/notification"
)

const envSecrets = "ENABLEMENT_WEBHOOK_SECRET"

type verifyCmd struct {
	File       string        `arg:"" default:"-" help:"File with the notification, or - for standard input. It holds the headers, an empty line and the unchanged body. With --header, it holds only the body."`
	Header     []string      `short:"H" sep:"none" placeholder:"NAME: VALUE" help:"A header of the notification, written as for curl. Give webhook-id, webhook-timestamp and webhook-signature."`
	SecretFile string        `env:"ENABLEMENT_SECRET_FILE" placeholder:"PATH" help:"File with the signing secrets, one a line (default: the environment's ENABLEMENT_WEBHOOK_SECRET, separated by spaces)."`
	Tolerance  time.Duration `env:"ENABLEMENT_TOLERANCE" default:"5m" help:"Longest difference between the notification's time and now, past or future."`
	JSON       bool          `name:"json" env:"ENABLEMENT_JSON" help:"Write the notification as JSON."`
}

// maxNotification is far more than a notification with its headers needs.
const maxNotification = 256 << 10

// Help is the end of --help.
func (c *verifyCmd) Help() string { return exitCodes }

func (c *verifyCmd) Run(ctx context.Context, env environment, hidden *secrets) error {
	if c.Tolerance <= 0 {
		return usage("--tolerance: %v; it must be above zero", c.Tolerance)
	}
	secrets, err := c.secrets(ctx, env)
	if err != nil {
		return err
	}
	hidden.hide(secrets...)
	verifier, err := notification.New(secrets, notification.WithTolerance(c.Tolerance, c.Tolerance))
	if err != nil {
		from := envSecrets
		if c.SecretFile != "" {
			from = "--secret-file"
		}
		return usage("%s", strings.Replace(err.Error(), "notification", from, 1))
	}
	message, err := readFile(ctx, env, "the notification", c.File, maxNotification)
	if err != nil {
		return err
	}
	header, body, err := split(message, c.Header)
	if err != nil {
		return usage("%w", err)
	}
	n, err := verifier.Verify(header, body)
	if err != nil {
		return &exit{exitRefused, err}
	}
	if c.JSON {
		text, err := json.Marshal(struct {
			ID           string          `json:"id"`
			SentAt       time.Time       `json:"sent_at"`
			Notification json.RawMessage `json:"notification"`
		}{n.ID, n.SentAt, document(n.Raw)})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(env.out, "%s\n", text)
		return err
	}
	_, err = fmt.Fprintf(env.out, "genuine: %s, sent %s\n%s: request %s of client %s is %s\n", n.ID, n.SentAt.Format(time.RFC3339),
		visible.Line(string(n.Type)), visible.Line(n.Data.ID), visible.Line(n.Data.ClientID), visible.Line(string(n.Data.Status)))
	return err
}

func (c *verifyCmd) secrets(ctx context.Context, env environment) ([]string, error) {
	if c.SecretFile == "" {
		secrets := strings.Fields(env.getenv(envSecrets))
		if len(secrets) == 0 {
			return nil, usage("there is no secret: set %s, or name a file with --secret-file", envSecrets)
		}
		return secrets, nil
	}
	if c.SecretFile == "-" && c.File == "-" {
		return nil, usage("standard input cannot hold both the secrets and the notification; give a file for one of them")
	}
	text, err := readFile(ctx, env, "--secret-file", c.SecretFile, 64<<10)
	return strings.Fields(string(text)), err
}

// split takes a message apart. With headers given, all of it is the body.
func split(message []byte, given []string) (http.Header, []byte, error) {
	if len(given) > 0 {
		header := make(http.Header)
		for _, line := range given {
			name, value, ok := strings.Cut(line, ":")
			if !ok {
				return nil, nil, errors.New("--header: write it like webhook-id: ntf_1")
			}
			header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		}
		return header, message, nil
	}
	reader := bufio.NewReader(bytes.NewReader(message))
	if first, _, _ := bytes.Cut(message, []byte("\n")); bytes.HasPrefix(first, []byte("POST ")) {
		_, _ = reader.ReadString('\n') // a whole request, as a dump has it
	}
	header, err := textproto.NewReader(reader).ReadMIMEHeader()
	if err != nil {
		return nil, nil, errors.New("the notification must begin with its headers and an empty line; or give them with --header")
	}
	body, err := io.ReadAll(reader)
	return http.Header(header), body, err
}
