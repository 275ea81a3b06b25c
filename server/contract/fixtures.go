package contract

import (
	"context"
	"net/http"

	"github.com/cryptomate-go/enablement/gen/api"
)

// Subject is a product request that the server under test has, and how to call for it.
type Subject struct {
	ClientID, RequestID string
	// Key is an API key for this subject only; [Fixtures].Key if empty.
	Key string
	// IdempotencyKey is sent along if it isn't empty.
	IdempotencyKey string
	// Header is sent along, such as one that asks a stand-in for a fault.
	Header http.Header
}

// Fixtures says what the server under test has. Every field is optional but Key, with which the suite makes what
// can be made by the API: a case whose fixture is absent isn't run, and [Coverage] says so.
type Fixtures struct {
	// Key is a valid API key of a sufficient access level.
	Key string
	// LowLevelKey is a valid key of the same company with the access level 1.
	LowLevelKey string
	// BarredKey is a valid key of the same company that may not be used from here, but from another address only.
	BarredKey string
	// RevokedKey is a key that was valid once: revoked or expired.
	RevokedKey string
	// OtherCompanyKey is a valid key, of a sufficient level, of another company.
	OtherCompanyKey string

	// Requested is a request for cards_individuals in the status requested, of the company that owns Key. A passport
	// is missing, among others.
	Requested Subject

	// Decide has the provider decide on a request that is in_kyc: status is enabled or rejected. It returns once the
	// API shows it, or an error. Meanwhile the provider must not decide by itself.
	Decide func(ctx context.Context, requestID string, status api.ProductStatus) error

	// Running has an IdempotencyKey with which a call of every operation is under way. This and the next ones need
	// no client of their own, but for example a Key or a Header by which the server knows them.
	Running Subject
	// Limited is over its rate limit.
	Limited Subject
	// Failing makes the server fail.
	Failing Subject
	// Unavailable finds the server unable to take the call.
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
