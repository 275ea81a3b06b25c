// Package contract is a kit for contract tests: it holds clients and servers to openapi.yaml, and to
// what no schema can say.
//
// # Ways of use
//
// A [Contract] looks at a call and says what is wrong with it. Make one with [New], and use it
//
//   - around any HTTP client, as an [http.RoundTripper]: [Contract.Transport];
//   - around any server, as an [http.Handler]: [Contract.Handler];
//   - by hand: [Contract.CheckRequest], [Contract.CheckResponse], [Contract.Check].
//
// The same three ways are there for the notifications to the provider, both for who sends them and for
// who takes them: [Contract.NotificationTransport], [Contract.NotificationHandler] and
// [Contract.CheckNotification].
//
// A [Suite] goes further. It has a case for every status, error code and enumerated value of the
// description ([Cases]), makes the calls itself and knows the answers:
//
//	func TestAPI(t *testing.T) {
//		contract.Suite(t, contract.InProcess(handler), contract.Fixtures{Key: "…", Complete: …})
//	}
//
// [Fixtures] tell it what the server has. A case without its fixture isn't run, and [Coverage] says so.
// With [At] it asks a server somewhere, and runs only cases that change nothing.
//
// # What is checked
//
// [Rules] lists everything, in words. Beyond the schemas: statuses, headers, fields, query parameters
// and bodies that aren't declared; keys that stand twice, data after the value, text that isn't UTF-8;
// media types; days that never were; the API key where it doesn't belong; error codes that don't fit
// their status. Then what holds across fields, such as that in_kyc has nothing missing and that ids echo
// the path, which package spec has for server.Handler too; and across calls: that a request which left pending stays there, that updated_at never goes
// back, and that an Idempotency-Key repeats its answer to the byte. Of a notification: its three headers,
// its signature [WithWebhookSecrets], and that every attempt has the same bytes under the same webhook-id;
// of a provider, that it takes nothing unsigned, and takes again what it took before.
//
// A server that differs on purpose is held to all but that: [Without].
//
// # Findings
//
// A [Finding] has the rule, the place as a JSON pointer, the line of openapi.yaml, what was expected, and
// a line of curl to repeat the call. Values are shown only [WithValues], the API key never. [Report] gives
// findings to a test, [Log] to slog, [WriteJSON] and [WriteJUnit] to a file. [OnFinding] hears of each at
// once.
//
// # Limits
//
//   - Values that openapi.yaml announces with "New values may appear" are findings all the same: the kit
//     compares with the specification that it was built with.
//   - Which documents a product asks for is not described. A rejected document is held against the
//     requirements in its own response, not against a list of known kinds.
//   - What overlaps in time is held against nothing, as its order isn't known. [Contract.CheckResponse] and
//     [Contract.Check] take calls to come one after the other.
//   - Of a response the first 8 MiB are looked at. [Contract.Handler] holds responses back, so that streaming
//     and hijacking don't work behind it.
//   - Bodies are looked at without their Content-Encoding, so that compression may be on either side of
//     the kit. Another coding than gzip and deflate, such as br, is a finding of its own, and nothing else
//     is said of that body. [Without] response.coding, it is passed over.
//   - A key shorter than 8 characters isn't looked for in responses.
//   - Bodies of requests to the API are not checked, as no operation has one.
//   - The time at which a notification is signed is not compared with the clock.
//   - The suite can't see what a server did, only what it answered: whether the provider is notified
//     once is for a test of the server.
package contract
