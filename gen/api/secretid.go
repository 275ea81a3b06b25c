package api

import (
	"crypto/sha256"
	"encoding/hex"
)

// WebhookSecretID names a secret that notifications are signed with, where it must not be shown: the first 8
// digits of its SHA-256, as `printf %s "$SECRET" | sha256sum | cut -c 1-8` prints them. Both sides log it of
// a signature that does not match.
func WebhookSecretID(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:4])
}
