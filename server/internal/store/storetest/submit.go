package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

var (
	errLookOnly = errors.New("only looking")
	errEnqueue  = errors.New("the queue is broken")
)

func exerciseSubmit(t *testing.T, open Open) {
	complete, incomplete, rejected := sample.Cases[0], sample.Cases[1], sample.Cases[2]

	t.Run("complete", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		before := current(t, f, complete)
		require.Equal(t, enablement.PendingDocumentation, before.Status)

		answered, err := submit(t, f, submissionOf(complete))
		require.NoError(t, err)
		require.Equal(t, enablement.InKYC, answered.Status)
		require.Equal(t, rows(1, 1, 1), written(f))

		stored := current(t, f, complete)
		require.Equal(t, enablement.InKYC, stored.Status)
		require.True(t, now.Equal(stored.UpdatedAt), "updated_at is %s", stored.UpdatedAt)
		require.True(t, before.CreatedAt.Equal(stored.CreatedAt))

		list, err := f.Notifications(t.Context(), "", "", 10)
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, complete.RequestID, list[0].RequestID)
		require.Equal(t, complete.ClientID, list[0].ClientID)
		require.Equal(t, sample.Company, list[0].CompanyID)
		require.Equal(t, enablement.CardsIndividuals, list[0].Product)
		require.Equal(t, enablement.InKYC, list[0].Status)
		require.True(t, now.Equal(list[0].SubmittedAt))
		require.Equal(t, enablement.NotificationPending, list[0].State)
		require.Zero(t, list[0].Attempts)

		_, err = submit(t, f, submissionOf(complete))
		require.ErrorIs(t, err, enablement.ErrNotPending)
		require.Equal(t, rows(1, 1, 1), written(f), "a refused submission writes nothing")
	})

	for name, c := range map[string]sample.Case{"incomplete": incomplete, "rejected items": rejected} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := withSample(t, open, nil)
			first, err := submit(t, f, submissionOf(c))
			require.NoError(t, err)
			require.Equal(t, enablement.PendingDocumentation, first.Status)
			require.Equal(t, rows(1, 0, 0), written(f))

			stored := current(t, f, c)
			require.Equal(t, first.Evaluation, stored.Evaluation, "the evaluation is kept as it was answered")
			require.True(t, first.UpdatedAt.Equal(stored.UpdatedAt))

			second, err := submit(t, f, submissionOf(c))
			require.NoError(t, err)
			require.Equal(t, first.Evaluation, second.Evaluation)
			require.True(t, first.UpdatedAt.Equal(second.UpdatedAt), "nothing changed, so updated_at stays")
			require.Equal(t, rows(2, 0, 0), written(f))
		})
	}

	for name, status := range map[int]enablement.Status{3: enablement.Enabled, 4: enablement.Rejected} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			f := withSample(t, open, nil)
			before := current(t, f, sample.Cases[name])
			require.Equal(t, status, before.Status)
			_, err := submit(t, f, submissionOf(sample.Cases[name]))
			require.ErrorIs(t, err, enablement.ErrNotPending)
			require.Equal(t, before, current(t, f, sample.Cases[name]))
			require.Equal(t, rows(0, 0, 0), written(f))
		})
	}

	t.Run("completed later", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		_, err := submit(t, f, submissionOf(incomplete))
		require.NoError(t, err)
		data := sample.Data(now)
		client, document := data.Clients[0], data.Documents[0]
		client.ID, document.ClientID = incomplete.ClientID, incomplete.ClientID
		require.NoError(t, f.Import(t.Context(), &dataset.Dataset{
			At: now, Clients: []dataset.Client{client}, Documents: []dataset.Document{document},
		}))
		completed, err := submit(t, f, submissionOf(incomplete))
		require.NoError(t, err)
		require.Equal(t, enablement.InKYC, completed.Status)
		require.Equal(t, rows(2, 1, 1), written(f))
	})

	for name, test := range map[string]struct {
		change func(*enablement.Call)
		want   error
	}{
		"unknown client":       {func(s *enablement.Call) { s.ClientID = "nobody" }, enablement.ErrClientNotFound},
		"unknown request":      {func(s *enablement.Call) { s.RequestID = "nothing" }, enablement.ErrRequestNotFound},
		"other client's":       {func(s *enablement.Call) { s.RequestID = incomplete.RequestID }, enablement.ErrRequestNotFound},
		"other company":        {func(s *enablement.Call) { s.CompanyID = sample.OtherCompany }, enablement.ErrClientNotFound},
		"unknown company":      {func(s *enablement.Call) { s.CompanyID = "nowhere" }, enablement.ErrClientNotFound},
		"no ids":               {func(s *enablement.Call) { *s = enablement.Call{} }, enablement.ErrClientNotFound},
		"ids are not patterns": {func(s *enablement.Call) { s.ClientID = "%" }, enablement.ErrClientNotFound},
		"client: zero byte":    {func(s *enablement.Call) { s.ClientID += "\x00" }, enablement.ErrClientNotFound},
		"client: not UTF-8":    {func(s *enablement.Call) { s.ClientID += "\xff" }, enablement.ErrClientNotFound},
		"request: zero byte":   {func(s *enablement.Call) { s.RequestID += "\x00" }, enablement.ErrRequestNotFound},
		"request: not UTF-8":   {func(s *enablement.Call) { s.RequestID += "\xff" }, enablement.ErrRequestNotFound},
		"company: zero byte":   {func(s *enablement.Call) { s.CompanyID += "\x00" }, enablement.ErrClientNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := withSample(t, open, nil)
			s := submissionOf(complete)
			test.change(&s)
			_, err := submit(t, f, s)
			require.ErrorIs(t, err, test.want)
			require.Equal(t, rows(0, 0, 0), written(f))
			require.Equal(t, enablement.PendingDocumentation, current(t, f, complete).Status)
		})
	}

	t.Run("queue fails", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, errEnqueue)
		before := current(t, f, complete)
		_, err := submit(t, f, submissionOf(complete))
		require.ErrorIs(t, err, errEnqueue)
		require.Equal(t, before, current(t, f, complete))
		require.Equal(t, rows(0, 0, 0), written(f), "all or nothing")
	})

	t.Run("context ended", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := f.Submit(ctx, submissionOf(complete), func(file enablement.File) (enablement.Change, error) {
			decision, err := enablement.Submit(file, now, func() string { return "ntf_cancelled" })
			cancel() // the caller goes away while the transaction is open
			return decision, err
		})
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, rows(0, 0, 0), written(f))
		require.Equal(t, enablement.PendingDocumentation, current(t, f, complete).Status)
	})
}

// submitters is how many submit the same request at the same moment.
const submitters = 64

func exerciseConcurrency(t *testing.T, open Open) {
	f := withSample(t, open, nil)
	errs := make([]error, submitters)
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range submitters {
		done.Go(func() {
			start.Wait()
			_, errs[i] = submit(t, f, submissionOf(sample.Cases[0]))
		})
	}
	start.Done()
	done.Wait()

	succeeded := 0
	for _, err := range errs {
		if err == nil {
			succeeded++
			continue
		}
		require.ErrorIs(t, err, enablement.ErrNotPending)
	}
	require.Equal(t, 1, succeeded, "one transition, ever")
	require.Equal(t, rows(1, 1, 1), written(f))
}
