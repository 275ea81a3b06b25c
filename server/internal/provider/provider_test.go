package provider_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/provider"
)

const (
	secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	body   = `{"type":"product.in_kyc","timestamp":"2026-04-16T09:20:00","data":{"id":"rq_1","client_id":"cl_1","company_id":"cmp_1","product":"cards_individuals","status":"in_kyc","submitted_at":"2026-04-16T09:20:00"}}`
)

func TestProvider(t *testing.T) {
	t.Parallel()
	signer, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	sign := func(t *testing.T, at time.Time, signed string) http.Header {
		t.Helper()
		signature, err := signer.Sign("ntf_1", at, []byte(signed))
		require.NoError(t, err)
		return http.Header{
			"Webhook-Id":        {"ntf_1"},
			"Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)},
			"Webhook-Signature": {signature},
		}
	}
	without := func(h http.Header, name string) http.Header {
		h.Del(name)
		return h
	}
	large := strings.Repeat(" ", 64<<10) + body
	for name, test := range map[string]struct {
		header http.Header
		body   string
		want   int
	}{
		"signed":       {sign(t, time.Now(), body), body, http.StatusNoContent},
		"other body":   {sign(t, time.Now(), body), body + " ", http.StatusUnauthorized},
		"old":          {sign(t, time.Now().Add(-time.Hour), body), body, http.StatusUnauthorized},
		"from later":   {sign(t, time.Now().Add(time.Hour), body), body, http.StatusUnauthorized},
		"no signature": {without(sign(t, time.Now(), body), "webhook-signature"), body, http.StatusBadRequest},
		"no id":        {without(sign(t, time.Now(), body), "webhook-id"), body, http.StatusBadRequest},
		"not JSON":     {sign(t, time.Now(), "hello"), "hello", http.StatusBadRequest},
		"too large":    {sign(t, time.Now(), large), large, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			p, err := provider.New(secret, slog.New(slog.NewTextHandler(&log, nil)))
			require.NoError(t, err)
			r := httptest.NewRequest(http.MethodPost, "/notifications", strings.NewReader(test.body))
			r.Header = test.header
			w := httptest.NewRecorder()
			p.ServeHTTP(w, r)
			require.Equal(t, test.want, w.Code, w.Body.String())
			require.Equal(t, test.want == http.StatusNoContent, strings.Contains(log.String(), "notification verified"))
		})
	}
}

func TestNew_refusesSecret(t *testing.T) {
	t.Parallel()
	_, err := provider.New("whsec_%%%", slog.New(slog.DiscardHandler))
	require.Error(t, err)
}
