package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"

	"github.com/cryptomate-go/enablement/server/internal/app"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

type notificationsCmd struct {
	List  notificationsListCmd  `cmd:"" help:"List notifications, newest first."`
	Retry notificationsRetryCmd `cmd:"" help:"Queue notifications again: those that were given up, and pending ones without a job."`
}

type notificationsListCmd struct {
	JSON  bool   `name:"json" help:"Print JSON, for programs."`
	State string `enum:",pending,delivered,dead,cancelled" default:"" placeholder:"STATE" help:"List only notifications in this state: pending, delivered, dead (given up) or cancelled (its client was deleted)."`
	Limit int    `default:"100" help:"Size of a page."`
	After string `placeholder:"ID" help:"Start after this notification: the last id of the page before."`
}

func (c *notificationsListCmd) Run(ctx context.Context, common *common, std streams) error {
	if err := checkLimit(c.Limit); err != nil {
		return err
	}
	return common.with(ctx, std, func(db *app.Database) error {
		list, err := db.Notifications(ctx, enablement.NotificationState(c.State), c.After, c.Limit+1)
		if errors.Is(err, enablement.ErrNotificationNotFound) {
			return &app.ConfigError{Err: fmt.Errorf("--after %q: %w", c.After, err)}
		}
		if err != nil {
			return err
		}
		more := len(list) > c.Limit
		list = list[:min(len(list), c.Limit)]
		if c.JSON {
			page := map[string]any{"notifications": all(list, notificationAsJSON)}
			if more {
				page["after"] = list[len(list)-1].ID
			}
			return printJSON(std.out, page)
		}
		table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "ID\tREQUEST\tSTATE\tSUBMITTED\tATTEMPTS\tLAST ATTEMPT\tSTATUS\tFAULT")
		for _, n := range list {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", n.ID, n.RequestID, n.State,
				moment(n.SubmittedAt), n.Attempts, moment(n.LastAttempt), status(n.LastStatusCode), orDash(n.LastFault))
		}
		if err := table.Flush(); err != nil || !more {
			return err
		}
		_, err = fmt.Fprintf(std.err, "There are more. For the next page, add: --after %s\n", list[len(list)-1].ID)
		return err
	})
}

// longestPage leaves room for one more, by which a list knows that there are more.
const longestPage = 1_000_000

func checkLimit(limit int) error {
	if limit < 1 || limit > longestPage {
		return &app.ConfigError{Err: fmt.Errorf("--limit: must be from 1 to %d", longestPage)}
	}
	return nil
}

type notificationsRetryCmd struct {
	IDs  []string `arg:"" optional:"" name:"id" help:"Ids of notifications, as listed."`
	Dead bool     `help:"Queue all that were given up."`
}

// retryPage is how many --dead lists at a time.
const retryPage = 1000

func (c *notificationsRetryCmd) Run(ctx context.Context, common *common, std streams) error {
	if c.Dead == (len(c.IDs) > 0) {
		return &app.ConfigError{Err: errors.New("notifications retry takes ids, or --dead for all that were given up")}
	}
	return common.with(ctx, std, func(db *app.Database) error {
		queued, err := c.retry(ctx, db, std)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "%d queued\n", queued)
		return err
	})
}

func (c *notificationsRetryCmd) retry(ctx context.Context, db *app.Database, std streams) (queued int, err error) {
	again := func(id string) error {
		err := db.RetryNotification(ctx, id)
		if err == nil {
			queued++
			_, err = fmt.Fprintf(std.out, "queued %s\n", id)
		}
		return err
	}
	for _, id := range c.IDs {
		err := again(id)
		if errors.Is(err, enablement.ErrNotificationNotFound) || errors.Is(err, store.ErrNotDead) {
			return queued, &app.ConfigError{Err: fmt.Errorf("%s: %w", id, err)}
		}
		if err != nil {
			return queued, err
		}
	}
	if !c.Dead {
		return queued, nil
	}
	// From the newest on to the oldest: one that is given up again meanwhile is not met twice.
	for after, full := "", true; full; {
		page, err := db.Notifications(ctx, enablement.NotificationDead, after, retryPage)
		if err != nil {
			return queued, err
		}
		for _, n := range page {
			// Somebody else may have queued it meanwhile.
			if err := again(n.ID); err != nil && !errors.Is(err, store.ErrNotDead) {
				return queued, err
			}
			after = n.ID
		}
		full = len(page) == retryPage
	}
	return queued, nil
}

func status(code int) string {
	if code == 0 {
		return "-"
	}
	return strconv.Itoa(code)
}
