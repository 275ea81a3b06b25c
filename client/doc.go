// Package client calls CryptoMate's Management API: the real one, its sandbox, or a service of this module.
// README.md in this folder is a guide with examples.
//
// [New] makes a [Client] with an API key, and [FromEnv] with the key in the environment. Make one and share it.
//
// The way of an individual client to a product:
//
//	CreateClient, Client, Clients, UpdateClient, DeleteClient
//	RequestProduct, Products, CompleteDocumentation, SubmitProduct
//	Onboard       does all of these steps, and goes on after an interruption
//	Settle        finds out what became of a call with an unknown outcome
//	WaitProduct   waits until the provider has decided on a request
//
// # Errors
//
// Every error is an [*Error]. Its Outcome says what became of the call: [NotSent], [Refused], or [Unknown] if this is
// not certain. [errors.Is] tells the kind, such as [ErrNotPending].
//
// # Unknown outcomes
//
// If the outcome of one attempt is unknown, so is that of the call, whatever the response to a later attempt. There are
// two ways to go on.
//
// One is to call again. A PUT and a DELETE can be repeated as they are, a POST with [WithIdempotencyKey] and
// [Error.IdempotencyKey]: for 24 hours, the server then repeats its first response. The real API does not document such
// keys. If it ignores them, the error of the second call may be ErrExists, ErrActive or ErrNotPending: somebody has done
// it, you or another caller.
//
// The other way is [Client.Settle]. It reads what the call would have changed. If no error is left, as after a restart,
// [Call.Unknown] makes one.
//
// # What is repeated
//
// A call is sent at most three times. All attempts of a POST have the same Idempotency-Key. See [WithRetry] and
// [WithAttempts].
//
//	not connected: dial, DNS, TLS         yes  nothing can have happened
//	certificate not valid                 no   it would fail again
//	connection broke                      yes  the outcome is unknown, but the key makes it safe; so are PUT, DELETE and GET
//	part of a document was sent           yes  the document was not stored
//	a document may have been stored       no   unless it has Replace: a server without keys would keep the first one
//	an HTTP/2 server refused the stream   yes  as if the connection broke: net/http does not tell them apart
//	attempt timeout                       yes  as if the connection broke; see WithAttemptTimeout
//	408, 500, 502, 503, 504               yes  it may pass; the outcome is unknown
//	520 to 530                            yes  the same, from a proxy in front of the API
//	any other 5xx with Retry-After        yes  the server says when to come back
//	429                                   yes  nothing was done; after Retry-After, or after a second
//	417                                   yes  without Expect: the document is sent without asking first
//	409 IDEMPOTENCY_IN_PROGRESS           yes  the first attempt is still running
//	success with an incomplete body       yes  the server repeats its response
//	success with another body, other 2xx  no   it is not the API that responds
//	404 to DELETE after an Unknown one    no   it is a success: the client is gone
//	3xx, any other 4xx or 5xx             no   it would be the same again
//	X-Should-Retry: false                 no   the server asks not to
//	the caller's context ended            no   at once, also while waiting
//
// The client waits for a random time before it repeats a call: up to 200 ms, and twice as long each time ("full jitter").
// It always waits for the server's Retry-After and for the rate gate. If the deadline comes before the next attempt, the
// error comes at once, and its RetryAfter says how long to wait. All calls of a client share a budget of 100 retries;
// successes refill it. Every sending is counted: net/http is stopped from repeating a call by itself.
//
// # Rate gate
//
// The API takes 15 calls a second. If there are more, it blocks the caller for 1, 2, 4 … seconds. So all clients of a
// process with the same key and base URL share a gate. It lets 15 calls pass; each of them makes room for another one a
// second after its response. After a 429, nothing is sent until the block is over. A call waits at the gate if its
// deadline allows that. Otherwise it fails at once with ErrRateLimited and NotSent.
//
// # Connections
//
// With HTTP/2, which servers with TLS usually speak, calls share a connection. One that was lost without a word is noticed
// after 20 seconds, unless you set a transport of your own. With HTTP/1.1, every call has a new one:
// on a kept connection, net/http writes what a server sends after its response to the global log, and that may contain the
// key. On this machine, a new connection costs a fraction of a millisecond. GODEBUG=http2debug=2 makes net/http log every
// header, also the key: do not set it where logs are kept.
package client
