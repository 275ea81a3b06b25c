package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
)

func TestDocumentedErrors(t *testing.T) {
	t.Parallel()
	limited := func(after time.Duration) *server.Error {
		return &server.Error{Status: http.StatusTooManyRequests, Code: api.CodeTooManyRequests, RetryAfter: after}
	}
	const unavailable = "The service is temporarily unavailable"
	for name, test := range map[string]struct {
		err     error
		status  int
		code    api.ErrorCode
		message string
		retry   string
	}{
		"not found":      {server.NotFound("Nothing here"), 404, api.CodeNotFound, "Nothing here", ""},
		"wrapped":        {fmt.Errorf("submit: %w", server.NotFound("Nothing here")), 404, api.CodeNotFound, "Nothing here", ""},
		"no message":     {server.NotFound(""), 404, api.CodeNotFound, "Not Found", ""},
		"markup":         {server.NotFound("<b>\x00\xff"), 404, api.CodeNotFound, "<b>\x00\ufffd", ""},
		"conflict":       {server.Conflict(api.CodeVal, "The enablement request is not pending documentation"), 409, api.CodeVal, "The enablement request is not pending documentation", ""},
		"in progress":    {&server.Error{Status: 409, Code: api.CodeIdempotencyInProgress, Message: "Running", RetryAfter: time.Second}, 409, api.CodeIdempotencyInProgress, "Running", "1"},
		"mismatch":       {&server.Error{Status: 422, Code: api.CodeIdempotencyMismatch, Message: "Other"}, 422, api.CodeIdempotencyMismatch, "Other", ""},
		"limited":        {limited(4 * time.Second), 429, api.CodeTooManyRequests, "Rate limit exceeded. Retry after 4 seconds", "4"},
		"limited, part":  {limited(4*time.Second + 1), 429, api.CodeTooManyRequests, "Rate limit exceeded. Retry after 5 seconds", "5"},
		"limited, zero":  {limited(0), 429, api.CodeTooManyRequests, "Rate limit exceeded. Retry after 1 seconds", "1"},
		"limited, past":  {limited(-time.Hour), 429, api.CodeTooManyRequests, "Rate limit exceeded. Retry after 1 seconds", "1"},
		"limited, ages":  {limited(1 << 62), 429, api.CodeTooManyRequests, "Rate limit exceeded. Retry after 86400 seconds", "86400"},
		"unavailable":    {server.Unavailable(300*time.Millisecond, errors.New("busy")), 503, api.CodeServiceUnavailable, unavailable, "1"},
		"cancelled":      {fmt.Errorf("store: %w", context.Canceled), 503, api.CodeServiceUnavailable, unavailable, "1"},
		"too slow":       {context.DeadlineExceeded, 503, api.CodeServiceUnavailable, unavailable, "1"},
		"documented 500": {&server.Error{Status: 500, Code: api.CodeServerError}, 500, api.CodeServerError, "Internal server error", ""},
		"error over a context error": {&server.Error{Status: 404, Code: api.CodeNotFound, Message: "Nothing here", Err: context.Canceled},
			404, api.CodeNotFound, "Nothing here", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newFixture(t, fails(test.err)).ask(t, request(http.MethodPost, goodPath))
			require.Equal(t, test.status, a.status)
			require.Equal(t, test.code, a.code)
			require.Equal(t, test.message, a.message)
			require.Equal(t, test.retry, a.header.Get("Retry-After"))
		})
	}
}

func TestErrorsThatMustNotBeAnswered(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"secret":            errors.New("password=hunter2"),
		"joined secrets":    errors.Join(errors.New("password=hunter2"), errors.New("another")),
		"undeclared status": &server.Error{Status: http.StatusTeapot, Code: api.CodeVal, Message: "password=hunter2"},
		"no status":         &server.Error{Code: api.CodeVal, Message: "password=hunter2"},
		"success":           &server.Error{Status: http.StatusOK, Code: api.CodeVal, Message: "password=hunter2"},
		"unknown code":      &server.Error{Status: http.StatusConflict, Code: "hunter2", Message: "password=hunter2"},
		"no code":           &server.Error{Status: http.StatusConflict, Message: "password=hunter2"},
		"key error":         fmt.Errorf("hunter2: %w", server.ErrInvalidKey), // the Authenticator's to say
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, fails(err))
			a := f.ask(t, request(http.MethodPost, goodPath))
			a.isInternal(t)
			require.NotContains(t, string(a.body)+fmt.Sprint(a.header), "hunter2")
			require.Len(t, f.log.lines(t, "ERROR"), 1)
			require.Contains(t, f.log.String(), "hunter2")
		})
	}
	t.Run("nil", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, fails((*server.Error)(nil)))
		f.ask(t, request(http.MethodPost, goodPath)).isInternal(t)
		require.Contains(t, f.log.String(), "nil *Error")
	})
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk full")
	require.EqualError(t, server.NotFound("Nothing here"), "404 NOT_FOUND: Nothing here")
	require.EqualError(t, server.Unavailable(time.Second, cause), "503 SERVICE_UNAVAILABLE: disk full")
	require.ErrorIs(t, fmt.Errorf("submit: %w", server.Unavailable(0, cause)), cause)
	require.NoError(t, server.NotFound("").Unwrap())
}
