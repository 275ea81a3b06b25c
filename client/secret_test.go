package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
)

// prints returns a value in every way that a program is likely to print it.
func prints(tb testing.TB, value any) string {
	tb.Helper()
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%T"} {
		fmt.Fprintf(&out, verb+"\n", value)
		fmt.Fprintf(&out, verb+"\n", struct{ Field any }{value})
	}
	text, err := json.Marshal(value)
	if err == nil {
		out.Write(text)
	}
	for _, handler := range []slog.Handler{
		slog.NewTextHandler(&out, nil),
		slog.NewJSONHandler(&out, nil),
	} {
		slog.New(handler).Info("m", "value", value)
	}
	return out.String()
}

func requireNoKey(tb testing.TB, value any) {
	tb.Helper()
	text := prints(tb, value)
	require.NotContains(tb, text, key)
	require.NotContains(tb, strings.ToLower(text), fmt.Sprintf("%x", key))
}

func TestClient_printsNoKey(t *testing.T) {
	t.Parallel()
	c := newClient(t, client.WithHTTPClient(&http.Client{}))
	requireNoKey(t, c)
	requireNoKey(t, *c)
	requireNoKey(t, struct{ hidden *client.Client }{c})
	requireNoKey(t, []*client.Client{c})
}

// dump is an error that holds a request, as a careless transport's.
type dump struct{ Request *http.Request }

func (d dump) Error() string {
	text, _ := httputil.DumpRequest(d.Request, false)
	return string(text)
}

// silent is an error whose text does not say what it holds.
type silent struct{ Header http.Header }

func (silent) Error() string { return "connection broken" }

// brokenBody fails to be read.
type brokenBody struct{ err error }

func (b brokenBody) Read([]byte) (int, error) { return 0, b.err }
func (b brokenBody) Close() error             { return nil }

func TestClient_SubmitProduct_errorsShowNoKey(t *testing.T) {
	t.Parallel()
	t.Run("transport", func(t *testing.T) {
		t.Parallel()
		cause := errors.New("the cause")
		for _, make := range []func(req *http.Request) error{
			func(req *http.Request) error { return fmt.Errorf("refused header %v: %w", req.Header, cause) },
			func(req *http.Request) error { return fmt.Errorf("refused header %q: %w", req.Header, cause) },
			func(req *http.Request) error { return errors.Join(dump{req}, cause) },
		} {
			c := newClient(t, client.WithHTTPClient(&http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
				return nil, make(req)
			})}))
			failed := callFails(t, c)
			require.ErrorContains(t, failed, "[redacted]")
			require.ErrorIs(t, failed, cause)
		}
	})
	t.Run("dump is still found", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, client.WithHTTPClient(&http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
			return nil, dump{req}
		})}))
		_, ok := errors.AsType[dump](error(callFails(t, c)))
		require.True(t, ok)
	})
	t.Run("fields of a cause", func(t *testing.T) {
		t.Parallel()
		for _, status := range []int{200, 500} {
			c := newClient(t, client.WithHTTPClient(&http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: status, Body: brokenBody{silent{req.Header}}}, nil
			})}))
			failed := callFails(t, c)
			held, ok := errors.AsType[silent](error(failed))
			require.True(t, ok)
			require.Equal(t, key, held.Header.Get("x-api-key"))
		}
	})
	t.Run("response", func(t *testing.T) {
		t.Parallel()
		for _, status := range []int{200, 204, 307, 401, 500} {
			for _, body := range []string{
				`{"code":"` + key + `","message":"Invalid API key ` + key + `","trace_id":"` + key + `"}`,
				`{"message":"\u0073` + key[1:] + `"}`, // an "s", escaped
				"<p>" + key + "</p>",
			} {
				if status == 204 {
					body = ""
				}
				c := serve(t, answer(status, "text/html; key="+key, body, "X-Trace-Id", key, "Location", "https://elsewhere.example/?key="+key))
				failed := callFails(t, c)
				require.NotContains(t, string(failed.Body), key)
				require.NotContains(t, string(failed.Body), key[1:], "with the first letter escaped")
				require.NotContains(t, failed.Message, key)
				require.NotContains(t, failed.TraceID, key)
				require.NotContains(t, failed.Code, key)
			}
		}
	})
	t.Run("what comes with a submission", func(t *testing.T) {
		t.Parallel()
		for _, repeated := range []string{key, `\u0073` + key[1:], `\u0073\u006b` + key[2:], "\\\"" + key + "\\\""} {
			body := strings.Replace(seed(t), `"cards_individuals"`, `"`+repeated+`", "key": "`+repeated+`", "`+repeated+`": 1`, 1)
			var response client.Response
			c := serve(t, answer(200, "application/"+key, body, "X-Trace-Id", key))
			_, err := c.SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
			require.NoError(t, err)
			requireNoKey(t, response)
			require.NotContains(t, string(response.Body), key[2:])
			require.Contains(t, string(response.Body), "[redacted]")
			require.True(t, json.Valid(response.Body))
			require.Equal(t, []string{`the media type is "application/[redacted]", not application/json`}, response.Oddities)
		}
	})
	t.Run("cut in the middle of the key", func(t *testing.T) {
		t.Parallel()
		for left := range len(key) {
			body := strings.Repeat("x", 16<<10-left) + key + strings.Repeat("x", 1<<10)
			failed := callFails(t, serve(t, answer(401, "text/plain", body)))
			require.Equal(t, "x", strings.Trim(strings.TrimSuffix(string(failed.Body), "[redacted]"), "x")+"x")
		}
	})
	t.Run("redirect that net/http cannot read", func(t *testing.T) {
		t.Parallel()
		failed := callFails(t, serve(t, answer(307, "text/html", "", "Location", "https://%zz/"+key)))
		require.ErrorIs(t, failed, client.ErrRedirect)
		require.Equal(t, 307, failed.StatusCode)
	})
	t.Run("as an id", func(t *testing.T) {
		t.Parallel()
		c := serve(t, answer(200, "application/json", seed(t)))
		submission, err := c.SubmitProduct(t.Context(), key, key)
		require.ErrorIs(t, failure(t, submission, err), client.ErrInvalidResponse)
		submission, err = c.SubmitProduct(t.Context(), key+"\n", key)
		require.ErrorIs(t, failure(t, submission, err), client.ErrInvalidInput)
	})
	t.Run("key that has to be escaped", func(t *testing.T) {
		t.Parallel()
		const odd = `sk/"<canary>\&+` + "end"
		inJSON, err := json.Marshal(odd)
		require.NoError(t, err)
		for _, body := range []string{
			odd, strconv.Quote(odd), `{"message":` + string(inJSON) + `}`, url.QueryEscape(odd), url.PathEscape(odd),
			html.EscapeString(odd), strings.ReplaceAll(odd, "/", `\/`),
		} {
			c, err := client.New(odd, client.WithHTTPClient(&http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
				return nil, errors.New(body)
			})}))
			require.NoError(t, err)
			_, err = c.SubmitProduct(t.Context(), clientID, requestID)
			require.ErrorContains(t, err, "[redacted]")
			require.NotContains(t, err.Error(), "canary")
		}
	})
}
