package contract

import (
	"cmp"
	"slices"

	"github.com/cryptomate-go/enablement/gen/spec"
)

// Rule is something that requests and responses are held to.
type Rule struct {
	// ID is the rule's name in findings; it stays the same between releases.
	ID string
	// Says is the rule in words.
	Says string
}

// The ids of all rules, by what they look at.
const (
	rulePath      = "request.path"
	ruleMethod    = "request.method"
	ruleParameter = "request.parameter"
	ruleQuery     = "request.query"
	ruleBody      = "request.body"
	ruleKey       = "request.key"
	ruleSentType  = "request.media_type"

	ruleUnrouted   = "response.unrouted"
	ruleCut        = "response.cut"
	ruleCoding     = "response.coding"
	ruleStatus     = "response.status"
	ruleAccepted   = "response.accepted"
	ruleMissingKey = "response.missing_key"
	ruleMediaType  = "response.media_type"
	ruleEmpty      = "response.empty"
	ruleEchoed     = "response.key_echoed"
	ruleEcho       = "response.echo"

	ruleHeaderUndeclared = "header.undeclared"
	ruleHeaderMissing    = "header.missing"
	ruleHeaderValue      = "header.value"
	ruleHeaderRepeated   = "header.repeated"

	ruleUTF8      = "json.utf8"
	ruleSyntax    = "json.syntax"
	ruleDuplicate = "json.duplicate_key"
	ruleTrailing  = "json.trailing"

	ruleRequired   = "schema.required"
	ruleType       = "schema.type"
	ruleNull       = "schema.null"
	ruleEnum       = "schema.enum"
	ruleValue      = "schema.value"
	ruleUndeclared = "schema.undeclared_field"
	ruleTextEmpty  = "schema.empty_text"

	ruleItemTwice     = "list.repeated"
	ruleUnsatisfiable = "product.unsatisfiable"

	ruleTime = "time.impossible"

	ruleFuture = "time.future"

	ruleTraceMissing  = "trace.missing"
	ruleTraceRepeated = "trace.repeated"

	ruleInternals = "error.internals"

	ruleHistorySettled  = "history.settled"
	ruleHistoryFinal    = "history.final"
	ruleHistoryActive   = "history.active"
	ruleHistoryRead     = "history.read"
	ruleHistoryDeleted  = "history.deleted"
	ruleHistoryUpdated  = "history.updated_back"
	ruleHistoryCreated  = "history.created_moved"
	ruleHistoryVanished = "history.vanished"
	ruleHistoryUnmoved  = "history.updated_unmoved"
	ruleHistoryProduct  = "history.product_moved"

	ruleReplay   = "idempotency.replay"
	ruleMismatch = "idempotency.mismatch"

	ruleSignature     = "notification.signature"
	ruleForged        = "notification.forged"
	ruleNotifyStatus  = "notification.status"
	ruleNotifyTime    = "notification.timestamp"
	ruleSignedBefore  = "notification.signed_before"
	ruleNotifyRepeat  = "notification.repeat"
	ruleNotifyTwice   = "notification.twice"
	ruleForgeryTaken  = "notification.taken"
	ruleRedirected    = "notification.redirected"
	ruleRepeatRefused = "notification.repeat_refused"

	ruleCase = "case.expectation"
	ruleLeak = "case.leak"
)

var rules = slices.Concat(before, across(), after)

