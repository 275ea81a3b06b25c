// Package notification is the provider's side of a submission: it takes the signed notifications that
// tell that a request entered KYC.
//
// [New] makes a [Verifier] of the secret that was agreed on. [Verifier.Handler] is the endpoint:
// it answers 2xx only to a genuine notification that was handled. [Verifier.Verify] is for those who
// have the header and the body already.
//
// # What is checked
//
//   - The signature, as Standard Webhooks (https://www.standardwebhooks.com) describes it, in constant
//     time, over the id, the time and the exact bytes of the body. While a secret is being changed,
//     give both: a notification that either of them signed is genuine.
//   - The age: not more than 5 minutes old, nor from more than 5 minutes ahead ([WithTolerance]). Every
//     delivery is signed anew, so a late one is not too old.
//   - The size: at most 64 KiB.
//   - The form: an id, a type and the request's ids. Names match exactly, and no field may stand twice. Fields
//     and enum values that are not known are fine.
//
// # At least once, and how that becomes once
//
// The same notification can come again, with the same id: because an answer was lost, or because the
// sender was killed after it. Nothing is lost in exchange: what was not answered with a 2xx comes
// again, for about three days. So the handler must not act twice, and must not call a notification
// done before it is. A [Seen] does both: it remembers an id only once the handler returned without an
// error. In case of an error, or a crash, nothing is remembered and the next delivery is handled.
//
//   - By default the program remembers, up to 100,000 ids for 5 days, while it runs.
//   - [NewDatabase] remembers in a table of your database, SQLite or PostgreSQL. The handler runs within
//     the transaction that records the id: what it writes through [Tx] commits together with the record,
//     or not at all. That is once, also over crashes and with several processes.
package notification
