// Package servertest runs the service inside a test, on free ports of this machine. The handler chain, the rules,
// the database, the queue and the signed notifications are those of enablementd.
//
// # What it is not
//
//   - It is not the real API, but this project's reading of the API's documentation. It has this project's own
//     rules, too.
//   - It does not use PostgreSQL. The database is an SQLite file of the test, which is not synced to the disk. To see
//     what a crash leaves behind, kill a real enablementd.
//   - It is not the whole program: it has no pages, no operators' listener, no metrics, no traces and no TLS.
//   - It does not skip waiting. With [WithClock], the service decides by the test's clock, but deliveries still wait
//     by real time. Several subtests can share one server with [Server.For].
//   - It is not made for load tests: SQLite has one writer.
//
// # A test
//
// [New] starts a server, and stops it at the end of the test. Builders store what a test needs and return ids.
// [Server.Client] returns a client that is ready to use. Any other client calls [Server.URL] with
// [Server.DefaultKey] or a key from [Server.Key].
//
//	s := servertest.New(t)
//	clientID, requestID := s.CompleteRequest()
//	evaluated, err := s.Client().SubmitProduct(t.Context(), clientID, requestID)
//	...
//	s.CheckStatus(requestID, api.InKyc)
//	s.CheckNotified(requestID, 1)
//
// [Server.IncompleteRequest], [Server.RejectedItemsRequest] and [Server.SettledRequest] make the other usual cases.
// For the rest, combine [Server.Company], [Server.Key], [Server.ClientOf], [Server.Document] and [Server.Request].
// A function changes their defaults:
//
//	clientID := s.ClientOf(s.DefaultCompany(), func(c *servertest.ClientRecord) { c.Email = "" })
//	requestID := s.Request(clientID, func(r *servertest.RequestRecord) { r.Product = api.RampsPix })
//
// # The provider
//
// [Server.Provider] verifies the notifications. It can fail on demand: [Provider.FailNext], [Provider.AnswerNext],
// [Provider.BusyNext], [Provider.Hang]. [Server.Drain] waits until every notification is delivered or given up.
// [Server.Notifications] lists all attempts. [WithProviderHandler] puts a handler in front of the provider, such as
// the one of package contract that checks notifications against the specification.
//
// # Faults
//
// The header [FaultHeader] asks for a response that a real network, or a later version of the API, may give. If a
// caller can't set the header, use [Server.FaultNext]. Separate several faults by commas.
//
//	status=503      a documented error, and the call is not made; status=409/IDEMPOTENCY_IN_PROGRESS
//	                if a status has several codes
//	delay=2s        up to 15 seconds, before the call is made
//	lose            the call is made, then the connection ends without a response
//	cut=20          the call is made, then the response ends after 20 bytes of its body
//	html            the call is made, then the response is a gateway's HTML with status 200
//	unknown-status  the call is made; the response has a product status that is not in the specification
//	added-field     the call is made; the response has fields that are not in the specification
//	zoned-times     the call is made; the times in the response have a zone
//
// The sample service, enablementd serve --sample, accepts the same header. Nothing else does.
package servertest
