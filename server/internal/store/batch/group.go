package batch

import (
	"context"
	"errors"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store/group"
)

// Transaction loads submissions, decides on them and stores the changes, all in one transaction. After an error, none of
// them was written, as far as is known.
type Transaction func(ctx context.Context, submissions []*Submission) error

// Group lets submissions that come together share a transaction.
type Group struct {
	sharing *group.Group[*Submission, enablement.Change]
	alone   Transaction
}

// NewGroup returns a group with at most lanes transactions at once. Each waits for its turn, which may be nil. alone
// runs a submission that can't share a transaction. Close the group when it is no longer needed.
func NewGroup(lanes int, turn func(context.Context) (done func(), err error), together, alone Transaction) *Group {
	return &Group{alone: alone, sharing: group.New(group.Config[*Submission, enablement.Change]{
		Lanes: lanes,
		Turn:  turn,
		Run: func(ctx context.Context, calls []*group.Call[*Submission, enablement.Change]) error {
			submissions := group.Ins(calls)
			if err := together(ctx, submissions); err != nil {
				return Alone(len(calls), err)
			}
			for i, call := range calls {
				call.Out, call.Err = submissions[i].Change, submissions[i].Err
			}
			return nil
		},
	})}
}

// Submit implements [enablement.Store].
func (g *Group) Submit(ctx context.Context, call enablement.Call, decide func(enablement.File) (enablement.Change, error)) (enablement.Change, error) {
	change, err := g.sharing.Do(ctx, New(ctx, call, decide))
	if !errors.Is(err, ErrAlone) {
		return change, err
	}
	s := New(ctx, call, decide)
	if err := g.alone(ctx, []*Submission{s}); err != nil {
		return enablement.Change{}, err
	}
	return s.Change, s.Err
}

// Close refuses further submissions, and waits until earlier ones have ended.
func (g *Group) Close() { g.sharing.Close() }
