package delivery

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// AnswerTimeout is how long the provider may take to respond (openapi.yaml, notifyProvider).
const AnswerTimeout = 15 * time.Second

// dialTimeout leaves time for another of the provider's addresses.
const dialTimeout = 10 * time.Second

// restTimeout is how long the rest of an answer may take, and longestHeader how many bytes its headers have: as many
// answers are read at once as there are workers.
const (
	restTimeout   = time.Second
	longestHeader = 64 << 10
)

// minSecretBytes and maxSecretBytes bound a signing secret (Standard Webhooks, signature scheme).
const (
	minSecretBytes = 24
	maxSecretBytes = 64
	newSecretBytes = 32
	secretPrefix   = "whsec_"
)

// Sender signs notifications and posts them to the provider.
type Sender struct {
	url       string
	timeout   time.Duration
	signers   atomic.Pointer[[]signer]
	client    *http.Client
	initiator *api.CallbackInitiator
	clock     func() time.Time
	dialer    *net.Dialer
}

// NewSender returns a sender to the provider's address. A secret is whsec_ and the base64 of 24 to 64 bytes. Every
// notification is signed with all secrets, so that a provider can move from one to the next without missing any.
//
// Unless private addresses are allowed, the sender connects only to public addresses, and uses no proxy: a proxy would
// resolve the provider's name by itself, and could reach addresses that this machine must not.
func NewSender(address string, secrets []string, allowPrivate bool, clock func() time.Time) (*Sender, error) {
	if err := CheckAddress(address, allowPrivate); err != nil {
		return nil, fmt.Errorf("provider URL: %w", err)
	}
	s := &Sender{url: address, timeout: AnswerTimeout, clock: clock, dialer: &net.Dialer{Timeout: dialTimeout}}
	proxy := http.ProxyFromEnvironment
	if !allowPrivate {
		s.dialer.Control, proxy = refusePrivate, nil
	}
	if err := s.SetSecrets(secrets); err != nil {
		return nil, err
	}
	s.client = &http.Client{
		// A signed message goes to the address it was meant for, or nowhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  proxy,
			DialContext:            s.dialer.DialContext,
			MaxIdleConnsPerHost:    maxWorkers, // a connection for each, or they dial anew all day
			IdleConnTimeout:        90 * time.Second,
			TLSHandshakeTimeout:    10 * time.Second,
			MaxResponseHeaderBytes: longestHeader,
			ForceAttemptHTTP2:      true,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		},
	}
	var err error
	s.initiator, err = api.NewCallbackInitiator(api.WithCallbackHTTPClient(s.client))
	return s, err
}

// SetSecrets replaces the secrets, from the next attempt on. After an error, nothing has changed.
func (s *Sender) SetSecrets(secrets []string) error {
	signers, err := newSigners(secrets)
	if err == nil {
		s.signers.Store(&signers)
	}
	return err
}

// CheckSecrets returns an error unless all secrets can sign notifications.
func CheckSecrets(secrets []string) error {
	_, err := newSigners(secrets)
	return err
}

// NewSecret makes a secret.
func NewSecret() string {
	secret := make([]byte, newSecretBytes)
	_, _ = rand.Read(secret) // it never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(secret)
}

func newSigners(secrets []string) ([]signer, error) {
	if len(secrets) == 0 {
		return nil, errors.New("provider secret: at least one is needed")
	}
	signers := make([]signer, len(secrets))
	for i, secret := range secrets {
		webhook, err := newSigner(secret)
		if err != nil {
			return nil, fmt.Errorf("provider secret %d of %d: %w", i+1, len(secrets), err)
		}
		signers[i] = signer{webhook, api.WebhookSecretID(secret)}
	}
	return signers, nil
}

// Close closes idle connections to the provider.
func (s *Sender) Close() { s.client.CloseIdleConnections() }

// signer is a secret; id names it in a message.
type signer struct {
	*standardwebhooks.Webhook
	id string
}

func newSigner(secret string) (*standardwebhooks.Webhook, error) {
	fault := fmt.Errorf("must be whsec_ and base64 of %d to %d bytes; `enablementd secret` makes one", minSecretBytes, maxSecretBytes)
	encoded, ok := strings.CutPrefix(secret, secretPrefix)
	if size := len(strings.TrimRight(encoded, "=")) * 3 / 4; !ok || size < minSecretBytes || size > maxSecretBytes {
		return nil, fault
	}
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return nil, fault // the library's own error could tell of the secret
	}
	return signer, nil
}

// answer is what came of one attempt.
type answer struct {
	// statusCode is 0 where the provider gave no answer.
	statusCode int
	// fault is empty when the provider took the notification.
	fault string
	// gone: the provider wants no further attempt.
	gone       bool
	retryAfter time.Duration
}

