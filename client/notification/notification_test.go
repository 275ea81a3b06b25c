package notification_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cryptomate-go/enablement/client/notification"
	"github.com/cryptomate-go/enablement/gen/api"
)

const (
	secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	second = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
	id     = "ntf_2VvyMx6rNLRB1W9euCyJGe46"
	body   = `{"type":"product.in_kyc","timestamp":"2026-04-16T09:20:00","data":{"id":"2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh",` +
		`"client_id":"4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG","company_id":"cmp_7Yk2","product":"cards_individuals","status":"in_kyc",` +
		`"submitted_at":"2026-04-16T09:20:00"}}`
)

var sentAt = time.Date(2026, time.April, 16, 9, 20, 0, 0, time.UTC)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// verifier returns one whose clock stands where the notification was sent.
func verifier(tb testing.TB, opts ...notification.Option) *notification.Verifier {
	tb.Helper()
	v, err := notification.New([]string{secret}, append([]notification.Option{
		notification.WithClock(func() time.Time { return sentAt }),
	}, opts...)...)
	require.NoError(tb, err)
	return v
}

func signed(tb testing.TB, with, body string) http.Header {
	tb.Helper()
	header, err := notification.Sign(with, id, sentAt, []byte(body))
	require.NoError(tb, err)
	return header
}

func TestVerifier_Verify(t *testing.T) {
	t.Parallel()
	n, err := verifier(t).Verify(signed(t, secret, body), []byte(body))
	require.NoError(t, err)
	require.Equal(t, id, n.ID)
	require.Equal(t, sentAt, n.SentAt)
	require.Equal(t, api.NotificationProductInKyc, n.Type)
	require.Equal(t, "2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh", n.Data.ID)
	require.Equal(t, api.InKyc, n.Data.Status)
	require.Equal(t, body, string(n.Raw))

	// What the official library signed, and it verifies what Sign signed.
	official, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	require.NoError(t, official.VerifyIgnoringTimestamp([]byte(body), signed(t, secret, body)))

	newer := strings.Replace(body, `"data":{`, `"extra":[1],"data":{"more":null,`, 1)
	newer = strings.NewReplacer("product.in_kyc", "product.enabled", `"in_kyc"`, `"on_hold"`, "09:20:00", "09:20:00.5Z").Replace(newer)
	n, err = verifier(t).Verify(signed(t, secret, newer), []byte(newer))
	require.NoError(t, err, "what is not known is fine")
	require.False(t, n.Type.Valid())
	require.Contains(t, string(n.Raw), `"extra":[1]`)
}

