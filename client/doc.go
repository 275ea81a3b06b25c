// Package client calls CryptoMate's Management API: the real one, its sandbox, or a service of this module. Its
// guide, with examples, is README.md in this folder.
//
// [New] makes a [Client] of an API key, [FromEnv] of the environment; make one and share it.
//
// # Errors
//
// Every error is an [*Error]. Its Outcome says what became of the call: [NotSent], [Refused], or
// [Unknown], which is said whenever it is not certain. [errors.Is] tells the kind:
//
//	ErrInvalidInput     an argument is wrong                    NotSent
//	ErrBadRequest       400                                     Refused
//	ErrUnauthorized     401: the key, or what it may do         Refused
//	ErrNotFound         404: the client or the request          Refused
//	ErrNotPending       409: it was submitted before            Refused, or Unknown after an attempt that may have done it
//	ErrRateLimited      429, or held back here                  Refused or NotSent
//	ErrServer           5xx                                     Unknown
//	ErrRedirect         3xx                                     Unknown
//	ErrInvalidResponse  a success that is not the API's         Unknown
//
// A 409 is ErrNotPending by its status, since the API's documents do not agree on its code. Only a code
// about the Idempotency-Key makes it something else.
//
// After an attempt whose outcome is unknown the call's is Unknown, whatever a later one was answered. Then
// submit the request again, with [WithIdempotencyKey] and [Error.IdempotencyKey]: the server admits one transition
// of a request, and under the same key it answers for 24 hours what it answered first. The real API does
// not document this. Its answer is ErrNotPending: the request was submitted, by you or by somebody else.
//
// # What is repeated
//
// A call is sent at most three times, under one Idempotency-Key. See [WithRetry], [WithAttempts].
//
//	never sent: dial, DNS, TLS handshake  yes  nothing can have happened
//	certificate not valid                 no   it will not be the next time
//	connection broke                      yes  the outcome is unknown; the key and the one transition make it safe
//	an HTTP/2 server gave it back         yes  the same: net/http does not say which it was
//	attempt timeout                       yes  the same; see WithAttemptTimeout
//	408, 500, 502, 503, 504               yes  may pass; the outcome is unknown
//	520 to 530                            yes  the same, said by a proxy in front of the API
//	any other 5xx with Retry-After        yes  the server says when to come back
//	429                                   yes  nothing was done; after Retry-After, in full, or a second
//	409 IDEMPOTENCY_IN_PROGRESS           yes  the first attempt still runs; its answer comes
//	success with a body that is cut       yes  the server answers the same again
//	success with another body, other 2xx  no   something else answers
//	3xx, any other 4xx or 5xx             no   it will not pass
//	X-Should-Retry: false                 no   the server asks not to
//	the caller's context ended            no   at once, also while waiting
//
// The wait is random, up to 200 ms and doubling ("full jitter"), or the server's Retry-After in full, and
// never shorter than the rate gate's. If the deadline comes before the next attempt, the error
// comes at once, with RetryAfter in it. All calls of a client share a budget of 100 retries, which successes fill
// again. What is counted is what is sent: where net/http would send a call again by itself, it is stopped.
//
// # Rate gate
//
// The API takes 15 calls a second, and blocks who makes more for 1, 2, 4 … seconds. Clients of a process
// with the same key and base URL share a gate that lets 15 calls at a time pass, each of which
// makes room a second after its response. After a 429 nothing is sent until the block is over. A call waits if its
// deadline allows, or is ErrRateLimited and NotSent at once.
//
// # Connections
//
// Over HTTP/2, which a server with TLS usually speaks, calls share a connection. One of HTTP/1.1 is
// used for one call: net/http writes what a server sends beyond its response to the global log, and a
// server that miscounts may have repeated the key there. To this machine, that costs a fraction of a millisecond.
// GODEBUG=http2debug=2 makes net/http log every header, the key too; do not set it where logs are kept.
package client
