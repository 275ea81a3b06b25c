package client_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
)

// BenchmarkSubmit compares the client with the same call written by hand, by somebody who thinks of a
// timeout, the status and a limit, and of nothing else. The rate gate is on, but lets everything pass. Both send
// the same headers, over HTTP/2 and TLS, as they would to the API.
func BenchmarkSubmit(b *testing.B) {
	response := seed(b)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, response)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	transport := func() *http.Transport { return server.Client().Transport.(*http.Transport).Clone() }

	c, err := client.New(key, client.WithBaseURL(server.URL), client.WithHTTPClient(&http.Client{Transport: transport()}),
		client.WithRateLimit(1_000_000))
	if err != nil {
		b.Fatal(err)
	}
	defer c.CloseIdleConnections()
	byHand := &http.Client{Timeout: 30 * time.Second, Transport: transport()}
	defer byHand.CloseIdleConnections()
	ways := map[string]func(ctx context.Context) error{
		"ours": func(ctx context.Context) error {
			_, err := c.SubmitProduct(ctx, clientID, requestID)
			return err
		},
		"handwritten": func(ctx context.Context) error {
			_, err := handwritten(ctx, byHand, server.URL)
			return err
		},
	}
	for _, name := range []string{"ours", "handwritten"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := ways[name](b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	// One after the other, so that what else the machine does hits both alike; the medians are told.
	// `make bench` reads them.
	b.Run("alternating", func(b *testing.B) {
		took := make(map[string][]time.Duration)
		for b.Loop() {
			for name, way := range ways {
				began := time.Now()
				if err := way(b.Context()); err != nil {
					b.Fatal(err)
				}
				took[name] = append(took[name], time.Since(began))
			}
		}
		for name, side := range map[string]string{"ours": "ours", "handwritten": "theirs"} {
			slices.Sort(took[name])
			b.ReportMetric(float64(took[name][len(took[name])/2].Nanoseconds()), side+"-ns")
			b.ReportMetric(testing.AllocsPerRun(200, func() { _ = ways[name](b.Context()) }), side+"-allocs")
		}
	})
}

func handwritten(ctx context.Context, c *http.Client, baseURL string) (*api.EvaluatedProduct, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		baseURL+"/management/clients/individuals/"+clientID+"/products/"+requestID+"/submit", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("x-api-key", key)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Idempotency-Key", rand.Text())
	req.Header.Set("User-Agent", "shop/1.2")
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	submission := new(api.EvaluatedProduct)
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(submission); err != nil {
		return nil, err
	}
	return submission, nil
}
