package client_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
)

// FuzzResponse holds any response against what a caller may rely on: either a submission of the submitted
// request or an *Error with the response's status, in one line and without the key.
func FuzzResponse(f *testing.F) {
	documented := seed(f)
	for _, status := range []int{101, 200, 204, 302, 400, 401, 404, 409, 429, 500, 503, 999} {
		for _, contentType := range []string{"application/json", "application/json; charset=utf-8", "text/html", ""} {
			for _, body := range []string{
				"", "null", "{}", "[]", "<html>", documented, documented + documented, documented[:200],
				`{"code":"VAL","message":"m","trace_id":"t"}`, `{"error_code":"TOO_MANY_REQUESTS","message":"a\nb"}`,
				`{"product":{"id":"` + requestID + `","client_id":"` + clientID + `","status":"x"}}`,
				key, `{"message":"` + key + `"}`,
			} {
				f.Add(status, contentType, "4", body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, status int, contentType, retryAfter, body string) {
		if status < 100 || status > 999 { // net/http reads three digits
			t.Skip()
		}
		c := newClient(t, client.WithHTTPClient(&http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: status,
				Header: http.Header{
					"Content-Type": {contentType}, "Retry-After": {retryAfter},
					"X-Trace-Id": {contentType}, "Location": {contentType},
				},
				Body:    io.NopCloser(strings.NewReader(body)),
				Request: req,
			}, nil
		})}))
		submission, err := c.SubmitProduct(t.Context(), clientID, requestID)
		if err == nil {
			require.Equal(t, 200, status)
			require.NotNil(t, submission)
			require.Equal(t, requestID, submission.Product.ID)
			require.Equal(t, clientID, submission.Product.ClientID)
			require.NotEmpty(t, submission.Product.Status)
			return
		}
		failed := failure(t, submission, err)
		require.Equal(t, status, failed.StatusCode)
		if status < 400 || status > 499 {
			require.Equal(t, client.Unknown, failed.Outcome)
		}
		require.GreaterOrEqual(t, failed.RetryAfter, time.Duration(0))
		require.LessOrEqual(t, len(failed.Body), 16<<10+len("[redacted]")*len(body))
	})
}
