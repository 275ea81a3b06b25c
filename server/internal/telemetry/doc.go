// Package telemetry tells operators how the service does: [Metrics] for Prometheus, [Tracing] for
// an OpenTelemetry collector.
//
// Both are told what happened: calls by [server.WithObserver], submissions by package httpapi, attempts to
// deliver by the queue. Neither has global state, and neither reads the
// environment. Keys, names, document content, and what a caller chose to put into a request
// appear in neither; ids do in traces, once they were found in the database. Labels of metrics are
// from closed sets, so that no caller can make a series.
package telemetry
