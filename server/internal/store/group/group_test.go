package group_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/store/group"
)

var errFault = errors.New("broken")

// How long and how often the tests look for what must come soon.
const (
	waitFor = 10 * time.Second
	tick    = time.Millisecond
)

type call = group.Call[int, int]

// gate runs rounds one at a time, each when the test lets it.
type gate struct {
	rounds  chan []int
	release chan error
}

func newGate() *gate { return &gate{rounds: make(chan []int), release: make(chan error)} }

// run answers each call with its double.
func (g *gate) run(_ context.Context, calls []*call) error {
	var ins []int
	for _, c := range calls {
		ins = append(ins, c.In)
		c.Out = 2 * c.In
	}
	g.rounds <- ins
	return <-g.release
}

type answer struct {
	out int
	err error
}

func do(t *testing.T, g *group.Group[int, int], in int) <-chan answer {
	t.Helper()
	answered := make(chan answer, 1)
	go func() {
		out, err := g.Do(t.Context(), in)
		answered <- answer{out, err}
	}()
	return answered
}

// fill makes calls while a round runs, and returns when all of them wait.
func fill(t *testing.T, g *group.Group[int, int], first, n int) []<-chan answer {
	t.Helper()
	var answers []<-chan answer
	for in := first; in < first+n; in++ {
		answers = append(answers, do(t, g, in))
		require.Eventually(t, func() bool { return g.Waiting() == in-first+1 }, waitFor, tick)
	}
	return answers
}

func TestDo(t *testing.T) {
	t.Parallel()
	gate := newGate()
	g := group.New(group.Config[int, int]{Lanes: 1, Run: gate.run})
	first := do(t, g, 1)
	require.Equal(t, []int{1}, <-gate.rounds, "nobody waits where nothing runs")
	rest := fill(t, g, 2, 70)
	gate.release <- nil
	require.Equal(t, answer{2, nil}, <-first)
	second := <-gate.rounds
	require.Len(t, second, 64, "bounded")
	require.Equal(t, 2, second[0], "first come, first served")
	gate.release <- nil
	require.Len(t, <-gate.rounds, 6)
	gate.release <- nil
	for i, answers := range rest {
		require.Equal(t, answer{2 * (i + 2), nil}, <-answers)
	}
	g.Close()
}

// TestDo_lanes: another lane opens for a crowd, and there are no more of them than may be.
func TestDo_lanes(t *testing.T) {
	t.Parallel()
	gate := newGate()
	g := group.New(group.Config[int, int]{Lanes: 2, Run: gate.run})
	answers := []<-chan answer{do(t, g, 1)}
	require.Equal(t, []int{1}, <-gate.rounds)
	answers = append(answers, fill(t, g, 2, 7)...)
	answers = append(answers, do(t, g, 9))
	require.Len(t, <-gate.rounds, 8, "two at a time")
	answers = append(answers, fill(t, g, 10, 20)...)
	gate.release <- nil
	require.Len(t, <-gate.rounds, 20)
	gate.release <- nil
	gate.release <- nil
	for i, a := range answers {
		require.Equal(t, answer{2 * (i + 1), nil}, <-a)
	}
}

func TestDo_error(t *testing.T) {
	t.Parallel()
	gate := newGate()
	g := group.New(group.Config[int, int]{Lanes: 1, Run: gate.run})
	first := do(t, g, 1)
	<-gate.rounds
	rest := fill(t, g, 2, 3)
	gate.release <- nil
	<-gate.rounds
	gate.release <- errFault
	require.Equal(t, answer{2, nil}, <-first)
	for _, answers := range rest {
		require.Equal(t, answer{0, errFault}, <-answers, "of all that ran together")
	}
}

// TestDo_left: who goes away while it waits is left out; who goes away later is told so at once.
func TestDo_left(t *testing.T) {
	t.Parallel()
	gate := newGate()
	g := group.New(group.Config[int, int]{Lanes: 1, Run: gate.run})
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 2)
	go func() { _, err := g.Do(ctx, 1); left <- err }()
	require.Equal(t, []int{1}, <-gate.rounds)
	go func() { _, err := g.Do(ctx, 2); left <- err }()
	require.Eventually(t, func() bool { return g.Waiting() == 1 }, waitFor, tick)
	stays := do(t, g, 3)
	require.Eventually(t, func() bool { return g.Waiting() == 2 }, waitFor, tick)
	cancel()
	require.ErrorIs(t, <-left, context.Canceled)
	require.ErrorIs(t, <-left, context.Canceled)
	gate.release <- nil
	require.Equal(t, []int{3}, <-gate.rounds)
	gate.release <- nil
	require.Equal(t, answer{6, nil}, <-stays)
	_, err := g.Do(ctx, 4)
	require.ErrorIs(t, err, context.Canceled, "it is not begun")
}

func TestDo_panic(t *testing.T) {
	t.Parallel()
	g := group.New(group.Config[int, int]{Lanes: 1, Run: func(context.Context, []*call) error { panic("oh") }})
	for range 2 {
		_, err := g.Do(t.Context(), 1)
		require.ErrorContains(t, err, "panic: oh")
	}
}

// TestDo_turn: calls that come while the turn is waited for run together.
func TestDo_turn(t *testing.T) {
	t.Parallel()
	turn, waits := make(chan error), make(chan struct{})
	var mu sync.Mutex
	held := false
	var rounds []int
	g := group.New(group.Config[int, int]{
		Lanes: 1,
		Turn: func(context.Context) (func(), error) {
			waits <- struct{}{}
			if err := <-turn; err != nil {
				return nil, err
			}
			mu.Lock()
			defer mu.Unlock()
			held = true
			return func() { held = false }, nil
		},
		Run: func(_ context.Context, calls []*call) error {
			mu.Lock()
			defer mu.Unlock()
			rounds = append(rounds, len(calls))
			if !held {
				return errFault
			}
			return nil
		},
	})
	answers := fill(t, g, 1, 3)
	<-waits
	turn <- nil
	for _, a := range answers {
		require.NoError(t, (<-a).err)
	}
	g.Close()
	require.Equal(t, []int{3}, rounds)
	require.False(t, held)
}

func TestDo_noTurn(t *testing.T) {
	t.Parallel()
	g := group.New(group.Config[int, int]{
		Lanes: 1,
		Turn:  func(context.Context) (func(), error) { return nil, errFault },
		Run:   func(context.Context, []*call) error { panic("not reached") },
	})
	_, err := g.Do(t.Context(), 1)
	require.ErrorIs(t, err, errFault)
}

func TestClose(t *testing.T) {
	t.Parallel()
	gate := newGate()
	g := group.New(group.Config[int, int]{Lanes: 1, Run: gate.run})
	under := do(t, g, 1)
	<-gate.rounds
	closed := make(chan struct{})
	go func() { g.Close(); close(closed) }()
	require.Eventually(t, g.Closed, waitFor, tick)
	_, err := g.Do(t.Context(), 2)
	require.ErrorIs(t, err, group.ErrClosed)
	select {
	case <-closed:
		require.Fail(t, "it must wait for what runs")
	default:
	}
	gate.release <- nil
	<-closed
	require.Equal(t, answer{2, nil}, <-under)
}