func TestVerifier_Verify_refuses(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(http.Header) {
		return func(header http.Header) {
			header.Del(name)
			if value != "" {
				header.Set(name, value)
			}
		}
	}
	genuine := signed(t, secret, body).Get("webhook-signature")
	for name, tt := range map[string]struct {
		change func(http.Header)
		body   string
		want   error
	}{
		"no id":                   {set("webhook-id", ""), body, notification.ErrHeader},
		"no time":                 {set("webhook-timestamp", ""), body, notification.ErrHeader},
		"no signature":            {set("webhook-signature", ""), body, notification.ErrHeader},
		"malformed id":            {set("webhook-id", "a.b"), body, notification.ErrHeader},
		"id too long":             {set("webhook-id", strings.Repeat("a", 65)), body, notification.ErrHeader},
		"time in words":           {set("webhook-timestamp", "now"), body, notification.ErrHeader},
		"time with a sign":        {set("webhook-timestamp", "+1776331200"), body, notification.ErrHeader},
		"time with zeros":         {set("webhook-timestamp", "01776331200"), body, notification.ErrHeader},
		"time in milliseconds":    {set("webhook-timestamp", "1776331200000"), body, notification.ErrHeader},
		"endless signature":       {set("webhook-signature", genuine+strings.Repeat(" v1,a", 1000)), body, notification.ErrHeader},
		"other id":                {set("webhook-id", "other"), body, notification.ErrSignature},
		"other time":              {set("webhook-timestamp", "1776331201"), body, notification.ErrSignature},
		"other signature":         {set("webhook-signature", "v1,AAAA"), body, notification.ErrSignature},
		"signature of no version": {set("webhook-signature", strings.TrimPrefix(genuine, "v1,")), body, notification.ErrSignature},
		"another version":         {set("webhook-signature", "v1a"+strings.TrimPrefix(genuine, "v1")), body, notification.ErrSignature},
		"other body":              {nil, body + " ", notification.ErrSignature},
		"empty body":              {nil, "", notification.ErrSignature},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := signed(t, secret, body)
			if tt.change != nil {
				tt.change(header)
			}
			n, err := verifier(t).Verify(header, []byte(tt.body))
			require.Nil(t, n)
			require.ErrorIs(t, err, tt.want)
		})
	}
	for _, bad := range []string{
		"", "null", "[]", "{}", "<html>", body + body, strings.Replace(body, "product.in_kyc", "", 1), strings.Replace(body, `"client_id"`, `"x"`, 1),
		strings.Replace(body, "2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh", "", 1), strings.Replace(body, "09:20", "yesterday", 1),
	} {
		_, err := verifier(t).Verify(signed(t, secret, bad), []byte(bad))
		require.ErrorIs(t, err, notification.ErrBody, bad)
	}
}

// TestVerifier_Verify_json: what was signed is read as it stands, and nothing in it is guessed.
func TestVerifier_Verify_json(t *testing.T) {
	t.Parallel()
	with := func(old, replacement string) string {
		require.Contains(t, body, old)
		return strings.Replace(body, old, replacement, 1)
	}
	for name, text := range map[string]string{
		"byte order mark":       "\ufeff" + body,
		"names in other cases":  with(`"status"`, `"Status":"rejected","STATUS":5,"status"`),
		"names that fold":       with(`"status"`, `"\u017ftatus":"rejected","status"`),
		"other cases are first": with(`"type"`, `"Data":{"id":"other"},"type"`),
	} {
		n, err := verifier(t).Verify(signed(t, secret, text), []byte(text))
		require.NoError(t, err, name)
		require.Equal(t, api.InKyc, n.Data.Status, name)
		require.Equal(t, "2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh", n.Data.ID, name)
		require.Equal(t, text, string(n.Raw), name)
	}
	for want, text := range map[string]string{
		"data.status is missing":                with(`"status"`, `"Status"`),
		"/data/status: this field stands twice": with(`"status"`, `"status":"rejected","status"`),
		"/data: this field stands twice":        with(`"type"`, `"data":{},"type"`),
		"/new/a: this field stands twice":       with(`"type"`, `"new":{"a":1,"a":2},"type"`),
		"/data/id: this is not UTF-8":           with("2VvyMx6", "Jos\xe9"),
		"/data/id: this is no escape of JSON":   with("2VvyMx6", `\ud800`),
		"the text is empty":                     "\ufeff",
		"UTF-16":                                "\xff\xfe{\x00}\x00",
	} {
		_, err := verifier(t).Verify(signed(t, secret, text), []byte(text))
		require.ErrorIs(t, err, notification.ErrBody, text)
		require.ErrorContains(t, err, want)
	}
}

func TestVerifier_Verify_rotation(t *testing.T) {
	t.Parallel()
	v, err := notification.New([]string{secret, second}, notification.WithClock(func() time.Time { return sentAt }))
	require.NoError(t, err)
	for _, with := range []string{secret, second} {
		_, err := v.Verify(signed(t, with, body), []byte(body))
		require.NoError(t, err)
	}
	// A sender that changes its secret signs with both.
	both := signed(t, "whsec_"+strings.Repeat("YWFh", 10), body)
	both.Set("webhook-signature", both.Get("webhook-signature")+" "+signed(t, second, body).Get("webhook-signature"))
	_, err = v.Verify(both, []byte(body))
	require.NoError(t, err)
	_, err = verifier(t).Verify(signed(t, second, body), []byte(body))
	require.ErrorIs(t, err, notification.ErrSignature)
}

