package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/lab/process"
)

// told is what the callers were told of each request.
type told struct {
	requests int
	next     atomic.Int64
	done     atomic.Bool
	calls    atomic.Int64
	unknown  atomic.Int64

	mu    sync.Mutex
	facts map[string]*fact
}

// fact is what a caller knows of a request in the end.
type fact struct {
	// inKYC: the caller was told that its call moved it there, notPending that another one did.
	inKYC, notPending bool
	// uncertain: a call ended without an answer, so that it may have moved it.
	uncertain bool
	// wrong is why the caller was told something that can't be so; empty if it was not.
	wrong string
}

func newTold(requests int) *told {
	return &told{requests: requests, facts: make(map[string]*fact)}
}

// enough has the callers finish what they are at, and take nothing new.
func (t *told) enough() { t.done.Store(true) }

// more has callers take n requests more.
func (t *told) more(n int) {
	t.requests = int(t.next.Load()) + n
	t.done.Store(false)
}

// submitting starts the callers, whom the group waits for.
func (t *told) submitting(ctx context.Context, f *fleet, key string) *sync.WaitGroup {
	var group sync.WaitGroup
	for range callers {
		group.Go(func() { t.submit(ctx, f, key) })
	}
	return &group
}

// submit takes requests one after the other and submits each until it knows what became of it.
func (t *told) submit(ctx context.Context, f *fleet, key string) {
	transport := &http.Transport{MaxIdleConnsPerHost: 2}
	defer transport.CloseIdleConnections()
	for ctx.Err() == nil {
		i := int(t.next.Add(1))
		if i > t.requests || t.done.Load() {
			return
		}
		id := requestID(i)
		fact := &fact{}
		t.mu.Lock()
		t.facts[id] = fact
		t.mu.Unlock()
		for ctx.Err() == nil && !t.try(ctx, f, key, transport, id, fact) {
			process.Pause(ctx, 20*time.Millisecond)
		}
	}
}

// try makes one call, of several attempts, and tells whether the caller now knows.
func (t *told) try(ctx context.Context, f *fleet, key string, transport *http.Transport, id string, fact *fact) bool {
	c, err := f.client(key, transport)
	if errors.Is(err, errNoProcess) {
		return false
	}
	if err != nil {
		fact.wrong = err.Error()
		return true
	}
	t.calls.Add(1)
	submission, err := c.SubmitProduct(ctx, clientID(id), id)
	var failed *client.Error
	switch {
	case err == nil && submission.Product.Status == api.InKyc:
		fact.inKYC = true
		return true
	case err == nil:
		fact.wrong = "a complete request was answered " + string(submission.Product.Status)
		return true
	case !errors.As(err, &failed):
		fact.wrong = "an error is no *client.Error: " + err.Error()
		return true
	case failed.Outcome == client.Unknown:
		t.unknown.Add(1)
		fact.uncertain = true
		if failed.StatusCode != http.StatusConflict || failed.Code != api.CodeVal {
			return false
		}
		fact.notPending = true // an attempt before, whose answer was lost
		return true
	case errors.Is(err, client.ErrNotPending):
		fact.notPending = true
		if !fact.uncertain {
			fact.wrong = "not pending, but no call before can have submitted it"
		}
		return true
	case failed.Outcome == client.Refused && !errors.Is(err, client.ErrServer):
		fact.wrong = "refused: " + err.Error()
		return true
	default:
		return false
	}
}

// submitted is how many requests callers know to be in KYC.
func (t *told) submitted() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, fact := range t.facts {
		if fact.inKYC || fact.notPending {
			n++
		}
	}
	return n
}
