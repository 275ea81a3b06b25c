package contract

import (
	"context"
	"net/http"

	"github.com/cryptomate-go/enablement/gen/api"
)

// Subject is a product request that the server under test has, with what to send in calls about it.
type Subject struct {
	ClientID, RequestID string
	// Key is an API key for this subject only; [Fixtures].Key if empty.
	Key string
	// IdempotencyKey is sent if it isn't empty.
	IdempotencyKey string
	// Header is sent, too. It can ask a stand-in for a fault.
	Header http.Header
}

// Fixtures says what the server under test has. Only Key is required: with it, the suite makes all that the API can
// make. A case whose fixture is missing isn't run, and [Coverage] says so.
type Fixtures struct {
	// Key is a valid API key of a sufficient access level.
	Key string
	// LowLevelKey is a valid key of the same company with the access level 1.
	LowLevelKey string
	// BarredKey is a valid key of the same company that may be used only from other addresses than this one.
	BarredKey string
	// RevokedKey is a key that was revoked or has expired.
	RevokedKey string
	// OtherCompanyKey is a valid key, of a sufficient level, of another company.
	OtherCompanyKey string

	// Requested is a request for cards_individuals in the status requested, of the company that owns Key. A passport
	// is among what it lacks.
	Requested Subject

	// Decide makes the provider decide on a request that is in_kyc; status is enabled or rejected. It returns when the
	// API shows the decision, or an error. While the suite runs, the provider must not decide by itself.
	Decide func(ctx context.Context, requestID string, status api.ProductStatus) error

	// Running has an IdempotencyKey for which the server always has a call that is still running. It and the next
	// three need no client of their own. The server knows them by a Key or a Header, for example.
	Running Subject
	// Limited has used up its rate limit.
	Limited Subject
	// Failing makes the server fail.
	Failing Subject
	// Unavailable makes the server answer that it is unavailable.
	Unavailable Subject
}

func (f Fixtures) has(name string) bool {
	subject := f.subjects()[name]
	return name == "Decide" && f.Decide != nil || f.keys()[name] != "" || subject.ClientID != "" || subject.Key != "" || len(subject.Header) > 0
}

func (f Fixtures) keys() map[string]string {
	return map[string]string{
		"Key": f.Key, "LowLevelKey": f.LowLevelKey, "BarredKey": f.BarredKey, "RevokedKey": f.RevokedKey,
		"OtherCompanyKey": f.OtherCompanyKey,
	}
}

func (f Fixtures) subjects() map[string]Subject {
	return map[string]Subject{
		"Requested": f.Requested,
		"Running":   f.Running, "Limited": f.Limited, "Failing": f.Failing, "Unavailable": f.Unavailable,
	}
}

func (f Fixtures) subject(name string) Subject {
	subject := f.subjects()[name]
	if subject.Key == "" {
		subject.Key = f.Key
	}
	return subject
}
