// Package enablement is the domain: what a request needs, what becomes of one that is submitted, and what this
// requires of storage. It uses no HTTP, no SQL and no queue.
//
// [Evaluate] compares the requirements of a request with what is stored of the client. Each write has a decision, such
// as [Submit] or [CreateClient]. A decision turns a [File] into a [Change] and has no side effects. A [Store] calls it
// within a transaction.
package enablement