func TestVerifier_Verify_age(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		opts []notification.Option
		age  time.Duration
		fine bool
	}{
		{age: 0, fine: true},
		{age: 5 * time.Minute, fine: true},
		{age: 5*time.Minute + time.Nanosecond},
		{age: -5 * time.Minute, fine: true},
		{age: -5*time.Minute - time.Nanosecond},
		{age: 200 * 365 * 24 * time.Hour},
		{opts: []notification.Option{notification.WithTolerance(time.Hour, 0)}, age: time.Hour, fine: true},
		{opts: []notification.Option{notification.WithTolerance(time.Hour, 0)}, age: -1},
	} {
		clock := notification.WithClock(func() time.Time { return sentAt.Add(tt.age) })
		_, err := verifier(t, append([]notification.Option{clock}, tt.opts...)...).Verify(signed(t, secret, body), []byte(body))
		if tt.fine {
			require.NoError(t, err, tt.age)
		} else {
			require.ErrorIs(t, err, notification.ErrAge, tt.age)
		}
	}
}

// TestVerifier_Verify_size: more than the 64 KiB that the handler takes is too large for those who read the body themselves.
func TestVerifier_Verify_size(t *testing.T) {
	t.Parallel()
	for size, fine := range map[int]bool{64 << 10: true, 64<<10 + 1: false} {
		padded := body + strings.Repeat(" ", size-len(body))
		_, err := verifier(t).Verify(signed(t, secret, padded), []byte(padded))
		if fine {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, notification.ErrBody)
			require.ErrorContains(t, err, "larger than 64 KiB")
		}
	}
}

// TestVerifier_Verify_distant: more years than a Duration holds are too many all the same.
func TestVerifier_Verify_distant(t *testing.T) {
	t.Parallel()
	for _, seconds := range []int64{0, 9_999_999_999, 99_999_999_999, 999_999_999_999} {
		header, err := notification.Sign(secret, id, time.Unix(seconds, 0), []byte(body))
		require.NoError(t, err)
		_, err = verifier(t).Verify(header, []byte(body))
		require.ErrorIs(t, err, notification.ErrAge, seconds)
	}
}

func TestNew_refuses(t *testing.T) {
	t.Parallel()
	for name, secrets := range map[string][]string{
		"none": nil, "empty": {""}, "no prefix": {strings.TrimPrefix(secret, "whsec_")}, "short": {"whsec_c2hvcnQ="},
		"no base64": {"whsec_!!!!"}, "long": {"whsec_" + strings.Repeat("YWFh", 30)}, "the second": {secret, "hunter2"},
	} {
		v, err := notification.New(secrets)
		require.Nil(t, v, name)
		require.ErrorContains(t, err, "notification: ", name)
		require.NotContains(t, err.Error(), "hunter2")
		require.NotContains(t, err.Error(), "c2hv")
	}
	for want, opt := range map[string]notification.Option{
		"WithTolerance: ":     notification.WithTolerance(0, 0),
		"WithTolerance: 1s":   notification.WithTolerance(time.Second, -1),
		"WithClock: ":         notification.WithClock(nil),
		"WithSeen: ":          notification.WithSeen(nil),
		"WithLogger: the log": notification.WithLogger(nil),
	} {
		_, err := notification.New([]string{secret}, opt)
		require.ErrorContains(t, err, "notification: "+want)
	}
	_, err := notification.Sign("hunter2", id, sentAt, nil)
	require.ErrorContains(t, err, "the secret must be whsec_")
}

