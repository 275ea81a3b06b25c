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

// What storage answers beside the domain's own errors.
var (
	ErrCompanyNotFound = errors.New("company not found")
	// ErrNotDead: only a notification that is given up, or that has lost its job, can be queued again.
	ErrNotDead = errors.New("notification is not dead: it is delivered or cancelled, or its next attempt is due")
	// ErrUnavailable: the database can't be reached, is shutting down, or was too slow. Trying again
	// may help.
	ErrUnavailable = errors.New("database is unavailable")
)

// QueueStats is how much the queue holds.
type QueueStats struct {
	// Jobs of deliveries by state: due and waiting for a worker, being worked, waiting after a failed attempt, and
	// scheduled. Notifications of one transaction share a job for their first attempt.
	Available, Running, Retryable, Scheduled int
	// OldestAvailable is how long the oldest available job has been due; 0 where there is none.
	OldestAvailable time.Duration
	// Notifications that are not delivered, by state.
	Pending, Dead int
}

// PoolStats is how a pool of connections does.
type PoolStats struct {
	// MaxOpen is the pool's size.
	MaxOpen, Open, InUse, Idle int
	// WaitCount and WaitDuration are of all that ever waited for a connection.
	WaitCount    int64
	WaitDuration time.Duration
}

// Store is what the service needs of storage. All methods are safe for concurrent use and obey their
// context. What one method writes is written together or not at all; an error named here means that
// nothing was. After any other error of the database it may have been: a commit's answer can be lost.
type Store interface {
	enablement.Store
	access.Finder

	// CreateKey stores a key under the hash of its secret. It returns [ErrCompanyNotFound].
	CreateKey(ctx context.Context, key access.Key, hash access.Hash) error
	// Keys lists the keys of a company, of all companies where it is empty, oldest first.
	Keys(ctx context.Context, companyID string) ([]access.Key, error)
	// RevokeKey revokes the key with this id from the given moment on. Revoking twice keeps the
	// first moment. It returns [access.ErrKeyNotFound].
	RevokeKey(ctx context.Context, id string, at time.Time) error

	// RotateKey stores a new key under the hash of its secret in the place of the key with the old id,
	// which stays good until the given moment, or less if it expires before. It returns
	// [access.ErrKeyNotFound].
	RotateKey(ctx context.Context, oldID string, until time.Time, key access.Key, hash access.Hash) error
	// TouchKeys notes when keys were last used, by their ids. A key that is unknown is passed over, and
	// an earlier moment than the one noted.
	TouchKeys(ctx context.Context, used map[string]time.Time) error

	// PruneIdempotency forgets responses recorded at or before the given moment, PruneDeliveries removes ledger rows of
	// attempts made at or before it, except those of a pending notification, and PruneJobs removes jobs of the queue that
	// were finished at or before it. They tell how many, which may be some of them where there is an error. They remove
	// very many in steps, between which others have the database, and end between two steps when their context does.
	PruneIdempotency(ctx context.Context, before time.Time) (int64, error)
	PruneDeliveries(ctx context.Context, before time.Time) (int64, error)
	PruneJobs(ctx context.Context, before time.Time) (int64, error)
	// PruneDocuments removes, in the same way, documents with their photos: those that [enablement.Store.Upload] began to
	// store at or before the given moment and that are no client's, and those that were superseded at or before it,
	// unless one of them was submitted.
	PruneDocuments(ctx context.Context, before time.Time) (int64, error)

	// Submitted returns what the provider decides on, of whatever company, whether it is decided or not. It returns
	// [enablement.ErrRequestNotFound], and [enablement.ErrNotInKYC] for a request that was not submitted.
	Submitted(ctx context.Context, requestID string) (enablement.Submitted, error)
	// Undecided lists what waits for a decision, of all companies, oldest first, at most limit: those that come behind
	// the request with the id after, or from the beginning where it is empty. It returns
	// [enablement.ErrRequestNotFound] where there is no such request.
	Undecided(ctx context.Context, after string, limit int) ([]enablement.Submitted, error)
	// Photo returns the front or the back of a document; it is zero where there is none.
	Photo(ctx context.Context, documentID int64, side string) (enablement.Photo, error)

	// History tells all that happened to a request, or what the audit has of a client, by its id, of whatever company and
	// though it is gone. It returns [enablement.ErrRequestNotFound].
	History(ctx context.Context, id string) (enablement.History, error)

	// Import stores all entries or nothing, and keeps few of them in memory. Companies and clients replace what has their
	// id, a document supersedes the client's of its type; a request that is stored already is kept as it is, since only
	// submissions change it, and refused where it is of another client or for another product. It returns a
	// [*dataset.EntryError] that names the faulty entry, or a [*dataset.FaultsError] of several.
	Import(ctx context.Context, data dataset.Source) error
	// Reset is Import of data that may be stored already. What else its clients have goes, and they are from now on as if
	// nothing had ever been asked for or submitted. The notifications and the audit rows of its requests stay under another
	// id, so that what waits to be delivered is. Every response that is recorded under an idempotency key is forgotten.
	// The data of a sample is reset, and nothing else.
	Reset(ctx context.Context, data *dataset.Dataset) error

	// Notification returns a notification with its ledger in short, or [enablement.ErrNotificationNotFound].
	Notification(ctx context.Context, id string) (enablement.NotificationStatus, error)
	// NotificationsOf returns those of the notifications that there are, in any order.
	NotificationsOf(ctx context.Context, ids []string) ([]enablement.NotificationStatus, error)
	// Notifications lists those in the given state, all where it is empty, newest first, at most limit: those that come
	// behind the one with the id after, which is the last one of the page before, or empty. It returns
	// [enablement.ErrNotificationNotFound] where there is no such one.
	Notifications(ctx context.Context, state enablement.NotificationState, after string, limit int) ([]enablement.NotificationStatus, error)
	// RecordDelivery adds a row to the ledger and moves the notification to the row's state, unless
	// it is delivered or cancelled: that is final. With the row it queues the job of the next attempt, where the
	// delivery asks for one.
	RecordDelivery(ctx context.Context, delivery enablement.Delivery) error
	// RetryNotification queues a notification again that is dead, or pending without a job. It returns
	// [enablement.ErrNotificationNotFound] or [ErrNotDead].
	RetryNotification(ctx context.Context, id string) error
	// RequeueStranded queues pending notifications again that have no job, at most limit of them, each for
	// the moment that due says, and tells how many. A job that was taken up at or before the moment lost has no
	// worker any more: it is ended in the same transaction.
	RequeueStranded(ctx context.Context, lost time.Time, limit int, due func(enablement.NotificationStatus) time.Time) (int, error)

	// QueueStats tells how much the queue holds to deliver.
	QueueStats(ctx context.Context, now time.Time) (QueueStats, error)
	// Pools tells how the pools of connections do, by a name for each.
	Pools() map[string]PoolStats

	// Ready returns an error unless the database answers and has a schema that this program can serve.
	Ready(ctx context.Context) error
	// Probe writes a row and removes it, and returns an error unless that is committed.
	Probe(ctx context.Context) error
	// Close releases the database. No method may be called afterwards.
	Close() error
}
