package sample

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/sample/faults"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

// Sample is what runs beside a service that serves the sample.
type Sample struct {
	// Database is where the service keeps the sample: as asked for, or in a temporary directory.
	Database string
	// ProviderURL and Secret are for the notifications.
	ProviderURL, Secret string
	// Clock is for all that the service decides, signs and limits; Calls is to record what its API receives.
	Clock *Clock
	Calls *Calls

	logger   *slog.Logger
	provider *http.Server
	dir      string // of the temporary database; empty where one was asked for
}

// Start starts the provider. Database may be empty. The caller closes what Start returns.
func Start(ctx context.Context, database string, logger *slog.Logger) (s *Sample, err error) {
	clock := &Clock{}
	s = &Sample{Database: database, Secret: delivery.NewSecret(), Clock: clock, Calls: &Calls{now: clock.Now}, logger: logger}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.Database == "" {
		if s.dir, err = os.MkdirTemp("", "enablementd-sample-"); err != nil {
			return nil, err
		}
		s.Database = filepath.Join(s.dir, "sample.db")
	}
	handler, err := NewProvider(s.Secret, clock.Now, logger)
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.provider = &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
	}
	go func() { _ = s.provider.Serve(listener) }() // ends with Close
	s.ProviderURL = "http://" + listener.Addr().String() + "/notifications"
	return s, nil
}

// Close stops the provider and removes the temporary database.
func (s *Sample) Close() error {
	var errs []error
	if s.provider != nil {
		errs = append(errs, s.provider.Close())
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// Load stores the sample's data, unless the store has it from an earlier start.
func Load(ctx context.Context, db store.Store) error {
	keys, err := db.Keys(ctx, Company)
	if err != nil || len(keys) > 0 {
		return err
	}
	if err := db.Import(ctx, Data(time.Now())); err != nil {
		return fmt.Errorf("loading the sample: %w", err)
	}
	return nil
}

// Tell prints what a person needs to try the service at the URL, whose provider decides after so long; 0: never.
func Tell(out io.Writer, url string, decideAfter time.Duration) {
	_, _ = fmt.Fprint(out, "\nThis is sample data with a provider stand-in. Never send real data here: the keys are public.\n\nKeys:\n")
	for _, key := range Keys {
		_, _ = fmt.Fprintf(out, "  %-25s %s\n", key.Secret, key.Does)
	}
	_, _ = fmt.Fprintf(out, "\nFaults on demand, by the header %s, several separated by commas:\n", faults.Header)
	for _, kind := range faults.Kinds {
		_, _ = fmt.Fprintf(out, "  %-15s %s\n", kind.Example, kind.Does)
	}
	decides := "only when told to (--decide-after)"
	if decideAfter > 0 {
		decides = fmt.Sprintf("%s after a request entered KYC. It rejects a request with a document whose number begins with %s", decideAfter, rejectedNumber)
	}
	_, _ = fmt.Fprintf(out, "\nThe provider decides %s.\nSee calls, decide, import and move the clock: %s/docs/?stand-in\n\n", decides, url)
	for _, c := range Cases {
		_, _ = fmt.Fprintf(out, "# %s\ncurl -X POST \"%s%s\" \\\n  -H \"x-api-key: %s\"\n\n", c.Title, url, c.Path(), KeyLevel3)
	}
	_, _ = fmt.Fprintf(out, "# all of them as they were at the start\ncurl -X POST \"%s%s\"\n\n", url, ResetPath)
}
