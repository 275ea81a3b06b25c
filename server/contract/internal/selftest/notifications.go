package selftest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/cryptomate-go/enablement/server/contract"
)

const (
	entered = `{"type":"product.in_kyc","timestamp":"2026-04-16T09:20:00","data":{"id":"` + request + `","client_id":"` + client + `",` +
		`"company_id":"cmp_7Yk2","product":"cards_individuals","status":"in_kyc","submitted_at":"2026-04-16T09:20:00"}}`
	noticeID = "ntf_2VvyMx6rNLRB1W9euCyJGe46"
	signedAt = "1776331200" // 2026-04-16T09:20:00
)

var secret = []byte("a secret of the self-test's only")

// notice is a notification as described, with this body, changed by edits once it is signed.
func notice(body string, edits ...func(*http.Request)) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "https://provider.test/hook", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Webhook-Id", noticeID)
	r.Header.Set("Webhook-Timestamp", signedAt)
	sign(body)(r)
	for _, edit := range edits {
		edit(r)
	}
	return r
}

// sign signs with this body, whatever is sent.
func sign(body string) func(*http.Request) {
	return func(r *http.Request) {
		mac := hmac.New(sha256.New, secret)
		_, _ = fmt.Fprintf(mac, "%s.%s.%s", r.Header.Get("Webhook-Id"), r.Header.Get("Webhook-Timestamp"), body)
		r.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
}

func header(name string, values ...string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header[name] = values
		if len(values) == 0 {
			delete(r.Header, name)
		}
	}
}

// attempt is a notification and how it is answered.
type attempt struct {
	notice *http.Request
	status int
}

// notified is a sender and a provider that does nothing but answer, between them a contract that knows
// the secret or not.
func notified(name, rule string, with []contract.Option, attempts ...func() attempt) Fault {
	return Fault{Name: name, Rule: rule, run: func(opts []contract.Option, _ []contract.SuiteOption) ([]contract.Finding, error) {
		c, err := contract.New(append(with, opts...)...)
		if err != nil {
			return nil, err
		}
		for _, next := range attempts {
			attempt := next()
			provider := handled{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(attempt.status) })}
			answer, err := c.NotificationTransport(provider).RoundTrip(attempt.notice)
			if err != nil {
				return nil, err
			}
			_ = answer.Body.Close()
		}
		return c.Findings(), nil
	}}
}

// provided is a provider that gives its answers to notifications that are right or wrong, behind
// [contract.Contract.NotificationHandler].
func provided(name, rule string, attempts ...func() attempt) Fault {
	return Fault{Name: name, Rule: rule, run: func(opts []contract.Option, _ []contract.SuiteOption) ([]contract.Finding, error) {
		c, err := contract.New(append([]contract.Option{contract.ResponsesOnly(), knowing()}, opts...)...)
		if err != nil {
			return nil, err
		}
		for _, next := range attempts {
			attempt := next()
			c.NotificationHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(attempt.status)
			})).ServeHTTP(httptest.NewRecorder(), attempt.notice)
		}
		return c.Findings(), nil
	}}
}

func knowing() contract.Option {
	return contract.WithWebhookSecrets("whsec_" + base64.StdEncoding.EncodeToString(secret))
}

