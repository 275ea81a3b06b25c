// Package rivals puts the service's handler beside what others serve the same openapi.yaml with:
// ogen's generated server, and oapi-codegen's strict server behind the stock nethttp-middleware.
//
// All three authenticate by the same authenticator from a warm key, ask for the same access level,
// and encode the same response anew for each call. Beyond that each does what it does: ours also
// recovers panics, writes a log line, counts and times the call, and limits rates.
//
// ogen takes openapi.yaml as it is, with its default features but for its client, whose name is that of a schema.
// What it generates is not committed.
//
// The rival of the whole service is the command week.
package rivals

//go:generate go tool ogen --config ogen.yml --target oas --package oas --clean ../../../../../openapi.yaml
