package contract

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/cryptomate-go/enablement/gen/api"
)

// NotificationTransport is [Contract.Transport] for the sender of notifications. It takes every request for a
// notification, whatever its address.
func (c *Contract) NotificationTransport(next http.RoundTripper) http.RoundTripper {
	return around(c.beginNotification, next)
}

// NotificationHandler is [Contract.Handler] for the provider. It goes around the provider's handler of
// notifications.
func (c *Contract) NotificationHandler(next http.Handler) http.Handler {
	return inFront(c.beginNotification, next)
}

// CheckNotification returns what is wrong with a notification to the provider, and with the provider's
// response, which may be nil. It reads the notification's body and puts it back.
func (c *Contract) CheckNotification(r *http.Request, response *http.Response) []Finding {
	x := c.beginNotification(r)
	x.request()
	if response != nil {
		x.read(response)
	}
	return c.settle(x)
}

// beginNotification starts to look at a notification.
func (c *Contract) beginNotification(r *http.Request) *exchange {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.tick++
	return &exchange{
		c: c, r: r, began: c.tick, notifies: true, route: route{op: c.callback},
		curl: curlOf(r, `"$PROVIDER_URL"`, ""),
	}
}

const (
	idHeader        = "Webhook-Id"
	timestampHeader = "Webhook-Timestamp"
	signatureHeader = "Webhook-Signature"
)

// notice is what is known of a notification.
type notice struct {
	body  [32]byte
	taken uint64 // when the provider was seen to take it; 0 is not yet
}

// notification checks what the provider is sent.
func (x *exchange) notification() {
	op := x.op
	if x.r.Method != op.method {
		x.find(ruleMethod, "method", line(op.item.Origin), "the method "+op.method, x.r.Method)
	}
	x.parameters()
	var err error
	x.sent.most = largest
	if x.sent.body, err = take(&x.r.Body, x.r.ContentLength, largest); err != nil {
		x.find(ruleCut, "", line(op.Origin), "the whole body", nil)
		return
	}
	sent := x.sent.body
	if !x.decode(&x.sent, x.r.Header, line(op.Origin)) {
		return
	}
	x.signatures(sent)
	x.wrong = len(x.findings) > 0
	if len(x.sent.body) == 0 {
		x.find(ruleBody, "", line(op.RequestBody.Value.Origin), "a body", nil)
		return
	}
	x.typed(&x.sent, ruleSentType, x.r.Header.Get("Content-Type"), op.RequestBody.Value.Content, line(op.RequestBody.Value.Origin))
	if body, ok := x.sent.value.(map[string]any); ok {
		data, _ := body["data"].(map[string]any)
		x.entered(body, data)
		x.rememberNotification(data)
	}
}

// signatures checks their form, and whether they are genuine where the secrets are known. Whoever
// compresses may do so before signing or after, so that the body as it was sent will do, too.
func (x *exchange) signatures(sent []byte) {
	written := x.r.Header.Get(signatureHeader)
	if written == "" {
		return // which is a finding already
	}
	var sums [][]byte
	for one := range strings.SplitSeq(written, " ") {
		encoded, ok := strings.CutPrefix(one, "v1,")
		sum, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if !ok || err != nil || len(sum) != sha256.Size {
			x.find(ruleSignature, "header "+signatureHeader, x.headerLine(signatureHeader), "v1, and base64 of 32 bytes", one)
			return
		}
		sums = append(sums, sum)
	}
	for _, secret := range x.c.secrets {
		for _, body := range [][]byte{x.sent.body, sent} {
			mac := hmac.New(sha256.New, secret)
			_, _ = fmt.Fprintf(mac, "%s.%s.%s", x.r.Header.Get(idHeader), x.r.Header.Get(timestampHeader), body)
			want := mac.Sum(nil)
			if slices.ContainsFunc(sums, func(sum []byte) bool { return hmac.Equal(sum, want) }) {
				return
			}
		}
	}
	if len(x.c.secrets) > 0 {
		x.find(ruleForged, "header "+signatureHeader, x.headerLine(signatureHeader), "a signature by one of the secrets over id, timestamp and body", nil)
	}
}

// headerLine is where a header of the request is described.
func (x *exchange) headerLine(name string) int {
	for _, p := range x.op.parameters {
		if strings.EqualFold(p.Name, name) {
			return line(p.Origin)
		}
	}
	return line(x.op.Origin)
}

// entered checks what holds across the fields of a notification.
func (x *exchange) entered(body, data map[string]any) {
	status := api.ProductStatus(text(data, "status"))
	if text(body, "type") == string(api.NotificationProductInKyc) && status.Valid() && status != api.InKyc {
		x.find(ruleNotifyStatus, "/data/status", x.schemaLine("NotificationData"), "in_kyc, as the type says so", status)
	}
	submitted, err := api.ParseTimestamp(text(data, "submitted_at"))
	if err != nil {
		return
	}
	if happened, err := api.ParseTimestamp(text(body, "timestamp")); err == nil && !happened.Equal(submitted.Time) {
		x.find(ruleNotifyTime, "/timestamp", x.schemaLine("Notification"), "the moment of /data/submitted_at", text(body, "timestamp"))
	}
	signed, err := strconv.ParseInt(x.r.Header.Get(timestampHeader), 10, 64)
	if err == nil && signed < submitted.Unix() {
		x.find(ruleSignedBefore, "header "+timestampHeader, x.headerLine(timestampHeader), "a moment not before /data/submitted_at", signed)
	}
}

// rememberNotification holds a notification against the earlier ones.
func (x *exchange) rememberNotification(data map[string]any) {
	id, about := x.r.Header.Get(idHeader), text(data, "client_id")+"\n"+text(data, "id")
	if x.wrong || id == "" {
		return // who knows what it is
	}
	c, sum := x.c, sha256.Sum256(x.sent.body)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if earlier := c.notices.get(id); earlier == nil {
		c.notices.put(id, &notice{body: sum})
	} else if !bytes.Equal(earlier.body[:], sum[:]) {
		x.find(ruleNotifyRepeat, "", line(x.op.Origin), "the very bytes of the first attempt with this webhook-id", nil)
		return
	}
	if first := c.notified.get(about); first == "" {
		c.notified.put(about, id)
	} else if first != id {
		x.find(ruleNotifyTwice, "header "+idHeader, x.headerLine(idHeader), "the webhook-id of the first notification about this request", id)
	}
}

// taken checks how the provider answers.
func (x *exchange) taken(status int) {
	c, success := x.c, status/100 == 2
	if status/100 == 3 {
		x.find(ruleRedirected, "status", line(x.op.Origin), "no redirect", status)
	}
	if success && x.wrong {
		x.find(ruleForgeryTaken, "status", line(x.op.Origin), "a refusal of what isn't signed as described", status)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.tick++
	earlier := c.notices.get(x.r.Header.Get(idHeader))
	if earlier == nil || x.wrong {
		return
	}
	if success && earlier.taken == 0 {
		earlier.taken = c.tick
	}
	// A provider may be in trouble, busy, or gone for good; any other refusal is about the notification.
	about := status/100 == 4 && status != http.StatusRequestTimeout && status != http.StatusGone && status != http.StatusTooManyRequests
	if about && earlier.taken > 0 && x.began > earlier.taken {
		x.find(ruleRepeatRefused, "status", line(x.op.Origin), "success again, as it was taken before", status)
	}
}
