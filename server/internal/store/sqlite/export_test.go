package sqlite

import "slices"

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
	"notifications of all":     {pageQuery(3), 6, true},
	"queue's figures":          {queueStats, 0, false},
}

// Nothing is as many arguments.
func (p Plan) Nothing() []any { return slices.Repeat([]any{nil}, p.Args) }
