package batch_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
	"github.com/cryptomate-go/enablement/server/internal/store/storetest"
)

var (
	now     = time.Date(2026, time.April, 16, 9, 20, 0, 0, time.UTC)
	errRead = errors.New("unreadable")
)

// submission is of a request that is known, complete or not, decided as the service does.
func submission(t *testing.T, requestID, key string, complete bool) *batch.Submission {
	t.Helper()
	sub := enablement.Call{CompanyID: "company", ClientID: "client", RequestID: requestID}
	if key != "" {
		sub = storetest.Keyed(sub, key)
		sub.Idempotency.Since = now.Add(-enablement.IdempotencyWindow)
	}
	s := batch.New(t.Context(), sub, func(f enablement.File) (enablement.Change, error) {
		d, err := enablement.Submit(f, now, func() string { return "ntf_" + f.Request.ID })
		d.Response = []byte(d.Request.Status)
		return d, err
	})
	s.ClientFound, s.RequestFound = true, true
	s.File.Request = enablement.Request{ID: requestID, ClientID: "client", Product: enablement.CardsIndividuals, Status: enablement.Requested}
	if complete {
		s.File.Client = enablement.Client{
			FirstName: "Sample", LastName: "Person", Email: "sample.person@example.com", BirthDate: "1990-05-17",
			PhoneCountryCode: 54, PhoneNumber: 91123456789, Address: enablement.Address{Country: "ARG"},
		}
		s.File.Documents = []enablement.Document{{
			Type: "passport", FrontImage: true,
			Metadata: map[string]string{"number": "X-1234567", "issuing_country": "ARG", "expiration_date": "2030-01-31"},
		}}
	}
	return s
}

// TestDecide_sees: each sees what the ones before it decided, as if it had come in a later transaction.
func TestDecide_sees(t *testing.T) {
	t.Parallel()
	first, second, other := submission(t, "a", "", true), submission(t, "a", "", true), submission(t, "b", "", false)
	again := submission(t, "b", "", false)
	w := batch.Decide([]*batch.Submission{first, second, other, again})
	require.NoError(t, first.Err)
	require.Equal(t, enablement.InKYC, first.Change.Request.Status)
	require.ErrorIs(t, second.Err, enablement.ErrNotPending)
	require.NoError(t, other.Err)
	require.Equal(t, enablement.Requested, other.Change.From)
	require.Equal(t, enablement.PendingDocumentation, again.Change.From)
	require.False(t, again.Change.Changed)

	require.Len(t, w.Requests, 2)
	require.Len(t, w.Audit, 3, "the refusal has none")
	require.Len(t, w.Notifications, 1)
	require.Len(t, w.Submitted, 1)
	require.Empty(t, w.Records)
}

func TestDecide_replays(t *testing.T) {
	t.Parallel()
	first, again, mismatch := submission(t, "a", "k", true), submission(t, "a", "k", true), submission(t, "b", "k", true)
	w := batch.Decide([]*batch.Submission{first, again, mismatch})
	require.NoError(t, again.Err)
	require.True(t, again.Change.Replayed)
	require.Equal(t, first.Change.Response, again.Change.Response)
	require.ErrorIs(t, mismatch.Err, enablement.ErrIdempotencyMismatch)
	require.Len(t, w.Audit, 1)
	require.Len(t, w.Records, 1)
	require.Equal(t, first.Idempotency.ID, w.Records[0].ID)
	require.Equal(t, first.Change.Response, w.Records[0].Response)
}

func TestDecide_recorded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change   func(*batch.Submission)
		response string
		err      error
	}{
		"in its window":      {func(*batch.Submission) {}, "recorded", nil},
		"while others work":  {func(s *batch.Submission) { s.KeyTaken = true }, "recorded", nil},
		"of another":         {func(s *batch.Submission) { s.Recorded.Fingerprint = [sha256.Size]byte{} }, "", enablement.ErrIdempotencyMismatch},
		"window over":        {func(s *batch.Submission) { s.Recorded.At = s.Idempotency.Since }, "in_kyc", nil},
		"window over, taken": {func(s *batch.Submission) { s.Recorded.At, s.KeyTaken = s.Idempotency.Since, true }, "", enablement.ErrIdempotencyInProgress},
		"none yet":           {func(s *batch.Submission) { s.Recorded = nil }, "in_kyc", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := submission(t, "a", "k", true)
			s.Recorded = &batch.Record{Idempotency: *s.Idempotency, Response: []byte("recorded"), At: now}
			test.change(s)
			w := batch.Decide([]*batch.Submission{s})
			require.ErrorIs(t, s.Err, test.err)
			require.Equal(t, test.response, string(s.Change.Response))
			require.Equal(t, test.response != "in_kyc", w.Empty())
		})
	}
}

// TestDecide_apart: what befalls one submission is not the others' concern.
func TestDecide_apart(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		change func(*batch.Submission)
		want   error
		says   string
	}{
		"no client":   {func(s *batch.Submission) { s.ClientFound = false }, enablement.ErrClientNotFound, ""},
		"no request":  {func(s *batch.Submission) { s.RequestFound = false }, enablement.ErrRequestNotFound, ""},
		"unreadable":  {func(s *batch.Submission) { s.Fault = errRead }, errRead, ""},
		"locked":      {func(s *batch.Submission) { s.Locked = true }, batch.ErrAlone, ""},
		"caller gone": {func(s *batch.Submission) { s.Context = ended }, context.Canceled, ""},
		"panic": {func(s *batch.Submission) {
			s.Decide = func(enablement.File) (enablement.Change, error) { panic("oh") }
		}, nil, "panic: oh"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, bad, after := submission(t, "a", "", true), submission(t, "b", "k", true), submission(t, "c", "", true)
			test.change(bad)
			w := batch.Decide([]*batch.Submission{before, bad, after})
			if test.want != nil {
				require.ErrorIs(t, bad.Err, test.want)
			} else {
				require.ErrorContains(t, bad.Err, test.says)
			}
			require.NoError(t, before.Err)
			require.NoError(t, after.Err)
			require.Len(t, w.Audit, 2)
			require.Len(t, w.Notifications, 2)
			require.Len(t, w.Requests, 2)
			require.Empty(t, w.Records)
		})
	}
}

func TestAlone(t *testing.T) {
	t.Parallel()
	away := fmt.Errorf("%w: gone", store.ErrUnavailable)
	require.Equal(t, errRead, batch.Alone(1, errRead), "it is known who is at fault")
	require.Equal(t, batch.ErrAlone, batch.Alone(2, errRead))
	require.Equal(t, away, batch.Alone(2, away), "another attempt could repeat what was committed")
}

func TestReset(t *testing.T) {
	t.Parallel()
	s := submission(t, "a", "k", true)
	s.Fault, s.Locked, s.KeyTaken, s.Recorded = errRead, true, true, &batch.Record{}
	batch.Decide([]*batch.Submission{s})
	s.Reset()
	require.Zero(t, s.File)
	require.Zero(t, s.Change)
	require.NoError(t, errors.Join(s.Err, s.Fault))
	require.False(t, s.Locked || s.KeyTaken || s.ClientFound || s.RequestFound)
	require.Nil(t, s.Recorded)
	require.Equal(t, "a", s.RequestID)
	require.NotNil(t, s.Decide)
}
