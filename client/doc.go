// Package client calls CryptoMate's Management API: the real one, its sandbox, or a service of this module. Its guide, with
// examples, is README.md in this folder.
//
// [New] makes a [Client] of an API key, [FromEnv] of the environment; make one and share it. There is a method for each
// operation. [Client.Onboard] goes the whole way of a client of the company: it is created, asks for a product, is completed
// and submitted. [Client.WaitProduct] waits until a request is decided.
//
// # Errors
//
// Every error is an [*Error]. Its Outcome says what became of the call: [NotSent], [Refused], or [Unknown], which is said
// whenever it is not certain. [errors.Is] tells the kind, such as [ErrNotPending].
//
// # Unknown outcomes
//
// After an attempt whose outcome is unknown the call's is Unknown, whatever a later one was answered. There are two ways
// on. To call again is safe: PUT and DELETE by nature, a POST with [WithIdempotencyKey] and [Error.IdempotencyKey],
// under which the server answers for 24 hours what it answered first. The real API does not document such keys; its
// answer may then be ErrExists, ErrActive or ErrNotPending: it was done, by you or by somebody else.
//
// To look is the other way. [Client.Settle] reads what the call would have changed, and says whether it is so. After a
// restart, of which no error is left, [Call.Unknown] makes one.
//
// # What is repeated
//
// A call is sent at most three times, a POST under one Idempotency-Key. See [WithRetry], [WithAttempts].
//
//	never sent: dial, DNS, TLS handshake  yes  nothing can have happened
//	certificate not valid                 no   it will not be the next time
//	connection broke                      yes  the outcome is unknown; the key makes it safe, and PUT, DELETE and GET are so
//	not all of a document was sent        yes  it was not stored
//	a document may be stored              no   but with Replace: a server that knows no keys would keep the first one
//	an HTTP/2 server gave it back         yes  the same: net/http does not say which it was
//	attempt timeout                       yes  the same; see WithAttemptTimeout
//	408, 500, 502, 503, 504               yes  may pass; the outcome is unknown
//	520 to 530                            yes  the same, said by a proxy in front of the API
//	any other 5xx with Retry-After        yes  the server says when to come back
//	429                                   yes  nothing was done; after Retry-After, in full, or a second
//	409 IDEMPOTENCY_IN_PROGRESS           yes  the first attempt still runs; its answer comes
//	success with a body that is cut       yes  the server answers the same again
//	success with another body, other 2xx  no   something else answers
//	404 after a DELETE like that          no   it is what was asked for: a success
//	3xx, any other 4xx or 5xx             no   it will not pass
//	X-Should-Retry: false                 no   the server asks not to
//	the caller's context ended            no   at once, also while waiting
//
// The wait is random, up to 200 ms and doubling ("full jitter"), or the server's Retry-After in full, and never shorter
// than the rate gate's. If the deadline comes before the next attempt, the error comes at once, with RetryAfter in it. All
// calls of a client share a budget of 100 retries, which successes fill again. What is counted is what is sent: where
// net/http would send a call again by itself, it is stopped.
//
// # Rate gate
//
// The API takes 15 calls a second, and blocks who makes more for 1, 2, 4 … seconds. Clients of a process with the same key
// and base URL share a gate that lets 15 calls at a time pass, each of which makes room a second after its response. After
// a 429 nothing is sent until the block is over. A call waits if its deadline allows, or is ErrRateLimited and NotSent at
// once.
//
// # Connections
//
// Over HTTP/2, which a server with TLS usually speaks, calls share a connection. One of HTTP/1.1 is used for one call:
// net/http writes what a server sends beyond its response to the global log, and a server that miscounts may have repeated
// the key there. To this machine, that costs a fraction of a millisecond. GODEBUG=http2debug=2 makes net/http log every
// header, the key too; do not set it where logs are kept.
package client
