package notification

import (
	"context"
	"errors"
	"io"
	"net/http"
)

// Handler returns the endpoint for notifications. It calls handle with each genuine notification that was not
// handled before. When handle returns nil, the notification is remembered and the response is 204. Until
// then, the notification comes again. The sender waits 15 seconds for a response.
//
// The responses: 204 handled, now or before · 400 header or age · 401 signature · 405 not a POST · 413 too
// large · 422 genuine but no notification · 500 handle or the memory failed. After any response but a 204,
// the notification comes again.
func (v *Verifier) Handler(handle func(ctx context.Context, n *Notification) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			refuse(w, http.StatusMethodNotAllowed)
			return
		}
		var n *Notification
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err == nil {
			n, err = v.Verify(r.Header, body)
		}
		if err != nil {
			v.conf.logger.WarnContext(r.Context(), "notification refused", "reason", err)
			refuse(w, statusOf(err))
			return
		}
		err = v.conf.seen.Once(r.Context(), n.ID, func(ctx context.Context) error { return handle(ctx, n) })
		if err != nil {
			v.conf.logger.ErrorContext(r.Context(), "notification not handled; it will come again", "id", n.ID, "error", err)
			refuse(w, http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// maxBody is far more than a notification needs.
const maxBody = 64 << 10

func statusOf(err error) int {
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case tooLarge:
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrSignature):
		return http.StatusUnauthorized
	case errors.Is(err, ErrBody):
		return http.StatusUnprocessableEntity
	default:
		return http.StatusBadRequest
	}
}

// refuse says no more than the status: the reason is for the log.
func refuse(w http.ResponseWriter, status int) { http.Error(w, http.StatusText(status), status) }
