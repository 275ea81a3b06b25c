package storetest

import (
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

// exerciseRacing has imports meet submissions and each other.
func exerciseRacing(t *testing.T, open Open) {
	c := sample.Cases[0]

	// The client and the document change together, and one of them is always at fault: a mixture would
	// be complete, or at fault twice.
	t.Run("an import is seen as a whole", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		faulty := func(client, document bool) *dataset.Dataset {
			data := sample.Data(now)
			d := &dataset.Dataset{At: now, Clients: data.Clients[:1], Documents: data.Documents[:1]}
			if client {
				d.Clients[0].Email = ""
			}
			if document {
				d.Documents[0].Metadata = nil
			}
			return d
		}
		states := []*dataset.Dataset{faulty(true, false), faulty(false, true)}
		var want []enablement.Evaluation
		for _, state := range states {
			require.NoError(t, fixtures[0].Import(t.Context(), state))
			request, err := submit(t, fixtures[0], submissionOf(c))
			require.NoError(t, err)
			want = append(want, request.Evaluation)
		}
		require.NotEqual(t, want[0], want[1])

		const imports, submissions = 40, 100
		var group sync.WaitGroup
		importErrs := make([]error, imports)
		outcomes := make([][]outcome, len(fixtures))
		group.Go(func() {
			for i := range imports {
				importErrs[i] = fixtures[0].Import(t.Context(), states[i%len(states)])
			}
		})
		for i, f := range fixtures {
			group.Go(func() {
				for range submissions {
					request, response, err := submitAt(t, f, submissionOf(c), now)
					outcomes[i] = append(outcomes[i], outcome{request, response, err})
				}
			})
		}
		group.Wait()
		for _, err := range importErrs {
			require.NoError(t, err)
		}
		for _, o := range slices.Concat(outcomes...) {
			require.NoError(t, o.err)
			require.Equal(t, enablement.PendingDocumentation, o.request.Status)
			require.Contains(t, want, o.request.Evaluation)
		}
		last, err := submit(t, fixtures[1], submissionOf(c))
		require.NoError(t, err)
		require.Equal(t, want[(imports-1)%len(want)], last.Evaluation)
	})

	t.Run("imports at once", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		var group sync.WaitGroup
		errs := make([]error, len(fixtures)*4)
		for i := range errs {
			group.Go(func() {
				data := sample.Data(now)
				data.Requests, data.Keys = nil, nil
				if i%2 == 0 { // against each other's order
					slices.Reverse(data.Companies)
					slices.Reverse(data.Clients)
					slices.Reverse(data.Documents)
				}
				errs[i] = fixtures[i%len(fixtures)].Import(t.Context(), data)
			})
		}
		group.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		require.Equal(t, 5, fixtures[0].Count(currentDocuments))
		require.Equal(t, 5, fixtures[0].Count(currentImages))
	})

	t.Run("one request imported at once", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		request := sample.Data(now).Requests[0]
		request.ID = "imported-once"
		before := fixtures[0].Count("requests")
		var group sync.WaitGroup
		errs := make([]error, len(fixtures)*4)
		for i := range errs {
			group.Go(func() {
				errs[i] = fixtures[i%len(fixtures)].Import(t.Context(), &dataset.Dataset{At: now, Requests: []dataset.Request{request}})
			})
		}
		group.Wait()
		for _, err := range errs {
			require.NoError(t, err, "whoever comes later finds it there")
		}
		require.Equal(t, before+1, fixtures[0].Count("requests"))
	})
}
