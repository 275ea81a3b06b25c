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
// A [Suite] goes further. It has a case for every status and error code of every operation, and for every
// enumerated value ([Cases]), makes the calls itself and knows the responses:
//
//	func TestAPI(t *testing.T) {
//		contract.Suite(t, contract.InProcess(handler), contract.Fixtures{Key: "…"})
//	}
//
// A case goes the way of a client: it creates one, requests a product, adds a passport, submits the request, and
// deletes the client when it is over. To be asked, a server needs no more than a key. [Fixtures] tell what the API
// alone can't make, such as the provider's decision. A case without its fixture isn't run, and [Coverage] says so.
// Of a server that has a part of the operations ask for these: [Operations].
//
// Other cases are derived from the specification, turned around: each method that a path does not have, and the headers that
// ask for one; the key wherever it doesn't belong; headers twice; every parameter and every field of a body one outside of each
// of its bounds, next to its pattern, of other types, and left out; unknown fields and fields twice in every object. All of
// that is refused, with the name of the field, and changes nothing. What is just inside of a bound is taken. [Seed] chooses
// the values; a step has a name such as updateClient/body/address/city/maxLength+1.
//
// Calls are made several at once, with one Idempotency-Key and with none, and one of them is granted. With the key of another
// company, the request of another client or a key that is nearly right, what is there looks like what isn't.
//
// With [At] the suite asks a server somewhere, and runs only cases that change nothing. In a sandbox, [AllCases] lets
// it create clients. It deletes every one of them, also where a case failed or the context ended, and
// [Coverage].Left has those that it could not delete.
//
// Package cassette beside this one records real traffic without personal data, and has it checked here.
//
// # What is checked
//
// [Rules] lists everything, in words. Beyond the schemas: statuses, headers, fields, query parameters
// and bodies that aren't declared; keys that stand twice, data after the value, text that isn't UTF-8;
// photos that aren't base64; media types; days that never were; the API key where it doesn't belong;
// error codes that don't fit their status. Then what holds across fields, such as that in_kyc has nothing
// missing, that a document moves no request and that ids echo the path, which package spec has for
// server.Handler too. What is sent has to come back as it was sent.
// And across calls: a client is read as it was written, and gone for good once it was deleted; a request
// that left pending never is again, and a second one for the same product is none; updated_at never goes
// back, and moves with a status; a product and a created_at never change; no two calls have one trace id; an
// Idempotency-Key repeats its response to the byte. Clients and products are followed in whatever
// response they stand. Of a notification: its three headers, its signature [WithWebhookSecrets], and that
// every attempt has the same bytes under the same webhook-id; of a provider, that it takes nothing
// unsigned, and takes again what it took before.
//
// A server that differs on purpose is held to all but that: [Without].
//
// # Findings
//
// A [Finding] has the rule, the place as a JSON pointer (behind the word request, where it is in what was
// sent), the line of openapi.yaml, what was expected, and a line of curl to repeat the call. Values are
// shown only [WithValues], the API key never. [Report] gives findings to a test, [Log] to slog, [WriteJSON]
// and [WriteJUnit] to a file. [OnFinding] hears of each at once.
//
// # Limits
//
//   - Values that openapi.yaml announces with "New values may appear" are findings all the same: the kit
//     compares with the specification that it was built with.
//   - Which documents a product asks for is not described. A rejected document is held against the
//     requirements in its own response, not against a list of known kinds. The suite sends a passport and a
//     national_id for cards_individuals, with number, issuing_country and expiration_date.
//   - The provider may decide at any time after a submission: where in_kyc is read later, enabled and rejected are
//     fine too.
//   - What overlaps in time is held against nothing, as its order isn't known. [Contract.CheckResponse] and
//     [Contract.Check] take calls to come one after the other.
//   - Of a response the first 8 MiB are looked at. A request is held in memory before it goes on, as much of it as
//     its operation takes: 28 MiB with photos. A larger one is a finding, and nothing else is said of its body.
//   - Of a photo only a hash is kept: under an Idempotency-Key it is the same call in whatever way it is written. A
//     server may see that otherwise and answer 422.
//   - [Contract.Handler] holds responses back, so that streaming and hijacking don't work behind it.
//   - Bodies are looked at without their Content-Encoding, so that compression may be on either side of
//     the kit. Another coding than gzip and deflate, such as br, is a finding of its own, and nothing else
//     is said of that body. [Without] response.coding, it is passed over.
//   - A key shorter than 8 characters isn't looked for in responses.
//   - Whether a body that its schema allows is taken is the server's to say, such as a state that is none of the
//     country's: success and refusal are both fine then, outside of the suite.
//   - A second request for a product is wrong as long as the first was last seen pending. Who has others submit
//     requests, and sees only the rest, leaves out history.active.
//   - That updated_at moves with a status is seen only where the server told of a later moment before, by two seconds at
//     least: moments are told to the second.
//   - A double that answers every call with one trace id is wrong by trace.repeated: [Without].
//   - The time at which a notification is signed is not compared with the clock.
//   - The suite can't see what a server did, only what it answered: whether the provider is notified
//     once is for a test of the server.
package contract
