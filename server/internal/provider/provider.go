// Package provider is a stand-in for the provider: it takes notifications as openapi.yaml describes
// them, verifies their signature and says so.
package provider

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/cryptomate-go/enablement/gen/api"
)

// maxBody is far more than a notification needs.
const maxBody = 64 << 10

type receiver struct {
	verifier *standardwebhooks.Webhook
	logger   *slog.Logger
}

// New returns a provider that expects notifications signed with the secret and logs each one.
func New(secret string, logger *slog.Logger) (http.Handler, error) {
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return nil, err
	}
	return api.NotifyProviderCallbackHandler(&receiver{verifier: verifier, logger: logger}, nil), nil
}

// HandleNotifyProviderCallback implements the generated receiver.
func (p *receiver) HandleNotifyProviderCallback(w http.ResponseWriter, r *http.Request, params api.NotifyProviderParams) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the body can't be read", http.StatusBadRequest)
		return
	}
	if err := p.verifier.Verify(body, r.Header); err != nil {
		p.logger.Warn("provider: notification refused", "notification", params.WebhookID, "reason", err)
		http.Error(w, "the signature does not match", http.StatusUnauthorized)
		return
	}
	var notification api.Notification
	if err := json.Unmarshal(body, &notification); err != nil {
		http.Error(w, "the body is not a notification", http.StatusBadRequest)
		return
	}
	p.logger.Info("provider: notification verified",
		"notification", params.WebhookID,
		"request", notification.Data.ID,
		"status", string(notification.Data.Status))
	w.WriteHeader(http.StatusNoContent)
}
