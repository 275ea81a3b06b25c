// Package store is the interface to storage. Packages sqlite and postgres implement it, and package storetest tests
// every implementation.
//
// Every write has the same steps: load the file and lock it; decide, by a function without side effects; store the
// change with its audit row, its job and its response. Submissions that come together share a transaction, as each
// transaction waits for the disk; packages group and batch do this. Other writes are rarer, and each has its own
// transaction.
//
// SQL is written by hand for both databases, as constants in the file that uses them. A statement of one line may stand
// in the call. We don't use sqlc: its types would have to be converted to the domain's. And it can't express two things
// that we need: the lists and locks that read many submissions in one round trip, and statements that are held back and
// sent with the commit.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// The errors of storage, beside those of the domain.
var (
	ErrCompanyNotFound = errors.New("company not found")
	// ErrNotDead says that a notification can't be queued again, as it was not given up and has not lost its job.
	ErrNotDead = errors.New("notification is not dead: it is delivered or cancelled, or its next attempt is due")
	// ErrUnavailable says that the database can't be reached, is shutting down, or was too slow. Trying again may
	// help.
	ErrUnavailable = errors.New("database is unavailable")
)

// QueueStats says how much is in the queue.
type QueueStats struct {
	// Jobs of deliveries by state: due and waiting for a worker, being worked, waiting after a failed attempt, and
	// scheduled. Notifications of one transaction share a job for their first attempt.
	Available, Running, Retryable, Scheduled int
	// OldestAvailable is how long the oldest available job has been due; 0 if there is none.
	OldestAvailable time.Duration
	// Notifications that are not delivered, by state.
	Pending, Dead int
}

// PoolStats has the figures of a pool of connections.
type PoolStats struct {
	// MaxOpen is the size of the pool.
	MaxOpen, Open, InUse, Idle int
	// WaitCount and WaitDuration are sums over all waits for a connection so far.
	WaitCount    int64
	WaitDuration time.Duration
}

