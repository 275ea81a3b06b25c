package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/cryptomate-go/enablement/server/internal/app"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

type auditCmd struct {
	JSON bool   `name:"json" help:"Print JSON, for programs."`
	ID   string `arg:"" name:"id" help:"Id of the request, or of the client."`
}

func (c *auditCmd) Run(ctx context.Context, common *common, std streams) error {
	return common.with(ctx, std, func(db *app.Database) error {
		history, err := db.History(ctx, c.ID)
		if errors.Is(err, enablement.ErrRequestNotFound) {
			return &app.ConfigError{Err: fmt.Errorf("no request or client %q", c.ID)}
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(std.out, historyAsJSON(c.ID, history))
		}
		if history.Status != "" {
			_, _ = fmt.Fprintf(std.out, "Request %s is %s.\n\n", c.ID, history.Status)
		}
		table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "AT\tOPERATION\tREQUEST\tFROM\tTO\tMISSING\tREJECTED\tKEY\tTRACE")
		for _, a := range history.Audit {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\n",
				moment(a.At), a.Operation, orDash(a.RequestID), orDash(string(a.From)), orDash(string(a.To)), a.Missing, a.Rejected, a.KeyID, a.TraceID)
		}
		if err := table.Flush(); err != nil || history.NotificationID == "" {
			return err
		}
		_, _ = fmt.Fprintf(std.out, "\nNotification %s:\n\n", history.NotificationID)
		_, _ = fmt.Fprintln(table, "ATTEMPT\tTOOK\tSTATUS\tFAULT\tTHEN\tPROCESS")
		for _, d := range history.Deliveries {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n",
				moment(d.StartedAt), d.Duration, status(d.StatusCode), orDash(d.Fault), d.State, d.Process)
		}
		return table.Flush()
	})
}
