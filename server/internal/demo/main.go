// Command demo runs the whole flow against the sample service: an incomplete request, a complete
// one, and the notification the provider gets. It exits with 1 if any step is not as it should be.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/dataset"
)

// limit bounds the whole demonstration.
const limit = time.Minute

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: demo PATH-OF-ENABLEMENTD")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(binary string) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	s, err := start(ctx, binary)
	if err != nil {
		return err
	}
	return errors.Join(flow(ctx, s), s.stop())
}

func flow(ctx context.Context, s *service) error {
	address, err := s.waitFor(ctx, regexp.MustCompile(`listens on (http://\S+)`))
	if err != nil {
		return err
	}
	c, err := client.New(dataset.SampleKeyLevel3, client.WithBaseURL(address))
	if err != nil {
		return err
	}
	complete, incomplete := dataset.Cases[0], dataset.Cases[1]

	fmt.Println("1. Submitting a request whose client lacks data and a document:")
	submission, err := c.SubmitProduct(ctx, incomplete.ClientID, incomplete.RequestID)
	if err != nil {
		return err
	}
	fmt.Println("   status ", submission.Product.Status)
	missing := submission.Product.MissingRequirements
	for _, document := range missing.Documents {
		fmt.Println("   missing", document.Name)
	}
	for _, data := range missing.Data {
		for _, field := range data.Fields {
			fmt.Println("   missing", data.Name+":", field.Key)
		}
	}
	if submission.Product.Status != api.PendingDocumentation || len(missing.Documents) == 0 || len(missing.Data) == 0 {
		return errors.New("the incomplete request should be pending with a document and data missing")
	}

	fmt.Println("2. Submitting a request with nothing left missing:")
	submission, err = c.SubmitProduct(ctx, complete.ClientID, complete.RequestID)
	if err != nil {
		return err
	}
	fmt.Println("   status ", submission.Product.Status)
	if submission.Product.Status != api.InKyc {
		return errors.New("the complete request should be in KYC")
	}

	fmt.Println("3. Waiting for the provider:")
	notification, err := s.waitFor(ctx, regexp.MustCompile(`msg="provider: notification verified" (.*)`))
	if err != nil {
		return err
	}
	fmt.Println("   verified", notification)
	if !strings.Contains(notification, complete.RequestID) {
		return errors.New("the notification should be about the complete request")
	}
	return nil
}

// service is the running sample service.
type service struct {
	command *exec.Cmd
	lines   chan string
}

func start(ctx context.Context, binary string) (*service, error) {
	output, input := io.Pipe()
	s := &service{command: exec.CommandContext(ctx, binary, "serve", "--sample", "--addr", "127.0.0.1:0"), lines: make(chan string, 1024)}
	s.command.Stdout, s.command.Stderr = input, input
	s.command.Cancel = func() error { return s.command.Process.Signal(syscall.SIGTERM) }
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	go func() { // ends with the service's output, which stop closes
		defer close(s.lines)
		for scanner := bufio.NewScanner(output); scanner.Scan(); {
			s.lines <- scanner.Text()
		}
	}()
	go func() { _ = input.CloseWithError(s.command.Wait()) }()
	return s, nil
}

// waitFor reads the service's output until a line matches, and returns what the pattern's group is.
func (s *service) waitFor(ctx context.Context, pattern *regexp.Regexp) (string, error) {
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				return "", fmt.Errorf("the service ended before it said %q", pattern)
			}
			if match := pattern.FindStringSubmatch(line); match != nil {
				return match[1], nil
			}
		case <-ctx.Done():
			return "", fmt.Errorf("waiting for the service to say %q: %w", pattern, ctx.Err())
		}
	}
}

func (s *service) stop() error {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	for range s.lines { // until the service has ended
	}
	if code := s.command.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("the service ended with %d", code)
	}
	return nil
}
