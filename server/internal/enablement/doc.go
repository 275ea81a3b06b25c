// Package enablement is the domain: what a request needs, what becomes of one that is submitted, and
// what that asks of storage. It knows no HTTP, no SQL and no queue.
//
// [Evaluate] holds a request's requirements against what is stored of the client. Each write has a decision, such
// as [Submit] or [CreateClient]: it turns a [File] into a [Change], and has no side effects. A [Store] has it do so
// inside of a transaction.
package enablement
