package prune

import "context"

// Chunks is how many chunks of a photo a step removes at most.
const Chunks = 16

// Document is an old one that is no client's any more. One that was submitted stays.
type Document struct {
	ID        int64
	Submitted bool
}

// Documents removes documents in steps, and tells how many, as [InSteps] does. next lists those that come behind the ones
// it listed before, and none at the end. step removes chunks of a document, or the document when it has no more: it looks
// at none where the document is not to be removed any more.
func Documents(
	ctx context.Context, next func(context.Context) ([]Document, error), step func(ctx context.Context, id int64) (Step, error),
) (removed int64, err error) {
	for {
		list, err := next(ctx)
		if err != nil || len(list) == 0 {
			return removed, err
		}
		for _, d := range list {
			for done := (Step{Looked: 1}); !d.Submitted && done.Looked > done.Removed; rest(ctx, done) {
				if err := ctx.Err(); err != nil {
					return removed, err
				}
				if done, err = step(ctx, d.ID); err != nil {
					return removed, err
				}
				removed += done.Removed
			}
		}
	}
}