// Store is what the service needs of storage. All methods are safe for concurrent use and obey their context. Each method
// writes all or nothing. After an error that is named here, nothing was written. After any other error, this is not
// certain, as the answer to a commit may be lost.
type Store interface {
	enablement.Store
	access.Finder

	// CreateKey stores a key under the hash of its secret. It returns [ErrCompanyNotFound].
	CreateKey(ctx context.Context, key access.Key, hash access.Hash) error
	// Keys lists the keys of a company, or of all companies if companyID is empty, oldest first.
	Keys(ctx context.Context, companyID string) ([]access.Key, error)
	// RevokeKey revokes the key with this id from the moment on. A second call keeps the first moment. It returns
	// [access.ErrKeyNotFound].
	RevokeKey(ctx context.Context, id string, at time.Time) error

	// RotateKey stores a new key under the hash of its secret. It replaces the key with the old id, which stays valid
	// until the moment, unless it expires before. It returns [access.ErrKeyNotFound].
	RotateKey(ctx context.Context, oldID string, until time.Time, key access.Key, hash access.Hash) error
	// TouchKeys stores when keys were last used, by their ids. It ignores unknown keys, and moments before the stored
	// one.
	TouchKeys(ctx context.Context, used map[string]time.Time) error

	// PruneIdempotency removes responses that were recorded at or before the moment. PruneDeliveries removes ledger rows of
	// attempts made at or before it, except those of a pending notification. PruneJobs removes jobs of the queue that
	// finished at or before it. They return how many they removed, also with an error. They remove large numbers in steps,
	// so that others can use the database in between, and stop between two steps if their context ends.
	PruneIdempotency(ctx context.Context, before time.Time) (int64, error)
	PruneDeliveries(ctx context.Context, before time.Time) (int64, error)
	PruneJobs(ctx context.Context, before time.Time) (int64, error)
	// PruneDocuments removes documents with their photos in the same way: those that [enablement.Store.Upload] began to
	// store at or before the moment and that belong to no client, and those that were superseded at or before it, except
	// those that were submitted.
	PruneDocuments(ctx context.Context, before time.Time) (int64, error)

	// Submitted returns what the provider decides on, for a request of any company, decided or not. It returns
	// [enablement.ErrRequestNotFound], and [enablement.ErrNotInKYC] for a request that was not submitted.
	Submitted(ctx context.Context, requestID string) (enablement.Submitted, error)
	// Undecided lists at most limit requests of all companies that wait for a decision, oldest first. It begins after the
	// request with the id after, or with the oldest if after is empty. It returns [enablement.ErrRequestNotFound] if there
	// is no request with the id after.
	Undecided(ctx context.Context, after string, limit int) ([]enablement.Submitted, error)
	// Photo returns the front or the back of a document; zero if there is none.
	Photo(ctx context.Context, documentID int64, side string) (enablement.Photo, error)

	// History returns all that has happened to a request, or the audit of a client, by its id, for any company, even if it
	// was deleted. It returns [enablement.ErrRequestNotFound].
	History(ctx context.Context, id string) (enablement.History, error)

	// Import stores all entries or nothing, and holds few of them in memory. A company or client replaces the stored one
	// with its id. A document supersedes the client's of its type. A request that is already stored stays as it is, as
	// only submissions change it; it is an error if the stored one is of another client or for another product. Import
	// returns a [*dataset.EntryError] that names the wrong entry, or a [*dataset.FaultsError] with several.
	Import(ctx context.Context, data dataset.Source) error
	// Reset is for the data of a sample. It imports data, and removes all else that the clients in it have, as if
	// nothing had ever been requested or submitted. The notifications and audit rows of their requests are kept under
	// another id, so pending notifications are still delivered. All responses under idempotency keys are removed.
	Reset(ctx context.Context, data *dataset.Dataset) error

	// Notification returns a notification with a summary of its ledger, or [enablement.ErrNotificationNotFound].
	Notification(ctx context.Context, id string) (enablement.NotificationStatus, error)
	// NotificationsOf returns the notifications with these ids that exist, in any order.
	NotificationsOf(ctx context.Context, ids []string) ([]enablement.NotificationStatus, error)
	// Notifications lists at most limit notifications in the state, or in any state if it is empty, newest first. It begins
	// after the one with the id after, which is the last one of the page before, or with the newest if after is empty. It
	// returns [enablement.ErrNotificationNotFound] if there is no notification with the id after.
	Notifications(ctx context.Context, state enablement.NotificationState, after string, limit int) ([]enablement.NotificationStatus, error)
	// RecordDelivery adds a row to the ledger and gives its state to the notification, unless that is delivered or
	// cancelled already. In the same transaction it queues the job of the next attempt, if the delivery has one.
	RecordDelivery(ctx context.Context, delivery enablement.Delivery) error
	// RetryNotification queues a notification again if it is dead, or pending without a job. It returns
	// [enablement.ErrNotificationNotFound] or [ErrNotDead].
	RetryNotification(ctx context.Context, id string) error
	// RequeueStranded queues at most limit pending notifications without a job again, each for the moment that due
	// returns, and returns how many. A job that was started at or before the moment lost has no worker any more: it is
	// ended in the same transaction.
	RequeueStranded(ctx context.Context, lost time.Time, limit int, due func(enablement.NotificationStatus) time.Time) (int, error)

	// QueueStats says how much is in the queue.
	QueueStats(ctx context.Context, now time.Time) (QueueStats, error)
	// Pools returns the figures of the pools of connections, by their names.
	Pools() map[string]PoolStats

	// Ready returns an error unless the database answers and has a schema that this program can serve.
	Ready(ctx context.Context) error
	// Probe writes a row and removes it, and returns an error unless that is committed.
	Probe(ctx context.Context) error
	// Close releases the database. No method may be called afterwards.
	Close() error
}
