// Command soak puts a mixed load on the service at a steady rate and prints how it did: throughput,
// how long calls took, and memory and goroutines at the start and at the end. It exits with 1 if a
// call was answered otherwise than it should be.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/lab/process"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

const (
	company = "cmp_soak"
	secret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	// callers make calls at the same time, together at the steady rate.
	callers = 16
	// settling is the time before the first figures of memory and goroutines.
	settling = 5 * time.Second
)

func main() {
	db := flag.String("db", "", "database: path of an SQLite file, or postgres://…")
	lasting := flag.Duration("for", 5*time.Minute, "how long")
	perSecond := flag.Int("rate", 200, "calls a second")
	flag.Parse()
	if flag.NArg() != 1 || *db == "" {
		fmt.Fprintln(os.Stderr, "usage: soak -db DATABASE [flags] PATH-OF-ENABLEMENTD")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *db, *lasting, *perSecond); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(binary, db string, lasting time.Duration, perSecond int) error {
	ctx, cancel := context.WithTimeout(context.Background(), lasting+5*time.Minute)
	defer cancel()
	provider := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer provider.Close()
	key, err := process.Prepare(ctx, binary, db, company, data(int(lasting.Seconds()+1)*perSecond))
	if err != nil {
		return err
	}
	service, err := process.Serve(ctx, binary, "--db", db, "--log-level", "error", "--rate-limit", "0",
		"--provider-allow-private", "--provider-url", provider.URL, "--provider-secret", secret)
	if err != nil {
		return err
	}
	defer service.Kill()

	l := newLoad(service.URL, key)
	loading, stop := context.WithTimeout(ctx, lasting)
	defer stop()
	var group sync.WaitGroup
	limiter := rate.NewLimiter(rate.Limit(perSecond), perSecond/10+1)
	started := time.Now()
	for range callers {
		group.Go(func() { l.run(loading, limiter) })
	}
	process.Pause(loading, settling)
	atStart, err := figures(ctx, service)
	if err != nil {
		return err
	}
	group.Wait()
	took := time.Since(started)
	atEnd, err := figures(ctx, service)
	if err != nil {
		return err
	}
	fmt.Printf("calls=%d throughput=%.1f/s p50=%s p95=%s p99=%s max=%s\n", len(l.took), float64(len(l.took))/took.Seconds(),
		process.Quantile(l.took, 0.5), process.Quantile(l.took, 0.95), process.Quantile(l.took, 0.99), process.Quantile(l.took, 1))
	fmt.Printf("memory=%s→%s goroutines=%s→%s\n", atStart.memory, atEnd.memory, atStart.goroutines, atEnd.goroutines)
	for _, kind := range kinds {
		fmt.Printf("%-11s calls=%d unexpected=%d\n", kind.name, l.calls[kind.name], l.unexpected[kind.name])
	}
	if code := service.Stop(); code != 0 {
		return fmt.Errorf("the service ended with %d:\n%s", code, service.Output())
	}
	for _, n := range l.unexpected {
		if n > 0 {
			return errors.New("calls were answered otherwise than they should be")
		}
	}
	return nil
}

// kinds of calls take turns. Each names the request it is about and the answer it should get.
var kinds = []struct {
	name   string
	path   func(n int) string
	status int
	bad    bool // with a key that is not known
}{
	{"new", func(n int) string { return path("cl_complete", requestID(n)) }, http.StatusOK, false},
	{"repeat", func(int) string { return path("cl_complete", requestID(0)) }, http.StatusConflict, false},
	{"incomplete", func(int) string { return path("cl_incomplete", "rq_incomplete") }, http.StatusOK, false},
	{"not found", func(int) string { return path("cl_complete", "nothing") }, http.StatusNotFound, false},
	{"bad path", func(int) string { return path("a%20b", "x") }, http.StatusBadRequest, false},
	{"bad key", func(int) string { return path("cl_complete", "nothing") }, http.StatusUnauthorized, true},
}

func requestID(n int) string { return "rq_" + strconv.Itoa(n) }

func path(clientID, requestID string) string {
	return "/management/clients/individuals/" + clientID + "/products/" + requestID + "/submit"
}

// load is what is put on the service, and what came of it.
type load struct {
	url, key string
	client   *http.Client

	mu         sync.Mutex
	n          int
	took       []time.Duration
	calls      map[string]int
	unexpected map[string]int
}

func newLoad(url, key string) *load {
	return &load{
		url: url, key: key,
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: callers}},
		calls:  make(map[string]int), unexpected: make(map[string]int),
	}
}

func (l *load) run(ctx context.Context, limiter *rate.Limiter) {
	for limiter.Wait(ctx) == nil {
		l.mu.Lock()
		n := l.n
		l.n++
		l.mu.Unlock()
		kind := kinds[n%len(kinds)]
		key := l.key
		if kind.bad {
			key = "guess"
		}
		started := time.Now()
		// A call is not cut when the time is over.
		status, err := l.call(context.WithoutCancel(ctx), kind.path(n/len(kinds)+1), key)
		took := time.Since(started)
		l.mu.Lock()
		l.took = append(l.took, took)
		l.calls[kind.name]++
		if err != nil || status != kind.status {
			l.unexpected[kind.name]++
			fmt.Fprintln(os.Stderr, "soak:", kind.name, status, err)
		}
		l.mu.Unlock()
	}
}

func (l *load) call(ctx context.Context, path, key string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url+path, nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("x-api-key", key)
	resp, err := l.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// state is what the service says of itself.
type state struct{ memory, goroutines string }

func figures(ctx context.Context, service *process.Process) (state, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, service.Admin+"/metrics", nil)
	if err != nil {
		return state{}, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return state{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return state{}, err
	}
	value := func(metric string) float64 {
		match := regexp.MustCompile(`(?m)^` + metric + ` (\S+)$`).FindSubmatch(text)
		if match == nil {
			return -1
		}
		number, err := strconv.ParseFloat(string(match[1]), 64)
		if err != nil {
			return -1
		}
		return number
	}
	return state{
		memory:     fmt.Sprintf("%.0fMB", value("process_resident_memory_bytes")/(1<<20)),
		goroutines: fmt.Sprintf("%.0f", value("go_goroutines")),
	}, nil
}

// data is as many complete requests as could be submitted, one that was submitted before and one
// that is incomplete.
func data(requests int) *dataset.Dataset {
	sample := sample.Data(time.Now())
	client, document := sample.Clients[0], sample.Documents[0]
	client.ID, client.CompanyID, document.ClientID = "cl_complete", company, "cl_complete"
	incomplete := client
	incomplete.ID, incomplete.Email = "cl_incomplete", ""
	d := &dataset.Dataset{
		Companies: []dataset.Company{{ID: company}},
		Clients:   []dataset.Client{client, incomplete},
		Documents: []dataset.Document{document},
	}
	add := func(id string, owner dataset.Client, status enablement.Status) {
		d.Requests = append(d.Requests, dataset.Request{
			ID: id, ClientID: owner.ID, Product: enablement.CardsIndividuals, Status: status,
		})
	}
	add(requestID(0), client, enablement.InKYC)
	add("rq_incomplete", incomplete, enablement.Requested)
	for n := 1; n <= requests/len(kinds)+callers; n++ {
		add(requestID(n), client, enablement.Requested)
	}
	return d
}
