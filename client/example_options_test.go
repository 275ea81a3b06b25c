package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/cryptomate-go/enablement/client"
)

const (
	exampleClient   = "4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG"
	exampleRequest  = "2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh"
	exampleResponse = `{"product":{"id":"` + exampleRequest + `","client_id":"` + exampleClient + `","product":"cards_individuals",` +
		`"status":"in_kyc","missing_requirements":{"documents":[],"data":[]},"created_at":"2026-04-15T10:30:00",` +
		`"updated_at":"2026-04-16T09:20:00"},"rejected_items":[]}`
)

// play starts a server for an example, which first answers the statuses, each once, and then 200. show
// is told of every request.
func play(show func(r *http.Request), statuses ...int) *httptest.Server {
	var calls atomic.Int32
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if show != nil {
			show(r)
		}
		w.Header().Set("Content-Type", "application/json")
		if n := int(calls.Add(1)); n <= len(statuses) {
			if statuses[n-1] == http.StatusTooManyRequests {
				w.Header().Set("Retry-After", "30")
			}
			w.WriteHeader(statuses[n-1])
			return
		}
		_, _ = io.WriteString(w, exampleResponse)
	}))
}

// try submits the example's request and prints what became of it.
func try(opts []client.Option, callOpts ...client.CallOption) {
	c, err := client.New("sk_example", opts...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseIdleConnections()
	submission, err := c.SubmitProduct(context.Background(), exampleClient, exampleRequest, callOpts...)
	if failed, ok := errors.AsType[*client.Error](err); ok {
		fmt.Printf("%v after %d attempts (%v)\n", failed, len(failed.Attempts), failed.Outcome)
		return
	}
	fmt.Println(submission.Product.Status)
}

func ExampleFromEnv() {
	server := play(nil)
	defer server.Close()
	_ = os.Setenv("CRYPTOMATE_API_KEY", "sk_example") // for the example
	_ = os.Setenv("CRYPTOMATE_BASE_URL", server.URL)
	defer func() { _, _ = os.Unsetenv("CRYPTOMATE_API_KEY"), os.Unsetenv("CRYPTOMATE_BASE_URL") }()

	c, err := client.FromEnv()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseIdleConnections()
	submission, err := c.SubmitProduct(context.Background(), exampleClient, exampleRequest)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(submission.Product.Status, submission.Complete())
	// Output: in_kyc true
}

func ExampleWithBaseURL() {
	_, err := client.New("sk_example", client.WithBaseURL(client.Sandbox))
	fmt.Println(err)
	_, err = client.New("sk_example", client.WithBaseURL("http://api.cryptomate.me"))
	fmt.Println(err)
	// Output:
	// <nil>
	// client: WithBaseURL: http would send the API key in the clear; use https
}

func ExampleWithHTTPClient() {
	server := play(nil)
	defer server.Close()
	own := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 50}}
	try([]client.Option{client.WithBaseURL(server.URL), client.WithHTTPClient(own)})
	// Output: in_kyc
}

func ExampleWithRetry() {
	server := play(nil, 503, 502)
	defer server.Close()
	policy := client.RetryPolicy{MaxAttempts: 2, BaseDelay: time.Millisecond}
	try([]client.Option{client.WithBaseURL(server.URL), client.WithRetry(policy)})
	// Output: submit product: 502: Bad Gateway after 2 attempts (unknown)
}

func ExampleWithAttemptTimeout() {
	first := make(chan struct{}, 1)
	first <- struct{}{}
	server := play(func(r *http.Request) {
		select {
		case <-first: // it hangs
			<-r.Context().Done()
		default:
		}
	})
	defer server.Close()
	try([]client.Option{client.WithBaseURL(server.URL), client.WithAttemptTimeout(200 * time.Millisecond)})
	// Output: in_kyc
}

func ExampleWithStrictResponses() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, strings.Replace(exampleResponse, "T09:20:00", " 09:20", 1))
	}))
	defer server.Close()
	var response client.Response
	try([]client.Option{client.WithBaseURL(server.URL)}, client.WithResponse(&response))
	fmt.Println(response.Oddities)
	try([]client.Option{client.WithBaseURL(server.URL), client.WithStrictResponses()})
	// Output:
	// in_kyc
	// [/product/updated_at: timestamp is not of the form 2006-01-02T15:04:05, with or without a fraction and a zone; read as 2026-04-16T09:20:00]
	// submit product: 200: invalid response: /product/updated_at: timestamp is not of the form 2006-01-02T15:04:05, with or without a fraction and a zone; read as 2026-04-16T09:20:00 after 1 attempts (unknown)
}

