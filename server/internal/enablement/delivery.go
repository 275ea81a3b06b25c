package enablement

import (
	"errors"
	"time"
)

// NotificationState says how far the delivery of a notification has come.
type NotificationState string

// The states of a notification.
const (
	// NotificationPending: not delivered yet, an attempt is due.
	NotificationPending NotificationState = "pending"
	// NotificationDelivered: the provider took it.
	NotificationDelivered NotificationState = "delivered"
	// NotificationDead: no further attempt is made until it is queued again by hand.
	NotificationDead NotificationState = "dead"
	// NotificationCancelled: its client was deleted before it was delivered. It is not delivered any more.
	NotificationCancelled NotificationState = "cancelled"
)

// ErrNotificationNotFound says that there is no such notification.
var ErrNotificationNotFound = errors.New("notification not found")

// FaultStopped is the fault of an attempt that was cut because the service stopped. It takes no step of
// the schedule. It is stored: never change it.
const FaultStopped = "the service stopped during the attempt"

// NotificationStates are all of them.
var NotificationStates = []NotificationState{
	NotificationPending, NotificationDelivered, NotificationDead, NotificationCancelled,
}

// Delivery is one attempt to hand a notification over to the provider, a row of the ledger.
type Delivery struct {
	NotificationID string
	StartedAt      time.Time
	Duration       time.Duration
	// StatusCode is the provider's, 0 where it gave no answer.
	StatusCode int
	// Fault says in a few words why the attempt failed; empty when it did not.
	Fault string
	// Process names the process that made the attempt.
	Process string
	// State is the notification's after this attempt.
	State NotificationState
	// Next is when the next attempt is due, which gets a job of its own, queued with this row. It is zero where the job
	// of this attempt makes the next one too, or there is none.
	Next time.Time
}

// NotificationStatus is a notification with its ledger in short.
type NotificationStatus struct {
	Notification
	State    NotificationState
	Attempts int
	// Failed is how many steps of the schedule are taken: attempts that failed since the notification was
	// queued, or queued again after it was given up. One that was cut as the service stopped is not counted.
	Failed int
	// LastAttempt is zero before the first one; LastStatusCode and LastFault are its result.
	LastAttempt    time.Time
	LastStatusCode int
	LastFault      string
}

// Due is a job to queue: the next attempts of its notifications are due at a moment, at once where that is zero.
// Only notifications of which no attempt was made may share one.
type Due struct {
	NotificationIDs []string
	At              time.Time
}
