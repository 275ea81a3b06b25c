// Command uploads sends large photos to the built service while others submit, and prints what that costs: the time of a
// submission with and without it, and the most memory that the service took.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/lab/process"
)

const (
	company = "cmp_uploads"
	limit   = 15 * time.Minute
	// quiet is how long is submitted without uploads.
	quiet = 10 * time.Second
	// pace is how long a submitter waits between two calls.
	pace = 20 * time.Millisecond
	// submissions are the requests that can be submitted; those of uploads come first.
	submissions = 40_000
	// photoSize is the largest that a photo may have; two of them are in each upload.
	photoSize = 10 << 20
)

func main() {
	var l load
	flag.StringVar(&l.database, "db", "", "database: a postgres:// URL; an SQLite file of its own without")
	flag.IntVar(&l.uploads, "uploads", 100, "how many uploads of 20 MiB are sent")
	flag.IntVar(&l.callers, "callers", 20, "how many callers send them")
	flag.IntVar(&l.submitters, "submitters", 8, "how many callers submit")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: uploads [flags] PATH-OF-ENABLEMENTD")
		os.Exit(2)
	}
	if err := l.run(flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "uploads:", err)
		os.Exit(1)
	}
}

// load is what is sent, and what came of it.
type load struct {
	database                     string
	uploads, callers, submitters int

	service *process.Process
	key     string
	next    atomic.Int64 // request to submit

	stored, busy atomic.Int64
}

func (l *load) run(binary string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if l.database == "" {
		dir, err := os.MkdirTemp("", "uploads-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		l.database = filepath.Join(dir, "uploads.db")
	}
	if l.key, err = process.Prepare(ctx, binary, l.database, company, process.Company(company, l.uploads+submissions)); err != nil {
		return err
	}
	provider, flags := process.NewProvider()
	defer provider.Close()
	if l.service, err = process.Serve(ctx, binary, append(flags, "--db", l.database, "--rate-limit", "0", "--log-level", "warn",
		"--company-uploads", "4")...); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopped(l.service)) }()
	return l.measure(ctx)
}

func stopped(service *process.Process) error {
	if code := service.Stop(); code != 0 {
		return fmt.Errorf("the service ended with %d:\n%s", code, service.Output())
	}
	return nil
}

func (l *load) measure(ctx context.Context) error {
	l.next.Store(int64(l.uploads))
	before, err := l.submitting(ctx, func(ctx context.Context) error {
		process.Pause(ctx, quiet)
		return nil
	})
	if err != nil {
		return err
	}
	started := time.Now()
	during, err := l.submitting(ctx, l.uploading)
	if err != nil {
		return err
	}
	took := time.Since(started)
	memory, err := peak(l.service.PID())
	if err != nil {
		return err
	}
	fmt.Printf("uploads of 20 MiB: sent=%d stored=%d told-503=%d lost=%d in %s\n",
		l.uploads, l.stored.Load(), l.busy.Load(), l.uploads-int(l.stored.Load()), took.Round(time.Millisecond))
	fmt.Printf("submissions beside them: n=%d p50=%s p99=%s\n", len(during), process.Quantile(during, 0.5), process.Quantile(during, 0.99))
	fmt.Printf("submissions without:     n=%d p50=%s p99=%s\n", len(before), process.Quantile(before, 0.5), process.Quantile(before, 0.99))
	fmt.Printf("peak memory of the service: %d MiB\n", memory>>20)
	if int(l.stored.Load()) != l.uploads {
		return errors.New("not all were stored in the end")
	}
	return nil
}

// submitting submits until the work beside it ends, and returns how long each submission took.
func (l *load) submitting(ctx context.Context, beside func(context.Context) error) ([]time.Duration, error) {
	submitting, stop := context.WithCancel(ctx)
	defer stop()
	var mu sync.Mutex
	var all []time.Duration
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	for range l.submitters {
		group.Go(func() {
			c, err := l.client()
			var took []time.Duration
			for err == nil && submitting.Err() == nil {
				n := int(l.next.Add(1) - 1)
				if n >= l.uploads+submissions {
					err = errors.New("there are no more requests to submit")
					break
				}
				started := time.Now()
				_, err = c.SubmitProduct(ctx, process.ClientID(n), process.RequestID(n))
				took = append(took, time.Since(started))
				process.Pause(submitting, rand.N(2*pace))
			}
			if err != nil {
				failed.Store(&err)
				stop()
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
		})
	}
	err := beside(submitting)
	stop()
	group.Wait()
	if p := failed.Load(); p != nil {
		err = *p
	}
	return all, err
}

func (l *load) client() (*client.Client, error) {
	return client.New(l.key, client.WithBaseURL(l.service.URL), client.WithoutRateGate())
}

// uploading sends all uploads, each as often as it is told that it is not its turn.
func (l *load) uploading(ctx context.Context) error {
	body, err := upload()
	if err != nil {
		return err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: l.callers, ExpectContinueTimeout: time.Minute}
	defer transport.CloseIdleConnections()
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	for range l.callers {
		group.Go(func() {
			for n := int(next.Add(1) - 1); n < l.uploads && ctx.Err() == nil; n = int(next.Add(1) - 1) {
				if err := l.upload(ctx, &http.Client{Transport: transport}, n, body); err != nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	group.Wait()
	if p := failed.Load(); p != nil {
		return *p
	}
	return ctx.Err()
}

func (l *load) upload(ctx context.Context, c *http.Client, n int, body string) error {
	for ctx.Err() == nil {
		request, err := api.NewCompleteDocumentationRequestWithBody(l.service.URL, process.ClientID(n), process.RequestID(n),
			&api.CompleteDocumentationParams{}, "application/json", strings.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("X-Api-Key", l.key)
		request.Header.Set("Expect", "100-continue")
		response, err := c.Do(request.WithContext(ctx))
		if err != nil {
			return err
		}
		var evaluated api.EvaluatedProduct
		err = json.NewDecoder(response.Body).Decode(&evaluated)
		_ = response.Body.Close()
		switch {
		case response.StatusCode == http.StatusServiceUnavailable:
			l.busy.Add(1)
			seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
			process.Pause(ctx, time.Duration(seconds)*time.Second)
			continue
		case err != nil || response.StatusCode != http.StatusOK || len(evaluated.RejectedItems) > 0:
			return errors.Join(fmt.Errorf("upload: status %d, rejected %v", response.StatusCode, evaluated.RejectedItems), err)
		}
		l.stored.Add(1)
		return nil
	}
	return ctx.Err()
}

// upload is the body of a document with two photos.
func upload() (string, error) {
	photo := api.NewImage(photoOf(photoSize))
	body, err := json.Marshal(api.DocumentationInput{Document: api.DocumentInput{
		DocumentType: "national_id", ImageFront: photo, ImageBack: photo, Replace: true,
		Metadata: map[string]string{"number": "UPLOAD01", "issuing_country": "ARG", "expiration_date": "2036-01-31"},
	}})
	return string(body), err
}
