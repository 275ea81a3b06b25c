package contract_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server/contract"
)

const entered = `{"type":"product.in_kyc","timestamp":"2026-04-16T09:20:00","data":{"id":"rq_1","client_id":"cl_1",` +
	`"company_id":"cmp_1","product":"cards_individuals","status":"in_kyc","submitted_at":"2026-04-16T09:20:00"}}`

func notification(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://provider.test/hook/a-token?key=another", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("webhook-id", "ntf_1")
	r.Header.Set("webhook-timestamp", "1776331200")
	r.Header.Set("webhook-signature", "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4= v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=")
	return r
}

// TestNotification_line holds the lines of findings against the file, and looks for the address in them.
func TestNotification_line(t *testing.T) {
	t.Parallel()
	lines := strings.Split(spec.YAML(), "\n")
	for name, test := range map[string]struct {
		notice                *http.Request
		rule, pointer, inLine string
	}{
		"value":  {notification(strings.Replace(entered, "in_kyc", "done", 1)), "schema.enum", "/type", "enum: [product.in_kyc]"},
		"field":  {notification(strings.Replace(entered, `"id":"rq_1",`, "", 1)), "schema.required", "/data/id", "required: [id, client_id, company_id"},
		"fields": {notification(strings.Replace(entered, `"status":"in_kyc"`, `"status":"enabled"`, 1)), "notification.status", "/data/status", "NotificationData:"},
	} {
		findings := newContract(t).CheckNotification(test.notice, nil)
		require.Len(t, findings, 1, name)
		require.Equal(t, test.rule, findings[0].Rule)
		require.Equal(t, test.pointer, findings[0].Pointer)
		require.Contains(t, lines[findings[0].SpecLine-1], test.inLine)
		require.Contains(t, findings[0].Curl, `curl -sS -i -X POST "$PROVIDER_URL" -H `)
		require.NotContains(t, findings[0].String(), "token")
		require.NotContains(t, findings[0].String(), "another")
	}
	unsigned := notification(entered)
	unsigned.Header.Set("webhook-signature", "v1,short")
	findings := newContract(t).CheckNotification(unsigned, &http.Response{StatusCode: http.StatusOK})
	require.Equal(t, []string{"notification.signature", "notification.taken"}, rulesOf(findings))
	require.Contains(t, lines[findings[0].SpecLine-1], "WebhookSignature:")
	require.Contains(t, lines[findings[1].SpecLine-1], "post:")
}

// TestNotification_right has two attempts pass.
func TestNotification_right(t *testing.T) {
	t.Parallel()
	c := newContract(t)
	require.Empty(t, c.CheckNotification(notification(entered), &http.Response{StatusCode: http.StatusServiceUnavailable}))
	require.Empty(t, c.CheckNotification(notification(entered), &http.Response{StatusCode: http.StatusNoContent}))
	require.Empty(t, c.Findings())
}

// TestNotification_around has notifications pass as they are, over a network.
func TestNotification_around(t *testing.T) {
	t.Parallel()
	inside, outside := newContract(t), newContract(t)
	server := httptest.NewServer(inside.NotificationHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != entered {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		w.Header().Set("X-Provider", "yes")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "thanks")
	})))
	t.Cleanup(server.Close)
	client := http.Client{Transport: outside.NotificationTransport(server.Client().Transport)}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(entered))
	require.NoError(t, err)
	r.Header = notification("").Header
	answer, err := client.Do(r)
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusAccepted, answer.StatusCode)
	require.Equal(t, "yes", answer.Header.Get("X-Provider"))
	require.Equal(t, "thanks", string(body))
	require.Empty(t, inside.Findings())
	require.Empty(t, outside.Findings())
}

func TestWithout(t *testing.T) {
	t.Parallel()
	c := newContract(t, contract.Without("json.trailing", "schema.required"), contract.Without("schema.undeclared_field"))
	require.Empty(t, c.Check(request(), response(200, strings.Replace(good, `"rejected_items"`, `"rejections"`, 1)+"{}")))
	_, err := contract.New(contract.Without("json.trailing", "jsn.traling"))
	require.EqualError(t, err, `contract: Without: there is no rule "jsn.traling"; close to it are json.trailing, json.utf8, json.syntax`)
	_, err = contract.New(contract.Without(""))
	require.Error(t, err)
}

// FuzzCheckNotification has any notification checked without a panic, and read to its end after it.
func FuzzCheckNotification(f *testing.F) {
	f.Add([]byte(entered), "v1,a", "0")
	f.Add([]byte(`{"data":[],"type":7}`), "", "-1")
	f.Fuzz(func(t *testing.T, body []byte, signature, timestamp string) {
		r := notification(string(body))
		r.Header["Webhook-Signature"], r.Header["Webhook-Timestamp"] = []string{signature}, []string{timestamp}
		findings := newContract(t, contract.WithValues()).CheckNotification(r, nil)
		after, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, string(body), string(after))
		require.True(t, json.Valid(body) || len(findings) > 0)
	})
}
