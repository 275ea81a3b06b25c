// Package access is about API keys: how they are made and stored, and to whom the key of a call belongs.
package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"
)

// ErrKeyNotFound says that no key has this hash or id.
var ErrKeyNotFound = errors.New("API key not found")

// Key is what is known of an API key. The secret itself is not: only its hash is stored.
type Key struct {
	ID        string
	CompanyID string
	// Prefix is the start of the secret, for people to tell keys apart.
	Prefix string
	// AccessLevel is 1 or higher; a higher level may do all that a lower one may (upstream).
	AccessLevel int
	// Allow holds the address ranges the key may be used from; empty means any.
	Allow     []netip.Prefix
	CreatedAt time.Time
	// ExpiresAt and RevokedAt are zero where they don't apply.
	ExpiresAt time.Time
	RevokedAt time.Time
	// LastUsedAt is zero before the first use; it lags behind by some seconds.
	LastUsedAt time.Time
}

// MaxLevel is the highest access level, so that every database can hold it.
const MaxLevel = math.MaxInt32

// Check tells what keeps a key from being stored: all stores have the same limits.
func (k Key) Check() error {
	if k.AccessLevel < 1 || k.AccessLevel > MaxLevel {
		return fmt.Errorf("the access level of a key must be from 1 to %d", MaxLevel)
	}
	for _, prefix := range k.Allow {
		if !prefix.IsValid() || prefix.Addr().Is4In6() {
			return fmt.Errorf("the address range %s holds no caller's address; IPv4 ranges are written as such", prefix)
		}
	}
	return nil
}

// Hash is the SHA-256 of a key's secret, the form in which it is stored and looked up. A fast hash
// is enough: secrets are random and 256 bits long, so there is nothing to guess.
type Hash [sha256.Size]byte

// HashOf returns the hash of a secret.
func HashOf(secret string) Hash {
	var usual [64]byte // one that [NewSecret] made fits, and needs no garbage
	return sha256.Sum256(append(usual[:0], secret...))
}

// prefixLength is how much of a secret is kept to tell keys apart: "cm_" and five characters,
// 30 of its 256 random bits.
const prefixLength = 8

// NewSecret returns a new secret. It is shown once and never stored.
func NewSecret() string {
	return "cm_" + base64.RawURLEncoding.EncodeToString(random(32))
}

// New makes a key of the company that has this secret.
func New(companyID string, level int, secret string, now time.Time) Key {
	return Key{
		ID:          "key_" + hex.EncodeToString(random(8)),
		CompanyID:   companyID,
		Prefix:      secret[:min(prefixLength, len(secret))],
		AccessLevel: level,
		CreatedAt:   now,
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}

// Usable tells whether the key is neither revoked nor expired.
func (k Key) Usable(now time.Time) bool {
	revoked := !k.RevokedAt.IsZero() && !now.Before(k.RevokedAt)
	expired := !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt)
	return !revoked && !expired
}

// Allows tells whether the key may be used from the address.
func (k Key) Allows(from netip.Addr) bool {
	if len(k.Allow) == 0 {
		return true
	}
	from = from.WithZone("") // no range contains one with a zone
	for _, prefix := range k.Allow {
		if prefix.Contains(from) {
			return true
		}
	}
	return false
}

// Finder looks keys up. KeyByHash returns [ErrKeyNotFound] where there is none.
type Finder interface {
	KeyByHash(ctx context.Context, hash Hash) (Key, error)
}
