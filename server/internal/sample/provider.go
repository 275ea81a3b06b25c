package sample

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/cryptomate-go/enablement/client/notification"
)

// NewProvider is a stand-in for the provider. It expects notifications signed with the secret and logs each one.
func NewProvider(secret string, clock func() time.Time, logger *slog.Logger) (http.Handler, error) {
	verifier, err := notification.New([]string{secret}, notification.WithClock(clock), notification.WithLogger(logger))
	if err != nil {
		return nil, err
	}
	return verifier.Handler(func(_ context.Context, n *notification.Notification) error {
		logger.Info("provider: notification verified",
			"notification", n.ID,
			"request", n.Data.ID,
			"status", string(n.Data.Status))
		return nil
	}), nil
}
