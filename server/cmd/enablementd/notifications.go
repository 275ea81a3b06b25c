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
	Retry notificationsRetryCmd `cmd:"" help:"Queue notifications again that were given up, or that have no job any more."`
}

type notificationsListCmd struct {
	State string `enum:",pending,delivered,dead" default:"" placeholder:"STATE" help:"Only those pending, delivered or dead (given up)."`
	Limit int    `default:"100" help:"At most so many."`
}

func (c *notificationsListCmd) Run(ctx context.Context, common *common, std streams) error {
	if c.Limit < 1 {
		return &app.ConfigError{Err: errors.New("--limit: must be 1 or higher")}
	}
	return common.with(ctx, std, func(db *app.Database) error {
		list, err := db.Notifications(ctx, enablement.NotificationState(c.State), c.Limit)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "ID\tREQUEST\tSTATE\tSUBMITTED\tATTEMPTS\tLAST ATTEMPT\tSTATUS\tFAULT")
		for _, n := range list {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", n.ID, n.RequestID, n.State,
				moment(n.SubmittedAt), n.Attempts, moment(n.LastAttempt), status(n.LastStatusCode), orDash(n.LastFault))
		}
		return table.Flush()
	})
}

type notificationsRetryCmd struct {
	IDs  []string `arg:"" optional:"" name:"id" help:"Ids of notifications, as listed."`
	Dead bool     `help:"All that were given up."`
}

// retryAtOnce bounds what --dead queues in one go.
const retryAtOnce = 10_000

func (c *notificationsRetryCmd) Run(ctx context.Context, common *common, std streams) error {
	if c.Dead == (len(c.IDs) > 0) {
		return &app.ConfigError{Err: errors.New("notifications retry takes ids, or --dead for all that were given up")}
	}
	return common.with(ctx, std, func(db *app.Database) error {
		ids := c.IDs
		if c.Dead {
			list, err := db.Notifications(ctx, enablement.NotificationDead, retryAtOnce)
			if err != nil {
				return err
			}
			for _, n := range list {
				ids = append(ids, n.ID)
			}
		}
		for _, id := range ids {
			err := db.RetryNotification(ctx, id)
			if errors.Is(err, store.ErrNotificationNotFound) || errors.Is(err, store.ErrNotDead) {
				return &app.ConfigError{Err: fmt.Errorf("%s: %w", id, err)}
			}
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintf(std.out, "queued %s\n", id)
		}
		_, err := fmt.Fprintf(std.out, "%d queued\n", len(ids))
		return err
	})
}

func status(code int) string {
	if code == 0 {
		return "-"
	}
	return strconv.Itoa(code)
}
