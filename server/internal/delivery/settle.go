package delivery

import (
	"context"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// settleStep is how many jobs share a transaction on SQLite once they are worked. River settles up to 100 in one there,
// each by a statement of its own, and SQLite's one writer is taken for 20 ms.
const settleStep = 8

// settle writes what became of jobs.
func (p *pilot) settle(ctx context.Context, exec riverdriver.Executor, all *riverdriver.JobSetStateIfRunningManyParams) (jobs []*rivertype.JobRow, err error) {
	if !p.inSteps {
		return p.StandardPilot.JobSetStateIfRunningMany(ctx, exec, all)
	}
	for from := 0; from < len(all.ID); from += settleStep {
		to := min(from+settleStep, len(all.ID))
		settled, err := p.StandardPilot.JobSetStateIfRunningMany(ctx, exec, &riverdriver.JobSetStateIfRunningManyParams{
			ID:              all.ID[from:to],
			Attempt:         all.Attempt[from:to],
			ErrData:         all.ErrData[from:to],
			FinalizedAt:     all.FinalizedAt[from:to],
			MetadataDoMerge: all.MetadataDoMerge[from:to],
			MetadataUpdates: all.MetadataUpdates[from:to],
			Now:             all.Now,
			ScheduledAt:     all.ScheduledAt[from:to],
			Schema:          all.Schema,
			State:           all.State[from:to],
		})
		if err != nil {
			return nil, err // River does all of it again, which passes over those that are settled
		}
		jobs = append(jobs, settled...)
	}
	return jobs, nil
}
