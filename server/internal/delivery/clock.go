package delivery

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// clock tells the database's time. Jobs are due by it, so that no process has to be right, and several
// agree. It never runs ahead of the database: a job that is due at once is found at once.
type clock struct {
	read func(context.Context) (time.Time, error)
	last atomic.Pointer[reading]
}

// reading is what the database said, and when it was heard here.
type reading struct{ said, heard time.Time }

// set asks the database. In between, the clock goes on by the time that has passed here.
func (c *clock) set(ctx context.Context) error {
	said, err := c.read(ctx)
	if err == nil {
		c.last.Store(&reading{said, time.Now()})
	}
	return err
}

// Now implements [rivertype.TimeGenerator]. Before the clock is set it is the process's.
func (c *clock) Now() time.Time {
	r := c.last.Load()
	if r == nil {
		return time.Now()
	}
	return r.said.Add(time.Since(r.heard))
}

// NowOrNil implements [rivertype.TimeGenerator]: without it, River's statements take the database's own.
func (c *clock) NowOrNil() *time.Time { return nil }

// dueByDatabase has PostgreSQL fill in when a new job is due, where River's driver would take the time of
// the process.
var dueByDatabase = river.HookInsertBeginFunc(func(_ context.Context, job *rivertype.JobInsertParams) error {
	if job.ScheduledAt == nil {
		job.ScheduledAt, job.CreatedAt = &time.Time{}, &time.Time{}
	}
	return nil
})
