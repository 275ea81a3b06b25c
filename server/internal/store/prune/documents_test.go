package prune_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/store/prune"
)

// archive has pages of documents, and how many steps each takes.
type archive struct {
	pages [][]prune.Document
	left  map[int64]int
	took  time.Duration // by a step
	busy  time.Duration
}

func (a *archive) next(context.Context) (page []prune.Document, err error) {
	if len(a.pages) > 0 {
		page, a.pages = a.pages[0], a.pages[1:]
	}
	return page, nil
}

func (a *archive) step(_ context.Context, id int64) (prune.Step, error) {
	time.Sleep(a.took)
	a.busy += a.took
	if a.left[id] == 0 {
		return prune.Step{Took: a.took}, nil
	}
	done := prune.Step{Looked: 1, Took: a.took}
	if a.left[id]--; a.left[id] == 0 {
		done.Removed = 1
	}
	return done, nil
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	filled := func() *archive {
		return &archive{
			// The second was submitted, and the third is somebody else's by now.
			pages: [][]prune.Document{{{ID: 1}, {ID: 2, Submitted: true}}, {{ID: 3}, {ID: 4}}},
			left:  map[int64]int{1: 1, 2: 1, 3: 0, 4: 6}, took: time.Second,
		}
	}
	synctest.Test(t, func(t *testing.T) {
		a, started := filled(), time.Now()
		removed, err := prune.Documents(t.Context(), a.next, a.step)
		require.NoError(t, err)
		require.EqualValues(t, 2, removed)
		require.Equal(t, map[int64]int{1: 0, 2: 1, 3: 0, 4: 0}, a.left)
		require.Equal(t, 2*a.busy, time.Since(started), "it rests as long as it works")
	})
	synctest.Test(t, func(t *testing.T) {
		a := filled()
		ctx, cancel := context.WithTimeout(t.Context(), 8500*time.Millisecond)
		defer cancel()
		removed, err := prune.Documents(ctx, a.next, a.step)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualValues(t, 1, removed)
		require.Positive(t, a.left[4], "it ended between two steps")
	})
	t.Run("error", func(t *testing.T) {
		a, broken := filled(), errors.New("broken")
		removed, err := prune.Documents(t.Context(), a.next, func(ctx context.Context, id int64) (prune.Step, error) {
			if id == 4 {
				return prune.Step{}, broken
			}
			return prune.Step{Looked: 1, Removed: 1}, nil
		})
		require.ErrorIs(t, err, broken)
		require.EqualValues(t, 2, removed)
	})
}