func ExampleWithRateLimit() {
	server := play(nil)
	defer server.Close()
	c, err := client.New("sk_example", client.WithBaseURL(server.URL), client.WithRateLimit(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseIdleConnections()
	for range 2 {
		_, err = c.SubmitProduct(context.Background(), exampleClient, exampleRequest, client.WithTimeout(500*time.Millisecond))
		fmt.Println(errors.Is(err, client.ErrRateLimited))
	}
	// Output:
	// false
	// true
}

func ExampleWithoutRateGate() {
	server := play(nil)
	defer server.Close()
	c, err := client.New("sk_example", client.WithBaseURL(server.URL), client.WithoutRateGate())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseIdleConnections()
	began := time.Now()
	for range 30 { // the gate would take a second for it
		_, err = c.SubmitProduct(context.Background(), exampleClient, exampleRequest)
	}
	fmt.Println(err, time.Since(began) < time.Second)
	// Output: <nil> true
}

func ExampleWithLogger() {
	server := play(nil, 503)
	defer server.Close()
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key { // what differs from run to run
			case slog.TimeKey, "took", "wait", "idempotency_key":
				return slog.Attr{}
			}
			return a
		},
	}))
	try([]client.Option{client.WithBaseURL(server.URL), client.WithLogger(logger)})
	// Output:
	// level=WARN msg="submit product: failed, goes on" attempt=1 status=503 cause="submit product: 503: Service Unavailable" outcome=unknown reason="status 503 may pass"
	// level=DEBUG msg="submit product: done" attempt=2 status=200
	// in_kyc
}

func ExampleWithTracerProvider() {
	server := play(nil, 503)
	defer server.Close()
	recorder := tracetest.NewSpanRecorder()
	tracers := sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder))
	try([]client.Option{client.WithBaseURL(server.URL), client.WithTracerProvider(tracers)})
	for _, span := range recorder.Ended() {
		fmt.Println(span.Name(), "with", len(span.Events()), "attempts")
	}
	// Output:
	// in_kyc
	// submit product with 2 attempts
}

func ExampleWithMeterProvider() {
	server := play(nil)
	defer server.Close()
	var provider meters // of the OpenTelemetry SDK, or another one
	try([]client.Option{client.WithBaseURL(server.URL), client.WithMeterProvider(&provider)})
	for _, measured := range provider.out {
		fmt.Println(measured)
	}
	// Output:
	// in_kyc
	// enablement.client.attempts http.response.status_code=200
	// enablement.client.duration enablement.outcome=done,http.response.status_code=200
}

func ExampleWithUserAgent() {
	server := play(func(r *http.Request) { fmt.Println(r.UserAgent()) })
	defer server.Close()
	try([]client.Option{client.WithBaseURL(server.URL), client.WithUserAgent("shop/1.2")})
	// Output:
	// enablement-go/0.1.0 shop/1.2
	// in_kyc
}

func ExampleWithIdempotencyKey() {
	server := play(func(r *http.Request) { fmt.Println(r.Header.Get("Idempotency-Key")) })
	defer server.Close()
	try([]client.Option{client.WithBaseURL(server.URL)}, client.WithIdempotencyKey("order-17"))
	// Output:
	// order-17
	// in_kyc
}

func ExampleWithHeader() {
	server := play(func(r *http.Request) { fmt.Println(r.Header.Get("X-Gateway-Tenant")) })
	defer server.Close()
	base := []client.Option{client.WithBaseURL(server.URL)}
	try(base, client.WithHeader("X-Gateway-Tenant", "shop"))
	try(base, client.WithHeader("X-Api-Key", "another"))
	// Output:
	// shop
	// in_kyc
	// submit product: invalid input: WithHeader: X-Api-Key is not for callers; the client or the connection sets it after 0 attempts (not sent)
}

func ExampleWithAttempts() {
	server := play(nil, 500, 500, 500)
	defer server.Close()
	try([]client.Option{client.WithBaseURL(server.URL)}, client.WithAttempts(1))
	// Output: submit product: 500: Internal Server Error after 1 attempts (unknown)
}

func ExampleWithTimeout() {
	server := play(nil, 429) // Retry-After: 30
	defer server.Close()
	try([]client.Option{client.WithBaseURL(server.URL)}, client.WithTimeout(5*time.Second))
	// Output: submit product: 429: Too Many Requests after 1 attempts (refused)
}

func ExampleWithResponse() {
	server := play(nil, 503)
	defer server.Close()
	var response client.Response
	try([]client.Option{client.WithBaseURL(server.URL)}, client.WithResponse(&response))
	fmt.Println(len(response.Attempts), "attempts,", len(response.Body), "bytes of JSON")
	// Output:
	// in_kyc
	// 2 attempts, 288 bytes of JSON
}
