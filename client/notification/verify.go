package notification

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/cryptomate-go/enablement/gen/api"
)

// The reasons why a notification is refused, for [errors.Is].
var (
	// ErrHeader says that webhook-id, webhook-timestamp or webhook-signature is missing or malformed.
	ErrHeader = errors.New("notification: header missing or malformed")
	// ErrSignature says that no signature was made with one of the secrets. The notification is not from the
	// sender, or was changed on the way, or was signed with another secret. The text of the error has the
	// ids of the secrets ([api.WebhookSecretID]); the sender's log has those that it signs with.
	ErrSignature = errors.New("notification: the signature does not match")
	// ErrAge says that the notification is genuine, but too old or from the future. Somebody else sent it
	// again, or one of the clocks is wrong.
	ErrAge = errors.New("notification: too old or too new")
	// ErrBody says that the body is genuine and in time, but is no notification or is too large.
	ErrBody = errors.New("notification: the body is not a notification")
)

// Notification is a genuine notification.
type Notification struct {
	api.Notification
	// ID is the same on every delivery.
	ID string
	// SentAt is when this delivery was signed.
	SentAt time.Time
	// Raw is the body as it came, with fields that this version of the package does not know.
	Raw []byte
}

// Verifier verifies notifications. It is safe for concurrent use.
type Verifier struct {
	// The secrets are behind functions, so that nothing prints them.
	genuine []func(header http.Header, body []byte) bool
	// tried names the secrets, by their ids.
	tried string
	conf  config
}

// New returns a Verifier for notifications that one of the secrets signed. A secret is whsec_ and the base64 of
// 24 to 64 bytes.
func New(secrets []string, opts ...Option) (*Verifier, error) {
	if len(secrets) == 0 {
		return nil, errors.New("notification: there is no secret; pass the one that was agreed on with the sender")
	}
	v := &Verifier{conf: defaultConfig()}
	ids := make([]string, len(secrets))
	for i, secret := range secrets {
		webhook, err := webhookOf(secret)
		if err != nil {
			return nil, fmt.Errorf("notification: secret %d of %d %w", i+1, len(secrets), err)
		}
		v.genuine = append(v.genuine, func(header http.Header, body []byte) bool {
			return webhook.VerifyIgnoringTimestamp(body, header) == nil
		})
		ids[i] = api.WebhookSecretID(secret)
	}
	v.tried = strings.Join(ids, ", ")
	for _, opt := range opts {
		if err := opt(&v.conf); err != nil {
			return nil, fmt.Errorf("notification: %w", err)
		}
	}
	if v.conf.seen == nil {
		v.conf.seen = newMemory(defaultIDs, defaultTime)
	}
	return v, nil
}

// minSecret and maxSecret bound a secret, in bytes (Standard Webhooks, signature scheme).
const (
	minSecret = 24
	maxSecret = 64
)

func webhookOf(secret string) (*standardwebhooks.Webhook, error) {
	encoded, ok := strings.CutPrefix(secret, "whsec_")
	// The error of either decoder could tell of the secret.
	if key, err := base64.StdEncoding.DecodeString(encoded); ok && err == nil && minSecret <= len(key) && len(key) <= maxSecret {
		return standardwebhooks.NewWebhookRaw(key)
	}
	return nil, fmt.Errorf("must be whsec_ and base64 of %d to %d bytes, as the sender showed it", minSecret, maxSecret)
}

// The headers' forms are those of openapi.yaml. The time is signed as a number: only one text per
// number is taken.
var (
	idForm   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	timeForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,11})$`)
)

const maxSignature = 2048

// Verify returns the notification in header and body, or [ErrHeader], [ErrSignature], [ErrAge] or [ErrBody].
// The names in header must be in the form of net/http, Webhook-Id: [http.Header.Set] makes it of any other. The body must be
// the exact bytes that came. Verify does not check whether the notification came before.
func (v *Verifier) Verify(header http.Header, body []byte) (*Notification, error) {
	id := header.Get(standardwebhooks.HeaderWebhookID)
	timestamp := header.Get(standardwebhooks.HeaderWebhookTimestamp)
	signature := header.Get(standardwebhooks.HeaderWebhookSignature)
	switch {
	case !idForm.MatchString(id):
		return nil, fmt.Errorf("%w: %s", ErrHeader, standardwebhooks.HeaderWebhookID)
	case !timeForm.MatchString(timestamp):
		return nil, fmt.Errorf("%w: %s", ErrHeader, standardwebhooks.HeaderWebhookTimestamp)
	case signature == "" || len(signature) > maxSignature:
		return nil, fmt.Errorf("%w: %s", ErrHeader, standardwebhooks.HeaderWebhookSignature)
	case !slices.ContainsFunc(v.genuine, func(genuine func(http.Header, []byte) bool) bool { return genuine(header, body) }):
		return nil, fmt.Errorf("%w; the secrets tried, by id: %s", ErrSignature, v.tried)
	}
	seconds, _ := strconv.ParseInt(timestamp, 10, 64) // of this form there is no error
	n := &Notification{ID: id, SentAt: time.Unix(seconds, 0).UTC(), Raw: body}
	age := v.conf.now().Sub(n.SentAt)
	if age > v.conf.past || age < -v.conf.future { // -age overflows for the most distant times
		return nil, fmt.Errorf("%w: its age is %v, and it may be %v old or %v ahead", ErrAge, age.Round(time.Second), v.conf.past, v.conf.future)
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("%w: it is larger than %d KiB", ErrBody, maxBody>>10)
	}
	if err := api.DecodeJSON(body, &n.Notification); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBody, err)
	}
	for _, field := range [...]struct{ name, value string }{
		{"type", string(n.Type)}, {"data.id", n.Data.ID}, {"data.client_id", n.Data.ClientID}, {"data.status", string(n.Data.Status)},
	} {
		if field.value == "" {
			return nil, fmt.Errorf("%w: %s is missing", ErrBody, field.name)
		}
	}
	return n, nil
}

// Sign returns the header of a delivery of body, signed as the sender does. It is for tests of your own code.
func Sign(secret, id string, at time.Time, body []byte) (http.Header, error) {
	webhook, err := webhookOf(secret)
	if err != nil {
		return nil, fmt.Errorf("notification: the secret %w", err)
	}
	signature, err := webhook.Sign(id, at, body)
	if err != nil {
		return nil, fmt.Errorf("notification: %w", err)
	}
	header := make(http.Header)
	header.Set(standardwebhooks.HeaderWebhookID, id)
	header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return header, nil
}
