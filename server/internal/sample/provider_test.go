package sample_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client/notification"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

const (
	secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	body   = `{"type":"product.in_kyc","timestamp":"2026-04-16T09:20:00","data":{"id":"rq_1","client_id":"cl_1","company_id":"cmp_1","product":"cards_individuals","status":"in_kyc","submitted_at":"2026-04-16T09:20:00"}}`
)

func TestProvider(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		secret string
		status int
	}{
		"signed":               {secret, http.StatusNoContent},
		"signed by a stranger": {"whsec_c3RyYW5nZXJzdHJhbmdlcnN0cmFuZ2Vy", http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			p, err := sample.NewProvider(secret, time.Now, slog.New(slog.NewTextHandler(&log, nil)))
			require.NoError(t, err)
			r := httptest.NewRequest(http.MethodPost, "/notifications", strings.NewReader(body))
			r.Header, err = notification.Sign(test.secret, "ntf_1", time.Now(), []byte(body))
			require.NoError(t, err)
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			p.ServeHTTP(w, r)
			require.Equal(t, test.status, w.Code, w.Body.String())
			require.Equal(t, test.status == http.StatusNoContent, strings.Contains(log.String(), "notification verified"))
		})
	}
}

func TestNew_refusesSecret(t *testing.T) {
	t.Parallel()
	_, err := sample.NewProvider("whsec_%%%", time.Now, slog.New(slog.DiscardHandler))
	require.Error(t, err)
}
