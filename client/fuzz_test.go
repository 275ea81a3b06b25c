package client_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
)

// FuzzReply holds any reply against what a caller may rely on: either a submission of the submitted
// request or an *Error with the reply's status, in one line and without the key.
func FuzzReply(f *testing.F) {
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

// said is a connection that says something and ends.
type said struct {
	net.Conn
	text io.Reader
}

func (s said) Read(p []byte) (int, error) { return s.text.Read(p) }

// FuzzPaced: net/http reads the same response from a paced connection as from any other one, and has not a
// byte beyond it.
func FuzzPaced(f *testing.F) {
	for _, header := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.0 304 X\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n2\r\nab\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n2\r\nab\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length:2\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 200 OK\nA: b\n Content-Length: 9\nContent-Length: 2\n\n",
		"HTTP/1.1 200\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 0\r\n\r\n", "HTTP/2.0 200 OK\r\ncontent-length : 1\r\n\r\n",
	} {
		f.Add(header + "{}" + "and more\nthan that")
	}
	f.Fuzz(func(t *testing.T, text string) {
		read := func(reader *bufio.Reader) (string, bool) {
			resp, err := http.ReadResponse(reader, &http.Request{Method: http.MethodPost})
			if err != nil {
				return err.Error(), false
			}
			body, err := io.ReadAll(resp.Body)
			return fmt.Sprint(resp.StatusCode, resp.Header, resp.ContentLength, resp.Close, resp.Trailer, string(body), err), err == nil && !resp.Close
		}
		want, _ := read(bufio.NewReader(strings.NewReader(text)))
		paced := bufio.NewReader(client.NewPaced(said{text: strings.NewReader(text)}))
		got, whole := read(paced)
		require.Equal(t, want, got)
		if whole {
			require.Zero(t, paced.Buffered(), "what would be logged")
		}
	})
}
