package server

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"github.com/cryptomate-go/enablement/gen/api"
)

// An [Authenticator] returns one of these errors, as it is or wrapped, to refuse a key. The response is
// a 401 with the documented text. The text of a wrapping error goes to the log.
var (
	// ErrInvalidKey says that the key is unknown, revoked or expired.
	ErrInvalidKey = errors.New("invalid API key")
	// ErrAccessDenied says that the key may not be used from the caller's address.
	ErrAccessDenied = errors.New("access denied")
)

// Authenticator finds the owner of an API key.
type Authenticator interface {
	// Authenticate returns the owner of apiKey, which is never empty and has no comma. from is the
	// client's address: that of the peer, or the one that the proxies of [WithTrustedProxies] report.
	// Behind any other proxy, it is the proxy's. An IPv4 address is never in its IPv6 form. from is the
	// zero Addr if the server doesn't know it.
	//
	// [ErrInvalidKey] and [ErrAccessDenied] refuse the key. A [*Error] is the response as it is. An error
	// of ctx, cancelled or past its deadline, becomes a 503, and any other error a 500. The [Handler]
	// checks the access level, not the Authenticator.
	Authenticate(ctx context.Context, apiKey string, from netip.Addr) (Principal, error)
}

// AuthenticatorFunc makes an [Authenticator] of a function.
type AuthenticatorFunc func(ctx context.Context, apiKey string, from netip.Addr) (Principal, error)

// Authenticate implements [Authenticator].
func (f AuthenticatorFunc) Authenticate(ctx context.Context, apiKey string, from netip.Addr) (Principal, error) {
	return f(ctx, apiKey, from)
}

// Principal is the owner of an API key. CompanyID and KeyPrefix appear in the log: choose a prefix that
// lets people tell keys apart, and that does not help to guess one. [WithRateLimit] counts calls by
// CompanyID, so all principals without one share a quota.
type Principal struct {
	KeyID       string
	KeyPrefix   string
	CompanyID   string
	AccessLevel int // at least the operation's x-access-level, or the call is refused
}

// PrincipalFrom returns who makes the call that ctx belongs to. ok is false if nobody was authenticated:
// outside of a call, in an [Authenticator], and in an operation without security.
func PrincipalFrom(ctx context.Context) (principal Principal, ok bool) {
	if c := callFrom(ctx); c != nil && c.authenticated {
		return c.principal, true
	}
	return Principal{}, false
}

// authenticate lets a call pass whose key may do what the operation does.
func (h *handler) authenticate(c *call, r *http.Request) error {
	op := c.operation
	if op.keyHeader == "" {
		return nil
	}
	key, err := op.keyOf(r)
	if err != nil {
		return err
	}
	principal, err := h.authenticator.Authenticate(r.Context(), key, c.client)
	if err != nil {
		return authenticationError(err)
	}
	c.principal, c.authenticated = principal, true
	if principal.AccessLevel < op.accessLevel {
		return accessDenied(nil)
	}
	return nil
}

// keyOf returns the one key of a request. Two keys, even equal ones, are refused, as a proxy in front may
// have looked at the other one. Some proxies and libraries join two headers with a comma (RFC 9110,
// section 5.3), so a comma means two keys.
func (o *operation) keyOf(r *http.Request) (string, error) {
	keys := r.Header[o.keyHeader]
	switch {
	case len(keys) > 1 || len(keys) == 1 && strings.Contains(keys[0], ","):
		return "", sentTwice(o.keyName)
	case len(keys) == 0 || keys[0] == "":
		return "", invalidKey(nil)
	default:
		return keys[0], nil
	}
}

func authenticationError(err error) error {
	var documented *Error
	switch {
	case errors.As(err, &documented):
		return err
	case err == ErrInvalidKey: //nolint:errorlint // the bare error has nothing to add to the log
		return invalidKey(nil)
	case errors.Is(err, ErrInvalidKey):
		return invalidKey(err)
	case errors.Is(err, ErrAccessDenied):
		return accessDenied(err)
	default:
		return err
	}
}

func invalidKey(cause error) *Error {
	return &Error{Status: http.StatusUnauthorized, Code: api.CodeAuth, Message: "Invalid API key", Err: cause}
}

func accessDenied(cause error) *Error {
	return &Error{
		Status:  http.StatusUnauthorized,
		Code:    api.CodeAPIError,
		Message: "Access denied. The API Key is not authorized to do this operation.",
		Err:     cause,
	}
}
