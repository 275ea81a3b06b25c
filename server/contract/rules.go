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
	{rulePath, "a request's path is in the specification"},
	{ruleMethod, "a request's method is declared for its path"},
	{ruleParameter, "path parameters and headers of a request are as described, and each is sent once"},
	{ruleQuery, "a request has only query parameters of its operation"},
	{ruleBody, "a request has a body, within the size limit, if its operation takes one, and no body otherwise"},
	{ruleKey, "a request carries its API key, once, in its header"},
	{ruleSentType, "a request's body has the media type that its operation takes"},

	{ruleUnrouted, "an unknown path is a 404, and an unknown method a 405 with Allow"},
	{ruleCut, "a body is complete"},
	{ruleCoding, "a body's Content-Encoding is gzip, deflate or none"},
	{ruleStatus, "a response's status is one that the operation declares"},
	{ruleAccepted, "a wrong request does not succeed"},
	{ruleMissingKey, "a request without a key is a 401"},
	{ruleMediaType, "a response has the media type that its status declares"},
	{ruleEmpty, "a response has a body if its status declares one, and no body otherwise"},
	{ruleEchoed, "no response repeats the API key"},
	{ruleEcho, "a success repeats the fields that were sent, and has none of those that were left out"},

	{ruleHeaderUndeclared, "a response has only declared and usual headers"},
	{ruleHeaderMissing, "a response has every header that its status requires"},
	{ruleHeaderValue, "a declared header's value is as described"},
	{ruleHeaderRepeated, "a declared header is sent once, and so is Content-Type"},

	{ruleUTF8, "a body is valid UTF-8"},
	{ruleSyntax, "a body is JSON"},
	{ruleDuplicate, "no object has a field twice"},
	{ruleTrailing, "nothing follows the JSON value of a body"},

	{ruleRequired, "a required field is there"},
	{ruleType, "a field has its type"},
	{ruleNull, "a field is not null"},
	{ruleEnum, "an enumerated field has a described value"},
	{ruleValue, "a field matches its pattern and is within its limits, and a photo is base64"},
	{ruleUndeclared, "a body has only declared fields"},
	{ruleTextEmpty, "a text in a response is not empty: a field without a value is left out"},

	{ruleItemTwice, "no two items of a list have the same id or key"},
	{ruleUnsatisfiable, "a missing requirement names at least one document or data field that satisfies it"},

	{ruleFuture, "a timestamp is no more than a day ahead of the clock"},

	{ruleInternals, "an error has no stack trace, and no name of a source file or of an exception"},

	{ruleTraceMissing, "every response has X-Trace-Id"},
	{ruleTraceRepeated, "two calls have the same X-Trace-Id only if they have a traceparent"},
}

var after = []Rule{
	{ruleHistorySettled, "a request that has left pending never returns to it, and no submission or document for it succeeds"},
	{ruleHistoryFinal, "an enabled or rejected request stays so"},
	{ruleHistoryActive, "a client has at most one pending request for a product"},
	{ruleHistoryRead, "a client is read as it was written, as long as its updated_at is the same"},
	{ruleHistoryDeleted, "a deleted client, and all that belonged to it, never appears again"},
	{ruleHistoryUpdated, "updated_at of a client or a request never decreases"},
	{ruleHistoryCreated, "created_at of a client or a request never changes"},
	{ruleHistoryUnmoved, "updated_at of a request changes with its status"},
	{ruleHistoryProduct, "a request's product never changes"},
	{ruleHistoryVanished, "a client or a request that had created_at and updated_at still has them"},

	{ruleReplay, "calls with the same Idempotency-Key get the same bytes"},
	{ruleMismatch, "a call with the Idempotency-Key of another call that has succeeded is a 422"},

	{ruleSignature, "webhook-signature has one or more entries, separated by a space: v1, and base64 of 32 bytes"},
	{ruleForged, "one of the signatures is made with one of the secrets, if they are known"},
	{ruleNotifyStatus, "a notification of product.in_kyc is about a request that is in_kyc"},
	{ruleNotifyTime, "timestamp and submitted_at of a notification are the same moment"},
	{ruleSignedBefore, "a notification is not signed before its request was submitted"},
	{ruleNotifyRepeat, "the same webhook-id has the same bytes on every attempt"},
	{ruleNotifyTwice, "all notifications about a request have the same webhook-id"},
	{ruleForgeryTaken, "a provider refuses a notification that isn't signed correctly"},
	{ruleRedirected, "a provider does not redirect: the sender does not follow"},
	{ruleRepeatRefused, "a provider accepts a notification again that it has accepted before"},

	{ruleCase, "a case of the suite gets the responses that it expects"},
	{ruleLeak, "something of another company gets the same response as something that does not exist"},
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
