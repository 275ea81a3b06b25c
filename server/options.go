package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/wire"
)

// defaultMaxBody is far above what any operation takes beside photos.
const defaultMaxBody = 64 << 10

// Option adjusts a [Handler].
type Option func(*settings) error

type settings struct {
	authenticator  Authenticator
	logger         *slog.Logger
	maxBody        int64
	checkResponses bool
	observers      []func(context.Context, Call)
	limits         *limits
	idempotency    IdempotencyStore // nil: responses are not kept
	proxies        wire.Proxies
	uploads        *uploads
	timeout        time.Duration // 0: no limit
}

func settingsFrom(opts []Option) (settings, error) {
	s := settings{logger: slog.Default(), maxBody: defaultMaxBody, checkResponses: true, uploads: newUploads(defaultCompanyUploads, defaultUploads)}
	for i, opt := range opts {
		if opt == nil {
			return settings{}, fmt.Errorf("option %d of %d is nil", i+1, len(opts))
		}
		if err := opt(&s); err != nil {
			return settings{}, err
		}
	}
	if s.authenticator == nil {
		return settings{}, errors.New("no authenticator: WithAuthenticator is required")
	}
	return s, nil
}

// declared returns an error if the specification lacks a response that an option makes.
func (s *settings) declared(op *operation) error {
	if s.limits != nil && !op.declares(http.StatusTooManyRequests) {
		return fmt.Errorf("WithRateLimit: %s declares no response %d", op.id, http.StatusTooManyRequests)
	}
	for _, refusal := range [...]*Error{ErrIdempotencyMismatch, ErrIdempotencyInProgress} {
		if s.idempotency != nil && op.keyed() && !op.declares(refusal.Status) {
			return fmt.Errorf("WithIdempotency: %s declares no response %d", op.id, refusal.Status)
		}
	}
	return nil
}

// WithAuthenticator sets what decides on API keys. It is required: without it, [Handler] returns an
// error.
func WithAuthenticator(a Authenticator) Option {
	return func(s *settings) error {
		if isNil(a) {
			return errors.New("WithAuthenticator: the authenticator is nil")
		}
		s.authenticator = a
		return nil
	}
}

// WithLogger sets where calls are logged. The default is what [slog.Default] returns when the handler is
// made. Every call is one line at Info, without path, key, header or body. What the caller isn't told
// is another line with the same trace_id: at Error for a 5xx, at Warn for the cause of a refusal.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) error {
		if l == nil {
			return errors.New("WithLogger: the logger is nil")
		}
		s.logger = l
		return nil
	}
}

// WithResponseValidation turns the check of the implementation's responses against the specification
// on or off; it is on by default. A response that fails the check becomes a 500, and the log says why.
// What the implementation did is not undone. A missing response is a 500 even without the check.
func WithResponseValidation(on bool) Option {
	return func(s *settings) error {
		s.checkResponses = on
		return nil
	}
}

// WithMaxBody sets how many bytes of a request body are read at most. It must be above zero; the default
// is 64 KiB. A larger body is a 413. For an operation with x-max-body, that is the limit for the whole
// body, and this one for all of it but the photos.
func WithMaxBody(bytes int64) Option {
	return func(s *settings) error {
		if bytes <= 0 {
			return fmt.Errorf("WithMaxBody: %d is not above zero", bytes)
		}
		s.maxBody = bytes
		return nil
	}
}
