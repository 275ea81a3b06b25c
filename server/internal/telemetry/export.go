package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// reportEvery bounds how often a collector that doesn't answer is logged.
const reportEvery = time.Minute

// exporter stands before the real one. It logs what the SDK would give to a global handler, and
// takes out what the SDK adds to our resource from the environment.
type exporter struct {
	sdktrace.SpanExporter
	self    *resource.Resource
	secrets *strings.Replacer
	logger  *slog.Logger

	mutex    sync.Mutex
	reported time.Time
	lost     int    // spans since then
	fault    string // the last one
}

func newExporter(next sdktrace.SpanExporter, self *resource.Resource, endpoint *url.URL, config TracingConfig) *exporter {
	// A path can carry a token.
	pairs := []string{endpoint.JoinPath("v1", "traces").String(), endpoint.Scheme + "://" + endpoint.Host}
	for _, value := range config.Headers {
		if value != "" {
			pairs = append(pairs, value, "[redacted]")
		}
	}
	return &exporter{SpanExporter: next, self: self, secrets: strings.NewReplacer(pairs...), logger: config.Logger}
}

// ExportSpans implements [sdktrace.SpanExporter].
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	own := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, span := range spans {
		own[i] = ownSpan{span, e.self}
	}
	if err := e.SpanExporter.ExportSpans(ctx, own); err != nil {
		e.report(err, len(spans))
	}
	return nil // it is reported
}

type ownSpan struct {
	sdktrace.ReadOnlySpan
	self *resource.Resource
}

// Resource implements [sdktrace.ReadOnlySpan].
func (s ownSpan) Resource() *resource.Resource { return s.self }

func (e *exporter) report(err error, spans int) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	const longest = 300 // part of the text is the collector's
	text := e.secrets.Replace(err.Error())
	e.lost, e.fault = e.lost+spans, text[:min(len(text), longest)]
	if time.Since(e.reported) >= reportEvery {
		e.log()
	}
}

func (e *exporter) log() {
	e.logger.Warn("traces could not be sent", "spans", e.lost, "err", e.fault)
	e.reported, e.lost = time.Now(), 0
}

// Shutdown implements [sdktrace.SpanExporter].
func (e *exporter) Shutdown(ctx context.Context) error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.lost > 0 {
		e.log()
	}
	return e.SpanExporter.Shutdown(ctx)
}

// CheckHeaders refuses what no request could be made with. The values stay out of the error.
func CheckHeaders(headers map[string]string) error {
	for name, value := range headers {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) }) {
			return errors.New("one has a name that HTTP doesn't allow")
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return errors.New("the value of " + name + " has control characters")
		}
	}
	return nil
}
