package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/faults"
	"github.com/cryptomate-go/enablement/server/internal/provider"
)

// sample is what the sample service has beside the real one: a provider stand-in, and a temporary
// directory for the database where none was asked for.
type sample struct {
	provider *http.Server
	dir      string
}

// startSample starts the provider stand-in and completes the configuration with its address and
// secret, and with a temporary database where none is given.
func startSample(ctx context.Context, config *Config, logger *slog.Logger) (s *sample, err error) {
	s = &sample{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if config.Database == "" {
		if s.dir, err = os.MkdirTemp("", "enablementd-sample-"); err != nil {
			return s, err
		}
		config.Database = filepath.Join(s.dir, "sample.db")
	}
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	secret := "whsec_" + base64.StdEncoding.EncodeToString(random)
	handler, err := provider.New(secret, logger)
	if err != nil {
		return s, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return s, err
	}
	s.provider = &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, MaxHeaderBytes: maxHeaderBytes,
	}
	go func() { _ = s.provider.Serve(listener) }() // ends with close
	config.ProviderURL = "http://" + listener.Addr().String() + "/notifications"
	config.ProviderSecrets, config.ProviderAllowPrivate = []string{secret}, true
	return s, nil
}

// load imports the sample data, unless the database has it from an earlier start.
func (s *sample) load(ctx context.Context, db *Database) error {
	keys, err := db.Keys(ctx, dataset.SampleCompany)
	if err != nil || len(keys) > 0 {
		return err
	}
	if err := db.Import(ctx, dataset.Sample(time.Now())); err != nil {
		return fmt.Errorf("loading the sample: %w", err)
	}
	return nil
}

func (s *sample) close() error {
	var errs []error
	if s.provider != nil {
		errs = append(errs, s.provider.Close())
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// tell prints what a person needs to try the service.
func (s *sample) tell(out io.Writer, scheme string, addr net.Addr) {
	_, _ = fmt.Fprintf(out, `
This is sample data with a provider stand-in. Never send real data here: the keys are public.

Keys: %s, %s (level too low), %s (another company)
Faults on demand, by the header %s: %s

`, dataset.SampleKeyLevel3, dataset.SampleKeyLevel1, dataset.SampleKeyCompany, faults.Header, faults.Choices)
	for _, c := range dataset.Cases {
		_, _ = fmt.Fprintf(out, "# %s\ncurl -X POST \"%s://%s/management/clients/individuals/%s/products/%s/submit\" \\\n  -H \"x-api-key: %s\"\n\n",
			c.Title, scheme, addr, c.ClientID, c.RequestID, dataset.SampleKeyLevel3)
	}
}