// notifications are senders and providers that do wrong.
func notifications() []Fault {
	one := func(name, rule, body string, edits ...func(*http.Request)) Fault {
		return notified(name, rule, nil, func() attempt { return attempt{notice(body, edits...), 400} })
	}
	send := func(status int, body string, edits ...func(*http.Request)) func() attempt {
		return func() attempt { return attempt{notice(body, edits...), status} }
	}
	method := func(r *http.Request) { r.Method = http.MethodPut }
	unread := func(r *http.Request) { r.Body = io.NopCloser(broken{strings.NewReader(entered[:50])}) }
	otherID := func(r *http.Request) { r.Header.Set("Webhook-Id", "ntf_another") }
	return []Fault{
		one("notification without an id", "request.parameter", entered, header("Webhook-Id")),
		one("notification with an id of another form", "request.parameter", entered, header("Webhook-Id", "a.b")),
		one("notification without a timestamp", "request.parameter", entered, header("Webhook-Timestamp")),
		one("notification with a date for a timestamp", "request.parameter", entered, header("Webhook-Timestamp", "2026-04-16T09:20:00")),
		one("notification without a signature", "request.parameter", entered, header("Webhook-Signature")),
		one("notification with two signature headers", "request.parameter", entered, header("Webhook-Signature", "v1,a", "v1,b")),
		one("signature in hexadecimal", "notification.signature", entered, header("Webhook-Signature", "v1,"+strings.Repeat("a0", 32))),
		one("signature without a version", "notification.signature", entered, header("Webhook-Signature", base64.StdEncoding.EncodeToString(make([]byte, 32)))),
		one("signatures with a comma between", "notification.signature", entered, func(r *http.Request) {
			r.Header.Set("Webhook-Signature", r.Header.Get("Webhook-Signature")+","+r.Header.Get("Webhook-Signature"))
		}),
		one("notification by PUT", "request.method", entered, method),
		one("notification as text", "request.media_type", entered, header("Content-Type", "text/plain")),
		one("notification as a form", "request.media_type", entered, header("Content-Type", "application/x-www-form-urlencoded")),
		one("notification without a body", "request.body", ""),
		one("notification cut off", "response.cut", entered, unread),
		one("notification without a field", "schema.required", swap(entered, `"company_id":"cmp_7Yk2",`, "")),
		one("notification with a number for an id", "schema.type", swap(entered, `"cmp_7Yk2"`, "7")),
		one("notification with a null", "schema.null", swap(entered, `"cmp_7Yk2"`, "null")),
		one("notification of an unknown type", "schema.enum", swap(entered, "product.in_kyc", "product.enabled")),
		one("notification with a date only", "schema.value", swap(entered, `"timestamp":"2026-04-16T09:20:00"`, `"timestamp":"2026-04-16"`)),
		one("notification with personal data", "schema.undeclared_field", swap(entered, `"product"`, `"email":"ana@example.com","product"`)),
		one("notification with a key twice", "json.duplicate_key", swap(entered, `"status"`, `"status":"enabled","status"`)),
		one("two notifications in one", "json.trailing", entered+entered),
		one("notification that isn't JSON", "json.syntax", "product.in_kyc"),
		one("notification in another encoding", "json.utf8", swap(entered, "cmp_7Yk2", "cmp_\xff")),
		one("notification on 31 June", "time.impossible", swap(entered, `"timestamp":"2026-04-16`, `"timestamp":"2026-06-31`)),
		one("notification about another status", "notification.status", swap(entered, `"status":"in_kyc"`, `"status":"enabled"`)),
		one("notification of another moment", "notification.timestamp", swap(entered, `"timestamp":"2026-04-16T09:20:00"`, `"timestamp":"2026-04-16T09:20:01"`)),
		one("signed before it was submitted", "notification.signed_before", entered, header("Webhook-Timestamp", "1776331199")),
		notified("signed with another body", "notification.forged", []contract.Option{knowing()}, send(400, entered, sign(entered+" "))),
		notified("signed under another id", "notification.forged", []contract.Option{knowing()}, send(400, entered, otherID)),
		notified("another body on the second attempt", "notification.repeat", nil, send(500, entered), send(204, swap(entered, "cmp_7Yk2", "cmp_other"))),
		notified("another id on the second attempt", "notification.twice", nil, send(500, entered), send(204, entered, otherID)),

		provided("provider takes what isn't signed", "notification.taken", send(200, entered, header("Webhook-Signature"))),
		provided("provider takes what is forged", "notification.taken", send(204, entered, sign(entered+" "))),
		provided("provider redirects", "notification.redirected", send(308, entered)),
		provided("provider refuses a repeated notification", "notification.repeat_refused", send(204, entered), send(409, entered)),
	}
}
