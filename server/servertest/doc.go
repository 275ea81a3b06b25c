// Package servertest runs the service inside a test: the handler chain, the rules, the database, the
// queue and the signed notifications are those of enablementd, on free ports of this machine.
//
// # What it is not
//
//   - The real API. It is this project's reading of its documentation; what is an own rule of the
//     project is so here, too.
//   - PostgreSQL. The database is SQLite, in a file of the test's, and not synced to the disk: to see
//     what a crash leaves behind, kill a real enablementd.
//   - The whole program: it has no pages, no operators' listener, no metrics, no traces, no TLS.
//   - Fast in time. A clock of the test's moves what the service decides by, not what it waits for: the
//     schedule of deliveries. One server for several subtests is shared with [Server.For].
//   - A load test: there is one writer.
//
// # A test
//
// [New] starts a server and stops it with the test. Builders store what a test is about, and return
// its ids. [Server.Client] is a client that is ready to use; any other calls [Server.URL] with
// [Server.DefaultKey] or a key of [Server.Key].
//
//	s := servertest.New(t)
//	clientID, requestID := s.CompleteRequest()
//	evaluated, err := s.Client().SubmitProduct(t.Context(), clientID, requestID)
//	...
//	s.CheckStatus(requestID, api.InKyc)
//	s.CheckNotified(requestID, 1)
//
// [Server.IncompleteRequest], [Server.RejectedItemsRequest] and [Server.SettledRequest] are the other
// usual cases. All others are put together from [Server.Company], [Server.Key], [Server.ClientOf],
// [Server.Document] and [Server.Request], whose defaults a function changes:
//
//	clientID := s.ClientOf(s.DefaultCompany(), func(c *servertest.ClientRecord) { c.Email = "" })
//	requestID := s.Request(clientID, func(r *servertest.RequestRecord) { r.Product = api.RampsPix })
//
// # The provider
//
// [Server.Provider] verifies what it is sent, and can fail: [Provider.FailNext], [Provider.AnswerNext],
// [Provider.BusyNext], [Provider.Hang]. [Server.Drain] waits until every notification is delivered or
// given up; [Server.Notifications] has every attempt. [WithProviderHandler] puts a handler in front, such
// as that of package contract, which holds notifications to the specification.
//
// # Faults
//
// A call with the header [FaultHeader] has a response that a real network or a later version of the API may
// give; [Server.FaultNext] does the same to a call that can't set it. Several are separated by commas.
//
//	status=503      a documented error, and the call is not made; status=409/IDEMPOTENCY_IN_PROGRESS
//	                where a status has several
//	delay=2s        up to 15 seconds, before the call is made
//	lose            the call is made, then the connection ends without a response
//	cut=20          the call is made, then the response ends after 20 bytes of its body
//	html            the call is made, then a gateway's HTML is answered with 200
//	unknown-status  the call is made; the status in the response is none of the specification
//	added-field     the call is made; the response has fields that are not in the specification
//	zoned-times     the call is made; the times in the response have a zone
//
// The sample service, enablementd serve --sample, takes the same header. Nothing else does.
package servertest
