// Package notification is for the provider. It receives the signed notifications, which say that a request
// has entered KYC.
//
// [New] makes a [Verifier] with the secret that you share with the sender. [Verifier.Handler] is the
// endpoint: it responds with 204 only if the notification is genuine and was handled. [Verifier.Verify] is
// for code that already has the header and the body.
//
// # What is checked
//
//   - The signature, as Standard Webhooks (https://www.standardwebhooks.com) describes it, in constant
//     time, over the id, the time and the exact bytes of the body. While a secret is being replaced, give
//     both: a signature by either one is enough.
//   - The age: not more than 5 minutes old, nor from more than 5 minutes ahead ([WithTolerance]). Every
//     delivery is signed anew, so a late one is not too old.
//   - The size: at most 64 KiB.
//   - The form: an id, a type and the request's ids. Names match exactly, and no field may be there twice.
//     Unknown fields and enum values are accepted.
//
// # At least once, and how to handle it once
//
// The same notification can come again, with the same id: because a response was lost, or because the sender
// was killed after it. In return, nothing is lost: a notification without a 2xx comes again, for about three
// days. So the handler must not act twice, and the response must not be a 2xx before the handler is done.
// [Seen] takes care of both: it remembers an id only when the handler has returned nil. After an error or a
// crash, nothing is remembered, and the next delivery is handled.
//
//   - By default, the program remembers up to 100,000 ids for 5 days, while it runs.
//   - [NewDatabase] remembers in a table of your database, SQLite or PostgreSQL. The handler runs in the
//     transaction that records the id. What it writes through [Tx] is committed together with the record, or
//     not at all. So each notification is handled once, also after crashes and with several processes.
package notification
