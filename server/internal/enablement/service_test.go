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
		r, err := service.Submit(ctx, submission)
		require.NoError(t, err)
		require.Equal(t, enablement.InKYC, r.Status)
		require.Equal(t, now, r.UpdatedAt)
		require.True(t, r.Evaluation.Complete())
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
	_, err := service.Submit(t.Context(), enablement.Submission{})
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
		r, err := enablement.NewService(store, clock).Submit(t.Context(), enablement.Submission{})
		require.ErrorIs(t, err, failure)
		require.Zero(t, r)
	}

	store := storeFunc(func(_ context.Context, _ enablement.Submission, decide func(enablement.File) (enablement.Decision, error)) (enablement.Decision, error) {
		f := file()
		f.Request.Status = enablement.InKYC
		return decide(f)
	})
	r, err := enablement.NewService(store, clock).Submit(t.Context(), enablement.Submission{})
	require.ErrorIs(t, err, enablement.ErrNotPending)
	require.Zero(t, r)
}
