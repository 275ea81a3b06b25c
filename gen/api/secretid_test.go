package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
)

func TestWebhookSecretID(t *testing.T) {
	t.Parallel()
	require.Equal(t, "96ad2ccd", api.WebhookSecretID("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
}