var before = []Rule{
	{rulePath, "a request's path is one that the specification has"},
	{ruleMethod, "a request's method is one that its path has"},
	{ruleParameter, "path parameters and headers of a request are as described, and each is sent once"},
	{ruleQuery, "a request has no query parameter that its operation doesn't"},
	{ruleBody, "a request has a body where its operation takes one, no larger than that, and none where it doesn't"},
	{ruleKey, "a request carries its API key, once, in its header"},
	{ruleSentType, "a request's body has the media type that its operation takes"},

	{ruleUnrouted, "a path that isn't described is a 404, a method that isn't is a 405 with Allow"},
	{ruleCut, "a body arrives whole"},
	{ruleCoding, "a body has a content coding that can be undone here: gzip, deflate or none"},
	{ruleStatus, "a response's status is one that the operation declares"},
	{ruleAccepted, "a request that isn't as described is not answered with success"},
	{ruleMissingKey, "a request without a key is a 401"},
	{ruleMediaType, "a response has the media type that its status declares"},
	{ruleEmpty, "a response has the body that its status declares, and none where it declares none"},
	{ruleEchoed, "no response repeats the API key"},
	{ruleEcho, "a success has the fields as they were sent, and is without those that were not"},

	{ruleHeaderUndeclared, "a response has no header but declared and usual ones"},
	{ruleHeaderMissing, "a response has every header that its status requires"},
	{ruleHeaderValue, "a declared header's value is as described"},
	{ruleHeaderRepeated, "a declared header is sent once, and so is Content-Type"},

	{ruleUTF8, "a body is valid UTF-8"},
	{ruleSyntax, "a body is JSON"},
	{ruleDuplicate, "no object of a body has a key twice"},
	{ruleTrailing, "nothing follows a body's value"},

	{ruleRequired, "a required field is there"},
	{ruleType, "a field has its type"},
	{ruleNull, "a field is not null"},
	{ruleEnum, "an enumerated field has a described value"},
	{ruleValue, "a field keeps to its pattern and its limits, and a photo is base64"},
	{ruleUndeclared, "a body has no field that the specification doesn't"},
	{ruleTextEmpty, "a text of a response is not empty: what has no value is absent"},

	{ruleItemTwice, "no two items of a list have the same id or key"},
	{ruleUnsatisfiable, "what is missing names at least one document or data field that satisfies it"},

	{ruleFuture, "a moment is no more than a day ahead of the clock"},

	{ruleInternals, "an error has no stack trace, and no name of a source file or of an exception"},

	{ruleTraceMissing, "every response has X-Trace-Id"},
	{ruleTraceRepeated, "two calls have the same X-Trace-Id only if they have a traceparent"},
}

var after = []Rule{
	{ruleHistorySettled, "a request that left pending never is again, and neither submission nor document is a success"},
	{ruleHistoryFinal, "a request that is enabled or rejected stays so"},
	{ruleHistoryActive, "a client has one pending request for a product at most"},
	{ruleHistoryRead, "a client is read as it was written, as long as its updated_at is the same"},
	{ruleHistoryDeleted, "a client that was deleted is gone for good, with all there was of it"},
	{ruleHistoryUpdated, "updated_at of a client or a request never goes back"},
	{ruleHistoryCreated, "created_at of a client or a request never moves"},
	{ruleHistoryUnmoved, "updated_at of a request moves with its status"},
	{ruleHistoryProduct, "a request is for the same product always"},
	{ruleHistoryVanished, "created_at and updated_at of a client or a request are there once they were"},

	{ruleReplay, "the same Idempotency-Key answers the same bytes"},
	{ruleMismatch, "an Idempotency-Key that succeeded for another call of the operation is a 422"},

	{ruleSignature, "webhook-signature is one or more of v1, and base64 of 32 bytes, with a space between"},
	{ruleForged, "one of the signatures is made with one of the secrets, if these are known"},
	{ruleNotifyStatus, "a notification of product.in_kyc is about a request that is in_kyc"},
	{ruleNotifyTime, "timestamp and submitted_at of a notification are the same moment"},
	{ruleSignedBefore, "a notification is not signed before its request was submitted"},
	{ruleNotifyRepeat, "the same webhook-id has the same bytes on every attempt"},
	{ruleNotifyTwice, "a request is notified under one webhook-id only"},
	{ruleForgeryTaken, "a provider does not take what isn't signed as described"},
	{ruleRedirected, "a provider does not redirect, as nobody follows"},
	{ruleRepeatRefused, "a provider takes again what it took before"},

	{ruleCase, "a case of the suite is answered as it says"},
	{ruleLeak, "what belongs to another company looks like what isn't there"},
}

// across are the rules that [spec.Breaches] finds breaches of.
func across() (rules []Rule) {
	for _, rule := range spec.Rules() {
		rules = append(rules, Rule(rule))
	}
	return rules
}

// Rules returns everything that is checked.
func Rules() []Rule { return slices.Clone(rules) }

// nearest are the ids of the three rules that take the fewest changes of a letter to get to.
func nearest(id string) []string {
	near := Rules()
	slices.SortStableFunc(near, func(a, b Rule) int { return cmp.Compare(distance(id, a.ID), distance(id, b.ID)) })
	return []string{near[0].ID, near[1].ID, near[2].ID}
}

// distance is how many letters have to be put in, taken out or replaced to make one text the other.
func distance(from, to string) int {
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(from) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(to) {
			replaced := diagonal
			if from[i] != to[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}
