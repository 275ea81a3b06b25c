package delivery

import (
	"log/slog"
	"net/http"

	"riverqueue.com/riverui"
)

// View returns the queue's web interface, which must be served below the prefix. It has no login.
func (q *Queue[TTx]) View(prefix string, logger *slog.Logger) (http.Handler, error) {
	return riverui.NewHandler(&riverui.HandlerOpts{
		Endpoints: riverui.NewEndpoints(q.client, nil),
		Logger:    quiet(logger),
		Prefix:    prefix,
	})
}
