package contract

import "net/http"

// Subject is a client or a product request that the server under test has, and how to call for it.
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
// can be made by the API: a case whose fixture is absent isn't run, and [Coverage] says so. All subjects are
// requests of different clients, of the company that owns Key, unless they have a key of their own.
type Fixtures struct {
	// Key is a valid API key of a sufficient access level.
	Key string
	// LowLevelKey is a valid key of the same company with the access level 1.
	LowLevelKey string
	// BarredKey is a valid key of the same company that may not be used from here, but from another address only.
	BarredKey string
	// RevokedKey is a key that was valid once: revoked or expired.
	RevokedKey string
	// OtherCompanyKey is a valid key, of a sufficient level, of a company that has none of the subjects.
	OtherCompanyKey string

	// Complete lacks nothing and is pending: cards_individuals.
	Complete Subject
	// Repeated is like Complete. It is submitted with an Idempotency-Key.
	Repeated Subject
	// Requested is in the status requested, with something missing.
	Requested Subject
	// RejectedDocument has a stored document that isn't accepted.
	RejectedDocument Subject
	// InKYC, Enabled and Rejected are in these statuses.
	InKYC, Enabled, Rejected Subject

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
	return f.keys()[name] != "" || subject.ClientID != "" || subject.Key != "" || len(subject.Header) > 0
}

func (f Fixtures) keys() map[string]string {
	return map[string]string{
		"Key": f.Key, "LowLevelKey": f.LowLevelKey, "BarredKey": f.BarredKey, "RevokedKey": f.RevokedKey,
		"OtherCompanyKey": f.OtherCompanyKey,
	}
}

func (f Fixtures) subjects() map[string]Subject {
	return map[string]Subject{
		"Complete": f.Complete, "Repeated": f.Repeated, "Requested": f.Requested, "RejectedDocument": f.RejectedDocument,
		"InKYC": f.InKYC, "Enabled": f.Enabled, "Rejected": f.Rejected,
		"Running": f.Running, "Limited": f.Limited, "Failing": f.Failing, "Unavailable": f.Unavailable,
	}
}

func (f Fixtures) subject(name string) Subject {
	subject := f.subjects()[name]
	if subject.Key == "" {
		subject.Key = f.Key
	}
	return subject
}
