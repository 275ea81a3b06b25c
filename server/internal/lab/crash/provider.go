package main

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/lab/process"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// health is how the provider does.
type health int32

const (
	// failing is in every way.
	failing health = iota
	well
	// hanging fails the first attempt of each notification, and never answers a later one.
	hanging
)

// provider verifies notifications, and fails in every way while it has not recovered.
type provider struct {
	url      string
	server   *http.Server
	verifier *standardwebhooks.Webhook

	health   atomic.Int32
	attempts atomic.Int64
	hung     atomic.Int64
	faults   atomic.Int64

	mu       sync.Mutex
	verified map[string]map[string]int // request → notification → how often
	failed   map[string]bool           // notification → its first attempt failed while hanging
}

func startProvider(ctx context.Context) (*provider, error) {
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &provider{
		url:      "http://" + listener.Addr().String() + "/notifications",
		verifier: verifier,
		verified: make(map[string]map[string]int),
		failed:   make(map[string]bool),
	}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}
	go func() { _ = p.server.Serve(listener) }() // ends with close
	return p, nil
}

func (p *provider) close()      { _ = p.server.Close() }
func (p *provider) is(h health) { p.health.Store(int32(h)) }

// ServeHTTP takes a notification, or fails. It may also fail after it took one: then the same
// notification comes again.
func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.attempts.Add(1)
	way := rand.N(16)
	switch health(p.health.Load()) {
	case well:
		way = 0
	case hanging:
		p.hang(w, r)
		return
	}
	if way >= 8 {
		p.faults.Add(1)
		fail(w, r, way)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	var notification api.Notification
	if p.verifier.Verify(body, r.Header) != nil || json.Unmarshal(body, &notification) != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	p.note(notification.Data.ID, r.Header.Get("webhook-id"))
	if way == 7 {
		p.faults.Add(1)
		hangUp(w, "")
	}
}

// hang fails the first attempt of a notification, and gives a later one no answer.
func (p *provider) hang(w http.ResponseWriter, r *http.Request) {
	p.faults.Add(1)
	id := r.Header.Get("webhook-id")
	p.mu.Lock()
	last := p.failed[id]
	p.failed[id] = true
	p.mu.Unlock()
	if !last {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	p.hung.Add(1)
	<-r.Context().Done()
}

// fail is one of the ways to fail.
func fail(w http.ResponseWriter, r *http.Request, way int) {
	switch way {
	case 8:
		w.WriteHeader(http.StatusInternalServerError)
	case 9:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	case 10:
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	case 11:
		hangUp(w, "")
	case 12:
		hangUp(w, "this is not HTTP\r\n\r\n")
	case 13:
		hangUp(w, "HTTP/1.1 200 OK\r\nContent-Le")
	case 14:
		_, _ = io.CopyN(io.Discard, r.Body, 10) // half read
		hangUp(w, "")
	default:
		process.Pause(r.Context(), 300*time.Millisecond)
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// hangUp says something and cuts the connection.
func hangUp(w http.ResponseWriter, last string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, last)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func (p *provider) note(request, notification string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.verified[request] == nil {
		p.verified[request] = make(map[string]int)
	}
	p.verified[request][notification]++
}

// of returns the notifications that were verified for a request.
func (p *provider) of(request string) map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.verified[request]
}

// known returns all requests that a notification was verified for.
func (p *provider) known() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	requests := make([]string, 0, len(p.verified))
	for request := range p.verified {
		requests = append(requests, request)
	}
	return requests
}

// repeated is how many deliveries were of a notification that was verified before.
func (p *provider) repeated() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, notifications := range p.verified {
		for _, times := range notifications {
			n += times - 1
		}
	}
	return n
}
