package api

import (
	"crypto/sha256"
	"encoding/hex"
)

// WebhookSecretID returns a name for a secret of notifications, for logs that must not show the secret: the
// first 8 digits of its SHA-256, as `printf %s "$SECRET" | sha256sum | cut -c 1-8` prints them. If a
// signature does not match, both sides log it.
func WebhookSecretID(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:4])
}
