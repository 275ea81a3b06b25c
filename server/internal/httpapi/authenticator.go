package httpapi

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/access"
)

// Authenticator tells whose key a call carries. It implements [server.Authenticator].
type Authenticator struct {
	keys  access.Finder
	used  func(keyID string, at time.Time)
	clock func() time.Time
}

var _ server.Authenticator = (*Authenticator)(nil)

// NewAuthenticator returns an authenticator over stored keys, which it remembers for a moment. Looking one up takes no
// longer than timeout. It tells used when a key was good.
func NewAuthenticator(keys access.Finder, timeout time.Duration, used func(keyID string, at time.Time), clock func() time.Time) *Authenticator {
	return &Authenticator{keys: access.NewCache(keys, timeout, clock), used: used, clock: clock}
}

// Authenticate looks the key up by its hash. An unknown, revoked or expired key is
// [server.ErrInvalidKey]; one used from an address it does not allow is [server.ErrAccessDenied].
func (a *Authenticator) Authenticate(ctx context.Context, apiKey string, from netip.Addr) (server.Principal, error) {
	now := a.clock()
	key, err := a.keys.KeyByHash(ctx, access.HashOf(apiKey))
	switch {
	case errors.Is(err, access.ErrKeyNotFound):
		return server.Principal{}, server.ErrInvalidKey
	case err != nil:
		return server.Principal{}, unavailable(err)
	case !key.Usable(now):
		return server.Principal{}, server.ErrInvalidKey
	case !key.Allows(from):
		return server.Principal{}, server.ErrAccessDenied
	}
	a.used(key.ID, now)
	return server.Principal{
		KeyID:       key.ID,
		KeyPrefix:   key.Prefix,
		CompanyID:   key.CompanyID,
		AccessLevel: key.AccessLevel,
	}, nil
}
