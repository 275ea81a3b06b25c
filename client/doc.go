// Package client submits product enablement requests to CryptoMate's Management API: to the real one,
// its sandbox, or a service of this module.
//
// # A call
//
// [New] makes a [Client] of an API key, [FromEnv] of the environment; make one and share it.
// [Client.SubmitProduct] submits a request:
//
//	c, err := client.FromEnv() // CRYPTOMATE_API_KEY, and CRYPTOMATE_BASE_URL if it is not production
//	...
//	submission, err := c.SubmitProduct(ctx, clientID, productRequestID)
//	var failed *client.Error
//	switch {
//	case err == nil && submission.Complete(): // it is with the provider
//	case err == nil && submission.Product.Status.Pending(): // ask the client for submission.Missing()
//	case err == nil: // enabled, rejected, or a status that this version does not know
//	case errors.Is(err, client.ErrNotPending): // list the client's products to see its status
//	case errors.As(err, &failed) && failed.Outcome == client.Unknown: // submit it again, later
//	default: // it was not submitted: errors.Is tells why
//	}
//
// Either the submission or the error is nil, never both. What the reply holds that this version does
// not know is in the raw JSON: see [WithReply].
//
// # Errors
//
// Every error is an [*Error]. Its Outcome says what became of the request: [NotSent], [Refused], or
// [Unknown], which is said whenever it is not certain. Its Attempts say what was tried, when, and what
// came of it. [errors.Is] tells the kind:
//
//	ErrInvalidInput     an argument is wrong                    NotSent
//	ErrBadRequest       400                                     Refused
//	ErrUnauthorized     401: the key, or what it may do         Refused
//	ErrNotFound         404: the client or the request          Refused
//	ErrNotPending       409: it was submitted before            Refused, or Unknown after an attempt that may have done it
//	ErrRateLimited      429, or held back here                  Refused or NotSent
//	ErrServer           5xx                                     Unknown
//	ErrRedirect         3xx, or a transport that follows one    Unknown
//	ErrInvalidResponse  a 200 that is not the API's, other 2xx  Unknown
//
// A 409 is ErrNotPending by its status, since the API's documents do not agree on its code. Only a code
// about the Idempotency-Key makes it something else.
//
// After an attempt whose outcome is unknown the call's is Unknown, whatever a later one was answered. What
// to do then: submit the request again. The server admits one transition of a request, and under the
// same idempotency key ([Error.IdempotencyKey], [WithIdempotencyKey]) it answers for 24 hours what it
// answered first. The real API does not document this for the operation. There, the answer is
// [ErrNotPending]: the request was submitted, by you or by somebody else. That is Unknown, too, since a call
// under a named key may be such a repeat; list the client's products to see the request's status.
//
// # What is retried, and why
//
// A call is sent at most three times, under one Idempotency-Key. See [WithRetry], [WithAttempts].
//
//	never sent: dial, DNS, TLS handshake  yes  nothing can have happened
//	certificate not valid                 no   it will not be the next time
//	connection broke, before or after     yes  the outcome is unknown; the key and the one
//	the request was written, or within         transition make it safe
//	the reply
//	an HTTP/2 server gave it back: GOAWAY  yes  the same: net/http does not say which it was
//	    or RST_STREAM, REFUSED_STREAM too
//	attempt timeout                       yes  the same; see WithAttemptTimeout
//	408, 500, 502, 503, 504               yes  may pass; the outcome is unknown
//	520 to 530                            yes  the same, said by a proxy in front of the API
//	any other 5xx with Retry-After        yes  the server says when to come back
//	429                                   yes  nothing was done; after Retry-After, in full, or a second
//	409 IDEMPOTENCY_IN_PROGRESS           yes  the first try still runs; its answer comes
//	200 with a body that is cut           yes  the server answers the same again
//	200 with another body, other 2xx      no   something else answers
//	3xx                                   no   the base URL is wrong, or the API warns
//	any other 409, any other 4xx          no   the answer is final
//	any other 5xx: 501, 505, 507, 599 …   no   it will not pass
//	X-Should-Retry: false on any reply    no   the server asks not to
//	the caller's context ended            no   at once, also while waiting
//
// The wait is random, up to 200 ms and doubling ("full jitter"), or the server's Retry-After in full, and
// never shorter than the rate gate's: what [Attempt.Wait] and the log say is what happens. Retry-After may
// be in seconds, also with a fraction, or a date. If the deadline comes before the next try, the error
// comes at once, with RetryAfter in it. The deadline is the context's, [WithTimeout]'s, or else two minutes ([RetryPolicy]). All calls of a client share a
// budget of 100 retries, which successes fill again, so that a server that is down is not hit
// three times as hard. [RetryPolicy.OnlyKnown] repeats nothing whose outcome is unknown.
//
// What is counted is what is sent. net/http resends a POST by itself, with an Idempotency-Key on a kept
// connection that broke, and without a body whenever an HTTP/2 server gives it back. Here it is stopped
// before that, and the table above decides. Only where nothing at all was written, on a kept connection
// that turned out to be dead, another one is taken within the attempt.
//
// # Rate gate
//
// The API takes 15 calls a second, and blocks who makes more for 1, 2, 4 … seconds. Clients of a process
// with the same key and base URL share a gate that lets 15 calls at a time pass, each of which
// makes room a second after its reply: no second of the server's ever sees more. After a 429 nothing is
// sent until the block is over. A call waits if its deadline allows, or is [ErrRateLimited] and
// [NotSent] at once. Other processes and machines are not known to it: see [WithRateLimit],
// [WithoutRateGate].
//
// # What the client does not trust
//
//   - Ids go into the path, so one that is not of the API's form is refused before anything is sent.
//   - Redirects are never followed: Go would hand the x-api-key header to another host. The error says
//     which host it was. A transport of the caller's that follows them is found out; see [WithHTTPClient].
//   - A response is read up to a limit, and a success must be one JSON document about the request that was
//     submitted, with a status. Names match exactly, and no field may stand twice.
//   - A list that is missing is not an empty one, and a moment that is missing is none: the list is nil, the
//     [api.Timestamp] zero. See [api.Submission.MissingTold].
//   - The API key is not part of any text, dump, JSON, log, trace or metric that the package makes, also
//     where a server or a transport repeats it in an error. Nor does net/http log it: see below.
//   - The texts of errors are one line of visible characters: no control, direction or zero-width ones.
//
// What it does not mind: fields and enum values it does not know, and timestamps with or without a
// zone. And a success is not thrown away for a detail, such as a timestamp of another form, a field of another
// type or another media type: what can be read is, and [Reply.Oddities] names the rest.
// [WithStrictResponses] makes an error of it.
//
// # Connections
//
// Over HTTP/2, which a server with TLS usually speaks, calls share a connection. One of HTTP/1.1 is kept
// only if it is one of the default transport to an address of this machine, without TLS. Any other one is
// used for one call: net/http writes what a server sends beyond its response to the global log, and a
// server that miscounts may have repeated the key there. GODEBUG=http2debug=2 makes net/http log every
// header, the key too; do not set it where logs are kept.
//
// # Around it
//
// Package notification, below this one, is for those who are notified. Command enablement, below cmd,
// submits from a shell. Logs, traces and metrics are off until [WithLogger], [WithTracerProvider] and
// [WithMeterProvider] turn them on.
package client
