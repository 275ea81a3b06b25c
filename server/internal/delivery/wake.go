package delivery

import (
	"context"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivershared/baseservice"
	"github.com/riverqueue/river/rivershared/riverpilot"
	"github.com/riverqueue/river/rivertype"
)

// silent is River's driver without notices. On SQLite they are rows that are written and looked for every 50 ms; on
// PostgreSQL River sends at most one every 100 ms, so that a job may be without one, and they keep commits in line.
type silent[TTx any] struct{ riverdriver.Driver[TTx] }

// SupportsListener implements [riverdriver.Driver].
func (silent[TTx]) SupportsListener() bool { return false }

// SupportsListenNotify implements [riverdriver.Driver].
func (silent[TTx]) SupportsListenNotify() bool { return false }

// waking is the driver of a queue that is told by its own process when there is work.
type waking[TTx any] struct {
	silent[TTx]
	pilot *pilot
}

// PluginInit is what River asks for in a driver that has a pilot.
func (waking[TTx]) PluginInit(*baseservice.Archetype) {}

// PluginPilot is where River takes the pilot from.
func (w waking[TTx]) PluginPilot() riverpilot.Pilot { return w.pilot }

// pilot is River's own. It keeps the function that makes the queue look for work.
type pilot struct {
	riverpilot.StandardPilot
	clock rivertype.TimeGenerator
	look  func(context.Context, []*rivertype.JobInsertResult)
	queue interface{ Wake() }
	// inSteps settles jobs settleStep at a time.
	inSteps bool
}

// PilotInit implements [riverpilot.Pilot].
func (p *pilot) PilotInit(archetype *baseservice.Archetype, params *riverpilot.PilotInitParams) {
	p.StandardPilot.PilotInit(archetype, params)
	p.clock, p.look = archetype.Time, params.NotifyNonTxJobInsert
}

// soon is how far ahead a retry has a timer of its own. A later one is found up to pollInterval late: the provider may
// be away for long, and there may be very many.
const soon = 10 * time.Second

// JobSetStateIfRunningMany implements [riverpilot.Pilot]: among others, it puts jobs back that are to be retried.
func (p *pilot) JobSetStateIfRunningMany(ctx context.Context, exec riverdriver.Executor, params *riverdriver.JobSetStateIfRunningManyParams) ([]*rivertype.JobRow, error) {
	jobs, err := p.settle(ctx, exec, params)
	for _, at := range params.ScheduledAt {
		if at != nil {
			p.wakeIn(at.Sub(p.clock.Now()))
		}
	}
	return jobs, err
}

// wakeIn wakes the queue for a retry that is due after a while, unless that is long.
func (p *pilot) wakeIn(wait time.Duration) {
	if wait < soon {
		time.AfterFunc(wait+time.Millisecond, p.queue.Wake) // SQLite has the time by the millisecond
	}
}

// dueSoon puts a job that is due soon where it is found in time, as River does with a retry: its scheduler looks every
// five seconds.
var dueSoon = river.HookInsertBeginFunc(func(_ context.Context, job *rivertype.JobInsertParams) error {
	if job.ScheduledAt != nil && time.Until(*job.ScheduledAt) < soon {
		job.State = rivertype.JobStateAvailable
	}
	return nil
})

// work is what the queue is told that there is.
var work = []*rivertype.JobInsertResult{{Job: &rivertype.JobRow{Queue: river.QueueDefault}}}

// Wake makes the queue look for work at once, or when fetchCooldown is over. Whoever commits work in this process calls
// it, after the commit. Work of other processes, and what was committed by one that died, is found within pollInterval.
func (q *Queue[TTx]) Wake() {
	if q.running.Load() { // before that, River has nobody to wake
		q.pilot.look(context.Background(), work)
	}
}
