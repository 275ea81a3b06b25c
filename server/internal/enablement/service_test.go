package enablement_test

import (
	"context"
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// storeFunc is a store that is a function.
type storeFunc func(context.Context, enablement.Submission, func(enablement.File) (enablement.Decision, error)) (enablement.Decision, error)

func (f storeFunc) Submit(ctx context.Context, s enablement.Submission, decide func(enablement.File) (enablement.Decision, error)) (enablement.Decision, error) {
	return f(ctx, s, decide)
}

func clock() time.Time { return now }

func encode(enablement.Request) ([]byte, error) { return []byte("the reply"), nil }

func TestServiceSubmit(t *testing.T) {
	t.Parallel()
	type contextKey struct{}
	submission := enablement.Submission{
		CompanyID: "company_1", ClientID: "client_1", RequestID: "request_1", KeyID: "key_1", TraceID: "trace_1",
	}
	ids := map[string]bool{}
	store := storeFunc(func(ctx context.Context, s enablement.Submission, decide func(enablement.File) (enablement.Decision, error)) (enablement.Decision, error) {
		require.Equal(t, "given", ctx.Value(contextKey{}))
		require.Equal(t, submission, s)
		d, err := decide(file())
		require.NoError(t, err)
		require.Equal(t, now, d.At)
		require.Regexp(t, regexp.MustCompile(`^ntf_[A-Za-z0-9_-]{26,60}$`), d.Notification.ID)
		ids[d.Notification.ID] = true
		return d, err
	})
	service := enablement.NewService(store, clock)
	ctx := context.WithValue(t.Context(), contextKey{}, "given")
	for range 100 {
		reply, err := service.Submit(ctx, submission, func(r enablement.Request) ([]byte, error) {
			require.Equal(t, enablement.InKYC, r.Status)
			require.Equal(t, now, r.UpdatedAt)
			require.True(t, r.Evaluation.Complete())
			return []byte("the reply"), nil
		})
		require.NoError(t, err)
		require.Equal(t, "the reply", string(reply))
	}
	require.Len(t, ids, 100)
}

// The clock is read where the decision is made, so waiting for the file does not make it old.
func TestServiceReadsTheClockLate(t *testing.T) {
	t.Parallel()
	loaded := false
	store := storeFunc(func(_ context.Context, _ enablement.Submission, decide func(enablement.File) (enablement.Decision, error)) (enablement.Decision, error) {
		loaded = true
		return decide(file())
	})
	service := enablement.NewService(store, func() time.Time {
		require.True(t, loaded)
		return now
	})
	_, err := service.Submit(t.Context(), enablement.Submission{}, encode)
	require.NoError(t, err)
}

func TestServiceErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk full")
	for _, failure := range []error{enablement.ErrClientNotFound, enablement.ErrRequestNotFound, context.Canceled, broken} {
		// What a store returns along with an error is not to be looked at.
		store := storeFunc(func(context.Context, enablement.Submission, func(enablement.File) (enablement.Decision, error)) (enablement.Decision, error) {
			return enablement.Decision{Request: file().Request}, failure
		})
		r, err := enablement.NewService(store, clock).Submit(t.Context(), enablement.Submission{}, encode)
		require.ErrorIs(t, err, failure)
		require.Zero(t, r)
	}

	store := storeFunc(func(_ context.Context, _ enablement.Submission, decide func(enablement.File) (enablement.Decision, error)) (enablement.Decision, error) {
		f := file()
		f.Request.Status = enablement.InKYC
		return decide(f)
	})
	r, err := enablement.NewService(store, clock).Submit(t.Context(), enablement.Submission{}, encode)
	require.ErrorIs(t, err, enablement.ErrNotPending)
	require.Zero(t, r)
}

// A reply that can't be written leaves nothing to commit.
func TestServiceEncodeFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("no words for it")
	store := storeFunc(func(_ context.Context, _ enablement.Submission, decide func(enablement.File) (enablement.Decision, error)) (enablement.Decision, error) {
		_, err := decide(file())
		require.ErrorIs(t, err, broken, "the store learns of it in time")
		return enablement.Decision{}, err
	})
	_, err := enablement.NewService(store, clock).Submit(t.Context(), enablement.Submission{},
		func(enablement.Request) ([]byte, error) { return nil, broken })
	require.ErrorIs(t, err, broken)
}

func TestServiceIdempotency(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	store := storeFunc(func(_ context.Context, s enablement.Submission, _ func(enablement.File) (enablement.Decision, error)) (enablement.Decision, error) {
		require.Equal(t, now.Add(-24*time.Hour), s.Idempotency.Since)
		entered <- struct{}{}
		<-leave
		return enablement.Decision{Reply: []byte("recorded"), Replayed: true}, nil
	})
	service := enablement.NewService(store, clock)
	keyed := func(company, key string) enablement.Submission {
		s := enablement.Submission{CompanyID: company, ClientID: "client_1", RequestID: "request_1"}
		s.Idempotency = enablement.NewIdempotency(s, key)
		return s
	}
	first := make(chan error, 3)
	submit := func(s enablement.Submission) {
		reply, err := service.Submit(t.Context(), s, encode)
		if string(reply) != "recorded" {
			err = errors.Join(err, errors.New("not the recorded reply"))
		}
		first <- err
	}
	go submit(keyed("company_1", "k"))
	<-entered
	_, err := service.Submit(t.Context(), keyed("company_1", "k"), encode)
	require.ErrorIs(t, err, enablement.ErrIdempotencyInProgress)
	go submit(keyed("company_1", "another"))
	<-entered
	go submit(keyed("company_2", "k"))
	<-entered
	close(leave)
	for range 3 {
		require.NoError(t, <-first)
	}
	go submit(keyed("company_1", "k"))
	<-entered
	require.NoError(t, <-first, "the key is free again")
}

func TestNewIdempotency(t *testing.T) {
	t.Parallel()
	of := func(company, client, request, key string) enablement.Idempotency {
		return *enablement.NewIdempotency(enablement.Submission{CompanyID: company, ClientID: client, RequestID: request}, key)
	}
	base := of("a", "b", "c", "k")
	require.Equal(t, base, of("a", "b", "c", "k"))
	require.NotEqual(t, base.ID, of("x", "b", "c", "k").ID, "companies don't meet")
	require.NotEqual(t, base.ID, of("a", "b", "c", "l").ID)
	require.Equal(t, base.ID, of("a", "x", "c", "k").ID)
	require.NotEqual(t, base.Fingerprint, of("a", "x", "c", "k").Fingerprint)
	require.NotEqual(t, of("a", "bc", "d", "k").Fingerprint, of("a", "b", "cd", "k").Fingerprint, "parts don't run into each other")
}
