// Package server serves any implementation of the generated [api.StrictServerInterface], or of some
// of its methods, over HTTP. The implementation decides what a call means; [Handler] puts around it
// what every call needs, and takes the rules from the embedded openapi.yaml, so that code and
// specification can't drift apart.
//
//	request
//	   │
//	   ▼
//	recover ─ trace id ─ log line ─ observers        every call
//	client's address                                 the peer's, or by WithTrustedProxies
//	limit by address ──── 429 + Retry-After          if WithRateLimit
//	   │
//	   ▼
//	net/http mux ──────── 404, 405 + Allow           the routes of what is implemented
//	   │
//	   ▼
//	body cap ──────────── 413                        per operation
//	authenticate ──────── 401, 503                   your Authenticator; security and
//	   │                                             x-access-level of the specification
//	limit by company ──── 429 + Retry-After          if WithRateLimit
//	photos ────────────── 503 + Retry-After          few bodies with photos at a time, WithUploads
//	validate request ──── 400, 413                   path, query, headers, body
//	repeated ──────────── its first response,        if WithIdempotency
//	   │                  409, 422
//	   ▼
//	your implementation ─ *Error, any other error    through the generated strict handler;
//	   │                                             its context ends by WithTimeout
//	   ▼
//	validate response ─── 500                        status, headers, body; what contradicts
//	   │                                             itself or the call
//	   ▼
//	bytes leave
//
// The response is checked before any of it is sent. Every failure on the way, a panic included, becomes
// one JSON error in the documented form. It carries the call's trace id. What the caller must not see is
// in the log under the same id. After a 4xx, nothing has changed. After a 5xx, it is not known whether
// the call took effect: a commit may have succeeded although its answer was lost.
//
// The connection is closed after a request whose end a proxy might see at another place, such as one
// with a body that the operation doesn't take.
//
// An implementation returns an [*Error] to respond with a documented error, for example one from
// [NotFound] or [Conflict]. Any other error becomes a 500, and its text never reaches the caller.
// [PrincipalFrom] tells the implementation who calls, and [TraceIDFrom] the trace id.
//
// # What net/http answers by itself
//
// Some requests never reach a handler: net/http answers them and closes the connection.
//
//	400   a request line, an escape or a header that can't be read; no Host, two or a malformed one;
//	      two lengths; HTTP on a port of HTTPS
//	417   Expect with anything but 100-continue
//	431   line and headers of more than MaxHeaderBytes and 4 KiB
//	501   Transfer-Encoding with anything but chunked
//	505   a version of HTTP that it doesn't speak
//
// Over HTTP/1, these responses are plain text without a trace id; the 417 is empty. Over HTTP/2, net/http
// resets the stream or closes the connection with GOAWAY, and a 431 is a page of HTML. A caller who is
// too slow with the headers gets no response. "OPTIONS *" is an empty 200, unless the server has
// DisableGeneralOptionsHandler. HTTP/2 without TLS gets a 404 over HTTP/1.1, with a trace id.
//
// The program enablementd gives these five responses the API's form, with a trace id and a line in the
// log. It can't do so where net/http itself terminates TLS.
//
// The package uses no database and no queue.
package server
