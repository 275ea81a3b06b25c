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
// A response is held back until it was checked. What goes wrong on the way, a panic included, becomes
// one JSON error in the form the specification documents: it carries the call's trace id, and what
// the caller must not see stays in the log under the same id. A 4xx changed nothing by itself; a 5xx
// does not say whether the call took effect, since it may not have heard of a commit.
//
// A request whose end a proxy in front might see elsewhere, such as one with a body that nobody
// asked for, is the last on its connection.
//
// An implementation responds with a documented error by returning an [*Error], for example from
// [NotFound] or [Conflict]. Any other error is a 500 whose text never reaches the caller.
// [PrincipalFrom] tells it who calls, [TraceIDFrom] under which trace id.
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
// By net/http these are plain text, 417 is empty, and none has a trace id. By HTTP/2 such a request
// has its stream reset, or the connection is closed with GOAWAY; a 431 is a page of HTML. Who is too
// slow with the headers gets no response at all. "OPTIONS *" is an empty 200, unless the server has
// DisableGeneralOptionsHandler. HTTP/2 without TLS is a 404 by HTTP/1.1, with a trace id.
//
// The program enablementd gives the five of HTTP/1 the API's form, with a trace id and a line in the
// log. Within TLS, which net/http ends itself, they stay as they are.
//
// The package knows no database and no queue.
package server