func TestVerifier_printsNoSecret(t *testing.T) {
	t.Parallel()
	v := verifier(t)
	text := fmt.Sprintf("%v %+v %#v", v, v, v)
	inJSON, err := json.Marshal(map[string]any{"verifier": v})
	require.NoError(t, err)
	require.NotContains(t, text+string(inJSON), "0123456789abcdef")
	require.NotContains(t, text+string(inJSON), strings.TrimPrefix(secret, "whsec_"))
	require.NotContains(t, text, "48 49 50 51")
}

// post delivers body to handler.
func post(tb testing.TB, handler http.Handler, header http.Header, body io.Reader) *httptest.ResponseRecorder {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodPost, "/", body)
	r.Header = header
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// broken fails to be read.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection broken") }

func TestVerifier_Handler(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var handled []string
	var fails error
	handler := verifier(t, notification.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))).
		Handler(func(_ context.Context, n *notification.Notification) error {
			handled = append(handled, n.Data.ID)
			return fails
		})
	genuine := signed(t, secret, body)

	fails = errors.New("the database is down")
	got := post(t, handler, genuine, strings.NewReader(body))
	require.Equal(t, http.StatusInternalServerError, got.Code)
	require.NotContains(t, got.Body.String(), "database")
	require.Contains(t, log.String(), "the database is down")
	require.Contains(t, log.String(), id)

	fails = nil
	require.Equal(t, http.StatusNoContent, post(t, handler, genuine, strings.NewReader(body)).Code, "it was not remembered")
	require.Equal(t, http.StatusNoContent, post(t, handler, genuine, strings.NewReader(body)).Code)
	require.Len(t, handled, 2, "and now it is")

	handled = nil
	require.Equal(t, http.StatusUnauthorized, post(t, handler, signed(t, second, body), strings.NewReader(body)).Code)
	require.Contains(t, log.String(), "the signature does not match; the secrets tried, by id: "+api.WebhookSecretID(secret)+`"`)
	require.NotContains(t, log.String(), api.WebhookSecretID(second))
	require.NotContains(t, log.String(), strings.TrimPrefix(secret, "whsec_"))
	require.Equal(t, http.StatusBadRequest, post(t, handler, http.Header{}, strings.NewReader(body)).Code)
	require.Equal(t, http.StatusBadRequest, post(t, handler, genuine, broken{}).Code)
	require.Equal(t, http.StatusRequestEntityTooLarge, post(t, handler, genuine, strings.NewReader(body+strings.Repeat(" ", 64<<10))).Code)
	require.Equal(t, http.StatusUnprocessableEntity, post(t, handler, signed(t, secret, "{}"), strings.NewReader("{}")).Code)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	require.Equal(t, http.StatusMethodNotAllowed, w.Code)
	require.Equal(t, http.MethodPost, w.Header().Get("Allow"))
	require.Empty(t, handled)

	old := verifier(t, notification.WithClock(func() time.Time { return sentAt.Add(time.Hour) })).Handler(nil)
	require.Equal(t, http.StatusBadRequest, post(t, old, genuine, strings.NewReader(body)).Code)
	require.NotContains(t, log.String(), "whsec_")
}

// FuzzVerify: whatever comes, it is refused by a named error, or was signed.
func FuzzVerify(f *testing.F) {
	header := signed(f, secret, body)
	f.Add(id, header.Get("webhook-timestamp"), header.Get("webhook-signature"), body)
	f.Add(id, header.Get("webhook-timestamp"), "v1, v1,, ,v1 v1", body)
	f.Add("", "0", "v1,", "{}")
	f.Fuzz(func(t *testing.T, id, timestamp, signature, text string) {
		header := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {timestamp}, "Webhook-Signature": {signature}}
		n, err := verifier(t).Verify(header, []byte(text))
		if err == nil {
			require.Equal(t, body, text, "only this one was signed")
			require.NotEmpty(t, n.ID)
			return
		}
		require.Nil(t, n)
		for _, known := range []error{notification.ErrHeader, notification.ErrSignature, notification.ErrAge, notification.ErrBody} {
			if errors.Is(err, known) {
				return
			}
		}
		t.Fatal(err)
	})
}
