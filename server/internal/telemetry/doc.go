// Package telemetry tells operators how the service is doing: [Metrics] for Prometheus, and [Tracing] for an
// OpenTelemetry collector.
//
// Both are told what has happened: calls by [server.WithObserver], submissions by package httpapi, and attempts to
// deliver by the queue. Neither has global state or reads the environment. Keys, names, document content and values
// that a caller chose appear in neither. Ids appear in traces, after they were found in the database. Labels of metrics
// come from closed sets, so no caller can create a series.
package telemetry
