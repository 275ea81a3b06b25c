// Package contract is a kit for contract tests. It checks clients and servers against openapi.yaml, and
// against rules that no schema can express.
//
// # Ways of use
//
// A [Contract] checks a call and returns what is wrong with it. Make one with [New], and use it
//
//   - around any HTTP client, as an [http.RoundTripper]: [Contract.Transport];
//   - around any server, as an [http.Handler]: [Contract.Handler];
//   - by hand: [Contract.CheckRequest], [Contract.CheckResponse], [Contract.Check].
//
// The same three ways exist for notifications, for their sender and for the provider who receives them:
// [Contract.NotificationTransport], [Contract.NotificationHandler] and [Contract.CheckNotification].
//
// A [Suite] makes the calls itself and knows the right responses. It has a case for every status and
// error code of every operation, and for every enumerated value ([Cases]):
//
//	func TestAPI(t *testing.T) {
//		contract.Suite(t, contract.InProcess(handler), contract.Fixtures{Key: "…"})
//	}
//
// A case does what a caller would do: it creates a client, requests a product, adds a passport, submits
// the request, and deletes the client at the end. An API key is all that it needs. [Fixtures] provide
// what the API alone can't make, such as the provider's decision. A case whose fixture is missing isn't
// run, and [Coverage] says so. If the server has only some of the operations, name them with
// [Operations].
//
// More cases are derived from the specification. They make calls that it does not allow: other methods
// for each path, also by headers that ask for another method; the API key in a wrong place; headers
// twice; and for every parameter and every field of a body, values just outside of its bounds, nearly
// matching its pattern, of other types, and missing; unknown fields and fields twice in every object.
// The server must refuse all of them, name the field, and change nothing. It must accept values just
// inside of a bound. [Seed] chooses the values. A step has a name such as
// updateClient/body/address/city/maxLength+1.
//
// The suite also makes several calls at once, with and without one Idempotency-Key: one of them must
// succeed. And it tries the key of another company, the request of another client and keys that are
// nearly right: the responses must be the same as for something that does not exist.
//
// With [At] the suite calls a server elsewhere, and runs only cases that change nothing. For a sandbox,
// [AllCases] lets it create clients. It deletes each of them, even if a case failed or the context ended.
// [Coverage].Left lists those that it could not delete.
//
// The package cassette below this one records real traffic without personal data, and checks it with this
// package.
//
// # What is checked
//
// [Rules] lists every rule in words. There are three kinds.
//
// Rules about one request or response, beyond the schemas: statuses, headers, fields, query parameters and
// bodies that are not declared; fields that stand twice, data after the value, text that is not UTF-8;
// photos that are not base64; media types; dates that do not exist; the API key anywhere but in its
// header; error codes that don't fit their status.
//
// Rules across the fields of a call. For example, a request in_kyc has nothing missing, adding a document
// does not change a request's status, the ids in a response are those of the path, and a response repeats
// what was sent. [server.Handler] uses the same rules; package spec has them.
//
// Rules across calls. A client is read as it was written, and never appears again after it was deleted. A
// request that has left pending never returns to it, and a client never has two pending requests for the
// same product. updated_at never decreases, and changes when the status does. A request's product and
// created_at never change. No two calls have the same trace id. An Idempotency-Key repeats its response
// byte for byte. The kit follows clients and requests through all responses that they appear in.
//
// For a notification: its three headers, its signature ([WithWebhookSecrets]), and that every attempt has the
// same bytes under the same webhook-id. For a provider: that it refuses a notification without a valid
// signature, and accepts again one that it accepted before.
//
// If a server differs on purpose, leave single rules out: [Without].
//
// # Findings
//
// A [Finding] has the rule, the place as a JSON pointer (after the word request if it is in the request),
// the line of openapi.yaml, what was expected, and a curl command that repeats the call. It has values only
// with [WithValues], and never the API key. [Report] fails a test with findings, [Log] writes them to
// slog, [WriteJSON] and [WriteJUnit] to a file. [OnFinding] gets each one at once.
//
// # Limits
//
//   - The kit compares with the specification that it was built with. So a new value is a finding even
//     where openapi.yaml says that new values may appear.
//   - openapi.yaml does not say which documents a product needs. So a rejected document is compared with the
//     requirements in its own response, not with a list of known kinds. The suite sends a passport
//     and a national_id for cards_individuals, with number, issuing_country and expiration_date.
//   - The provider may decide at any time after a submission. So enabled and rejected are right wherever
//     in_kyc is.
//   - Calls that overlap in time are not compared with each other, as their order is not known.
//     [Contract.CheckResponse] and [Contract.Check] assume that calls come one after the other.
//   - The kit checks the first 8 MiB of a response. It holds a request in memory, up to what its operation
//     accepts: 28 MiB with photos. A larger body is a finding and is not checked further.
//   - It keeps only a hash of a photo. So two ways to write the same photo are the same call under an
//     Idempotency-Key. A server may see that differently and answer 422.
//   - [Contract.Handler] holds responses back. Streaming and hijacking don't work behind it.
//   - The kit decodes gzip and deflate, so that compression may be on either side of it. Another
//     Content-Encoding, such as br, is a finding, and the body is not checked. Without the rule
//     response.coding, it is ignored.
//   - It doesn't look for an API key of less than 8 characters in responses.
//   - A server may refuse a body that its schema allows, such as a state that is not in the country. Outside
//     of the suite, success and refusal are both right then.
//   - A second request for a product is a finding if the first was last seen pending. If others submit
//     requests that the kit doesn't see, leave out history.active.
//   - Timestamps have whole seconds. So the kit expects updated_at to change with a status only if the server
//     has shown a moment at least two seconds later.
//   - A test double that answers every call with the same trace id breaks trace.repeated: use [Without].
//   - The time in a notification's signature is not compared with the clock.
//   - The suite sees only responses. Whether the provider is notified exactly once is for a test of the
//     server.
package contract
