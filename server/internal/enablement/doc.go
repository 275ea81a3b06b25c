// Package enablement is the domain: what a request needs, how a submission is decided, and what
// the decision asks of storage. It knows no HTTP, no SQL and no queue.
//
// [Evaluate] holds a request's requirements against what is stored of the client. [Decide] turns
// the evaluation into what happens to the request. [Service] runs both inside a [Store]'s
// transaction.
package enablement