// Send makes one attempt.
func (s *Sender) Send(ctx context.Context, n enablement.Notification) answer {
	body, err := json.Marshal(api.Notification{
		Type:      api.NotificationProductInKyc,
		Timestamp: api.NewTimestamp(n.SubmittedAt),
		Data: api.NotificationData{
			ID:          n.RequestID,
			ClientID:    n.ClientID,
			CompanyID:   n.CompanyID,
			Product:     api.ProductType(n.Product),
			Status:      api.ProductStatus(n.Status),
			SubmittedAt: api.NewTimestamp(n.SubmittedAt),
		},
	})
	if err != nil {
		return answer{fault: "the notification can't be written: " + err.Error()}
	}
	now := s.clock()
	signers := *s.signers.Load()
	signature, err := sign(signers, n.ID, now, body)
	if err != nil {
		return answer{fault: "the notification can't be signed: " + err.Error()}
	}
	params := &api.NotifyProviderParams{
		WebhookID:        n.ID,
		WebhookTimestamp: strconv.FormatInt(now.Unix(), 10),
		WebhookSignature: signature,
	}
	answering, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	resp, err := s.initiator.NotifyProviderWithBody(answering, s.url, params, "application/json", bytes.NewReader(body), sendOnce)
	if err != nil {
		return answer{fault: describe(ctx, err)}
	}
	defer func() { _ = resp.Body.Close() }()
	// A short rest is read so that the connection can be used again; what it says doesn't matter. Who is slow with it
	// has answered, and must not keep the worker. Behind a 101 the connection itself is the rest, which no context ends.
	if resp.StatusCode != http.StatusSwitchingProtocols {
		defer time.AfterFunc(restTimeout, cancel).Stop()
		_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	}
	return judge(resp, now, signers)
}

// sendOnce keeps net/http from sending the request again by itself: an attempt is one POST, on record once.
// Over HTTP/2 net/http sends what the provider refused, or broke off, again and again. Where nothing has
// been sent yet, as on a kept connection that turns out to be closed, another one is taken as ever; over
// HTTP/1 a POST is only then repeated.
func sendOnce(ctx context.Context, req *http.Request) error {
	var sent atomic.Bool
	*req = *req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaderField: func(name string, _ []string) {
			if name == ":method" { // of HTTP/2
				sent.Store(true)
			}
		},
	}))
	again := req.GetBody
	req.GetBody = func() (io.ReadCloser, error) {
		if sent.Load() {
			return nil, errSent
		}
		return again()
	}
	return nil
}

var errSent = errors.New("it was sent once")

// sign returns the signatures by all secrets, as one header value.
func sign(signers []signer, id string, at time.Time, body []byte) (string, error) {
	signatures := make([]string, len(signers))
	for i, signer := range signers {
		signature, err := signer.Sign(id, at, body)
		if err != nil {
			return "", err
		}
		signatures[i] = signature
	}
	return strings.Join(signatures, " "), nil
}

// judge reads the provider's answer: any 2xx is success, 410 stops, anything else fails.
func judge(resp *http.Response, now time.Time, signers []signer) answer {
	a := answer{statusCode: resp.StatusCode, retryAfter: api.RetryAfter(resp.Header, now)}
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
	case resp.StatusCode == http.StatusGone:
		a.fault, a.gone = "the provider answered 410 Gone", true
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		a.fault = fmt.Sprintf("the provider answered %d; redirects are not followed", resp.StatusCode)
	case resp.StatusCode == http.StatusUnauthorized:
		ids := make([]string, len(signers))
		for i, signer := range signers {
			ids[i] = signer.id
		}
		a.fault = "the provider answered 401: it refuses the signature; compare the secret (here by id: " + strings.Join(ids, ", ") +
			") and the clocks with the provider's"
	default:
		a.fault = fmt.Sprintf("the provider answered %d", resp.StatusCode)
	}
	return a
}

// describe says in a few words why there was no answer. The error's own text stays out: it names
// the address, which may carry a token.
func describe(ctx context.Context, err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errPrivate):
		return "the provider's address is not public; --provider-allow-private would let it be reached"
	case errors.Is(context.Cause(ctx), river.ErrJobCancelledRemotely):
		return "the attempt was cancelled in the queue"
	case errors.Is(ctx.Err(), context.Canceled): // the error has the cause in its place
		return enablement.FaultStopped
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "no answer in time"
	case errors.As(err, &dns):
		return "the provider's host name can't be resolved"
	case errors.As(err, &certificate):
		return "the provider's certificate can't be verified"
	case errors.As(err, &op) && op.Op == "dial":
		return "no connection to the provider"
	default:
		return "the connection to the provider broke"
	}
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}
