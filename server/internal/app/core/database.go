package core

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/riverqueue/river/riverdriver"

	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

// Database is a store, and the queue in the same database.
type Database struct {
	store.Store
	newQueue func(delivery.Config) (Queue, error)
}

// Queue is the delivery queue, whatever database it is on.
type Queue interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Ready(ctx context.Context) error
	Wake()
	View(prefix string, logger *slog.Logger) (http.Handler, error)
}

// NewDatabase opens the store that puts deliveries into the queue of the driver. now is the database's time; nil: it
// has the process's.
func NewDatabase[TTx any, Enqueue ~func(context.Context, TTx, []enablement.Due) error](
	driver riverdriver.Driver[TTx],
	now func(context.Context) (time.Time, error),
	logger *slog.Logger,
	open func(Enqueue) store.Store,
) (Database, error) {
	inserter, err := delivery.NewInserter(driver, logger)
	if err != nil {
		return Database{}, err
	}
	return Database{
		Store: open(inserter.EnqueueTx),
		newQueue: func(config delivery.Config) (Queue, error) {
			config.DatabaseTime = now
			return delivery.NewQueue(driver, config)
		},
	}, nil
}
