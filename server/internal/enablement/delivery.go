package enablement

import (
	"errors"
	"time"
)

// NotificationState is the state of a notification.
type NotificationState string

// The states of a notification.
const (
	// NotificationPending is not delivered yet; another attempt will be made.
	NotificationPending NotificationState = "pending"
	// NotificationDelivered was accepted by the provider.
	NotificationDelivered NotificationState = "delivered"
	// NotificationDead was given up. There is no further attempt until an operator queues it again.
	NotificationDead NotificationState = "dead"
	// NotificationCancelled is never delivered, because its client was deleted before.
	NotificationCancelled NotificationState = "cancelled"
)

// ErrNotificationNotFound says that there is no such notification.
var ErrNotificationNotFound = errors.New("notification not found")

// FaultStopped is the fault of an attempt that was cut off because the service stopped. It does not count as a
// step of the schedule. It is stored: never change it.
const FaultStopped = "the service stopped during the attempt"

// NotificationStates are all of them.
var NotificationStates = []NotificationState{
	NotificationPending, NotificationDelivered, NotificationDead, NotificationCancelled,
}

// Delivery is one attempt to deliver a notification to the provider. It is a row of the ledger.
type Delivery struct {
	NotificationID string
	StartedAt      time.Time
	Duration       time.Duration
	// StatusCode is the status of the provider's response; 0 if there was none.
	StatusCode int
	// Fault says in a few words why the attempt failed; it is empty if it did not.
	Fault string
	// Process names the process that made the attempt.
	Process string
	// State is the state of the notification after this attempt.
	State NotificationState
	// Next is when the next attempt is due, if a new job for it is to be queued together with this row. It is zero if the
	// job of this attempt also makes the next one, or if there is no next one.
	Next time.Time
}

// NotificationStatus is a notification with a summary of its ledger.
type NotificationStatus struct {
	Notification
	State    NotificationState
	Attempts int
	// Failed is the number of steps of the schedule that are used: the attempts that failed since the notification was
	// queued, or queued again after it was given up. An attempt that was cut off because the service stopped is not counted.
	Failed int
	// LastAttempt is zero before the first one; LastStatusCode and LastFault are its result.
	LastAttempt    time.Time
	LastStatusCode int
	LastFault      string
}

// Due is a job to queue. The next attempts of its notifications are due at the moment At, or at once if that is zero. Only
// notifications without an attempt may share a job.
type Due struct {
	NotificationIDs []string
	At              time.Time
}
