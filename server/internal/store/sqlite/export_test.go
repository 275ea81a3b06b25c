package sqlite

import (
	"context"
	"slices"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// Plan is a statement that the size of a table must not matter to, with how many arguments it takes.
type Plan struct {
	Statement string
	Args      int
	// Sorts is what sorts no more than a page of each state.
	Sorts bool
}

// Plans are those that go through many rows.
var Plans = map[string]Plan{
	"responses to prune":       {deleteRecords, 2, false},
	"jobs to prune":            {deleteJobs, 2, false},
	"deliveries to look at":    {nextDelivery, 4, false},
	"deliveries to prune":      {deleteDeliveries, 4, false},
	"notification":             {notificationQuery + ` WHERE n.id = ?`, 1, false},
	"notifications of a state": {pageQuery(1), 4, false},
	"notifications of all":     {pageQuery(len(enablement.NotificationStates)), 3 + len(enablement.NotificationStates), true},
	"clients of a company":     {selectClients + newestFirst, 1, false},
	"client with an e-mail":    {selectTwin, 3, false},
	"audit":                    {selectAudit, 1, true},
	"responses of a client":    {`DELETE FROM idempotency WHERE client_id = ?`, 1, false},
	"notifications to cancel":  {cancelNotifications, 1, false},
	"documents to look at":     {oldDocuments, 4, false},
	"chunks to prune":          {deleteChunks, 2, false},
	"undecided":                {selectUndecided, 3, false},
	"submitted":                {selectSubmitted, 1, false},
	"what was submitted":       {selectReviewed, 1, false},
	"documents to delete":      {`DELETE FROM documents WHERE client_id = ?`, 1, false},
	"client to delete":         {`DELETE FROM clients WHERE id = ?`, 1, false},
	"queue's figures":          {queueStats, 0, false},
}

// Nothing is as many arguments.
func (p Plan) Nothing() []any { return slices.Repeat([]any{nil}, p.Args) }

// MigrateTo brings a database's own tables to a version.
func (db *DB) MigrateTo(ctx context.Context, version int64) error {
	provider, err := db.provider()
	if err == nil {
		_, err = provider.UpTo(ctx, version)
	}
	return err
}
