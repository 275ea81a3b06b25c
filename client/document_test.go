package client_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
)

const evaluated = `{"product":` + aProduct + `,"rejected_items":[]}`

// TestCompleteDocumentation_body: what arrives is the document, whatever the length of its photos, and all of it is told.
func TestCompleteDocumentation_body(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 2, 3, 511, 24<<10 - 1, 24 << 10, 24<<10 + 1, 100_000, 10 << 20} {
		photo := bytes.Repeat([]byte{0xFF, 0xD8, 0xFF, 7, 8}, size/5+1)[:size]
		path := filepath.Join(t.TempDir(), "photo.jpg")
		require.NoError(t, os.WriteFile(path, photo, 0o600))
		var got api.DocumentationInput
		var announced int64
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			announced = r.ContentLength
			body, _ := io.ReadAll(r.Body)
			got = api.DocumentationInput{}
			if err := json.Unmarshal(body, &got); err != nil || int64(len(body)) != announced {
				t.Errorf("%d of %d bytes: %v", len(body), announced, err)
			}
			answer(200, mediaType, evaluated)(w, r)
		})
		d := client.Document{Type: `a "kind"`, Front: client.PhotoFile(path), Back: client.PhotoReader(bytes.NewReader(photo))}
		var steps []int64
		var total int64
		_, err := c.CompleteDocumentation(t.Context(), clientID, requestID, d, client.WithProgress(func(sent, of int64) { steps, total = append(steps, sent), of }))
		require.NoError(t, err)
		require.Equal(t, api.DocumentInput{DocumentType: `a "kind"`, ImageFront: api.NewImage(photo), ImageBack: api.NewImage(photo)}, got.Document)
		require.IsIncreasing(t, append([]int64{0}, steps...))
		require.Equal(t, announced, steps[len(steps)-1])
		require.Equal(t, announced, total)
	}
}

// TestCompleteDocumentation_streams: a photo is read as the server takes it, never as a whole.
func TestCompleteDocumentation_streams(t *testing.T) {
	t.Parallel()
	photo := &position{Reader: bytes.NewReader(make([]byte, 10<<20))}
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		photo.read.Store(0) // it was looked at before
		_, _ = io.CopyN(io.Discard, r.Body, 64<<10)
		if read := photo.read.Load(); read == 0 || read > 8<<20 {
			t.Errorf("%d bytes of the photo are read when a few of the body were taken", read)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		answer(200, mediaType, evaluated)(w, r)
	})
	_, err := c.CompleteDocumentation(t.Context(), clientID, requestID, client.Document{Type: "passport", Front: client.PhotoReader(photo)})
	require.NoError(t, err)
}

// position tells how much of a reader was read.
type position struct {
	*bytes.Reader
	read atomic.Int64
}

func (p *position) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	p.read.Add(int64(n))
	return n, err
}

// TestCompleteDocumentation_input: what need not be sent is refused, by the argument and without what is in it.
func TestCompleteDocumentation_input(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(size int64) client.Photo {
		path := filepath.Join(dir, "canary"+time.Duration(size).String())
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, os.Truncate(path, size))
		return client.PhotoFile(path)
	}
	for name, tt := range map[string]struct {
		change func(*client.Document)
		want   string
	}{
		"no kind":     {func(d *client.Document) { d.Type = "" }, "Document.Type is empty"},
		"no front":    {func(d *client.Document) { d.Front = client.Photo{} }, "Document.Front is no photo"},
		"no file":     {func(d *client.Document) { d.Front = client.PhotoFile(filepath.Join(dir, "canary")) }, "Document.Front: no such file"},
		"a directory": {func(d *client.Document) { d.Back = client.PhotoFile(dir) }, "Document.Back: is not a regular file"},
		"empty":       {func(d *client.Document) { d.Back = file(0) }, "Document.Back: the photo is empty"},
		"too large":   {func(d *client.Document) { d.Front = file(10<<20 + 1) }, "Document.Front: the photo is larger than 10 MiB"},
		"no UTF-8":    {func(d *client.Document) { d.Metadata["number"] = "canary\xff" }, "not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := passport()
			tt.change(&d)
			c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
			_, err := c.CompleteDocumentation(t.Context(), clientID, requestID, d)
			require.ErrorIs(t, err, client.ErrInvalidInput)
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, strings.ToLower(err.Error()), "canary")
		})
	}
}

// TestCompleteDocumentation_repeats: a document that may be stored is sent again only where it may replace itself. One of
// which nothing left is.
func TestCompleteDocumentation_repeats(t *testing.T) {
	t.Parallel()
	const busy = `{"code":"SERVICE_UNAVAILABLE","message":"m"}`
	for name, tt := range map[string]struct {
		read, replace bool
		attempts      int
		outcome       client.Outcome
	}{
		"read, may replace":     {true, true, 3, client.Unknown},
		"read":                  {true, false, 1, client.Unknown},
		"not read, may replace": {false, true, 3, client.Refused},
		"not read":              {false, false, 3, client.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempts := 0
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				attempts++
				if tt.read {
					_, _ = io.Copy(io.Discard, r.Body)
				}
				answer(503, mediaType, busy)(w, r)
			}, client.WithRetry(client.RetryPolicy{BaseDelay: 1, MaxDelay: 1}))
			d := passport()
			d.Replace = tt.replace
			_, err := c.CompleteDocumentation(t.Context(), clientID, requestID, d)
			failed, ok := errors.AsType[*client.Error](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, tt.attempts, attempts)
			require.Equal(t, tt.outcome, failed.Outcome)
			require.NotContains(t, err.Error()+inJSON(t, failed), "CANARY")
		})
	}
}

// TestCompleteDocumentation_slow: an attempt has the time that its photos take on a slow line, and no more.
func TestCompleteDocumentation_slow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const size = 3 << 20 // 4 MiB in base64, two minutes at 32 KiB a second
		for _, tt := range []struct {
			pause time.Duration
			ok    bool
		}{{150 * time.Second, true}, {170 * time.Second, false}} {
			p := &played{lines: []func(*http.Request) (*http.Response, error){func(r *http.Request) (*http.Response, error) {
				_, _ = io.Copy(io.Discard, r.Body)
				select {
				case <-time.After(tt.pause):
					return says(200, evaluated)(r)
				case <-r.Context().Done():
					return nil, r.Context().Err()
				}
			}}}
			_, err := playing(t, p).CompleteDocumentation(t.Context(), clientID, requestID,
				client.Document{Type: "passport", Front: client.PhotoReader(bytes.NewReader(make([]byte, size)))}, client.WithAttempts(1))
			require.Equal(t, tt.ok, err == nil, "%v", err)
		}
	})
}

func TestSettle_document(t *testing.T) {
	t.Parallel()
	missing := strings.Replace(aProduct, `"documents":[]`, `"documents":[{"id":"identity_document","valid_documents":[{"id":"passport"}]}]`, 1)
	for name, tt := range map[string]struct {
		list    string
		replace bool
		want    client.Effect
	}{
		"stored":             {"[" + aProduct + "]", false, client.Done},
		"missing":            {"[" + missing + "]", false, client.NotDone},
		"missing, replacing": {"[" + missing + "]", true, client.NotDone},
		"stored, replacing":  {"[" + aProduct + "]", true, client.Unclear},
		"no such request":    {"[]", false, client.Unclear},
		"not told":           {"[" + strings.Replace(aProduct, `"documents":[]`, `"documents":null`, 1) + "]", false, client.Unclear},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call := client.Call{Operation: "completeDocumentation", ClientID: clientID, RequestID: requestID, Document: "passport", Replace: tt.replace}
			settled, err := serve(t, answer(200, mediaType, tt.list)).Settle(t.Context(), call.Unknown())
			require.NoError(t, err)
			require.Equal(t, tt.want, settled.Effect, settled.Reason)
		})
	}
}

// A number in base64 says as little in a log as in an error: nothing of a document is in what is logged.
func TestCompleteDocumentation_secret(t *testing.T) {
	t.Parallel()
	var s sinks
	_, err := serve(t, answer(500, mediaType, "{}"), append(s.options(), client.WithRetry(client.RetryPolicy{BaseDelay: 1, MaxDelay: 1}))...).
		CompleteDocumentation(t.Context(), clientID, requestID, passport())
	require.Error(t, err)
	told := s.text(t) + err.Error()
	require.NotContains(t, told, "CANARY")
	require.NotContains(t, told, base64.StdEncoding.EncodeToString([]byte("\x89PNG\r\n\x1a\nphoto"))[:12])
}

// alone fails the test if two read it at a time, or one reads on behind the other's back.
type alone struct {
	*bytes.Reader
	t    *testing.T
	busy atomic.Bool
}

func (a *alone) Read(p []byte) (int, error) {
	if !a.busy.CompareAndSwap(false, true) {
		a.t.Error("two attempts read the photo at a time")
	}
	defer a.busy.Store(false)
	return a.Reader.Read(p)
}

// TestCompleteDocumentation_cut: of a body that did not come to its end, nothing was stored, whatever became of the attempt.
// So it is sent again, from its beginning, and also where the transport would still have sent the one before.
func TestCompleteDocumentation_cut(t *testing.T) {
	t.Parallel()
	photo := bytes.Repeat([]byte("\xff\xd8\xff canary"), 400_000)
	for name, line := range map[string]http.HandlerFunc{
		"the connection breaks": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"the server is down":    answer(500, mediaType, ""), // its response may be lost with the connection
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			var got api.DocumentationInput
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if calls.Add(1) == 1 {
					_, _ = io.CopyN(io.Discard, r.Body, 100_000)
					line(w, r)
					return
				}
				if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
					t.Error(err)
				}
				answer(200, mediaType, evaluated)(w, r)
			}, client.WithRetry(client.RetryPolicy{BaseDelay: 1, MaxDelay: 1}))
			var told []int64
			var response client.Response
			d := client.Document{Type: "passport", Front: client.PhotoReader(&alone{Reader: bytes.NewReader(photo), t: t})}
			_, err := c.CompleteDocumentation(t.Context(), clientID, requestID, d, client.WithResponse(&response),
				client.WithProgress(func(sent, _ int64) { told = append(told, sent) }))
			require.NoError(t, err)
			require.Len(t, response.Attempts, 2)
			require.NotEqual(t, client.Unknown, response.Attempts[0].Outcome, response.Attempts[0].Cause)
			require.Equal(t, photo, got.Document.ImageFront.Content)
			again := 0
			for i := range told {
				if i > 0 && told[i] <= told[i-1] {
					again++
				}
			}
			require.Equal(t, 1, again, "each attempt is told from its beginning, and none after its end")
		})
	}
}

// TestCompleteDocumentation_early: a refusal comes before the photos are sent, over HTTP/1 and HTTP/2.
func TestCompleteDocumentation_early(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		for _, status := range []int{401, 429, 503} {
			server := httptest.NewUnstartedServer(answer(status, mediaType, "{}"))
			server.EnableHTTP2 = http2
			server.StartTLS()
			t.Cleanup(server.Close)
			server.Client().Transport.(*http.Transport).ExpectContinueTimeout = time.Minute // a slow machine
			c := newClient(t, client.WithBaseURL(server.URL), client.WithHTTPClient(server.Client()))
			d := client.Document{Type: "passport", Front: client.PhotoReader(bytes.NewReader(make([]byte, 1<<20)))}
			_, err := c.CompleteDocumentation(t.Context(), clientID, requestID, d, client.WithProgress(func(int64, int64) { t.Error("it was sent") }))
			failed, ok := errors.AsType[*client.Error](err)
			require.True(t, ok)
			require.Equal(t, status, failed.StatusCode)
			require.Equal(t, client.Refused, failed.Outcome)
		}
	}
}

// TestCompleteDocumentation_notAsked: a server that can't be asked first is sent the document all the same.
func TestCompleteDocumentation_notAsked(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Expect") != "" {
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		if n, _ := io.Copy(io.Discard, r.Body); n != r.ContentLength {
			t.Error(n)
		}
		answer(200, mediaType, evaluated)(w, r)
	}, client.WithRetry(client.RetryPolicy{BaseDelay: 1, MaxDelay: 1}))
	var response client.Response
	_, err := c.CompleteDocumentation(t.Context(), clientID, requestID, passport(), client.WithResponse(&response))
	require.NoError(t, err)
	require.Len(t, response.Attempts, 2)
	require.Equal(t, client.Refused, response.Attempts[0].Outcome)
}

// unsteady changes, or breaks, when it is read again.
type unsteady struct {
	*bytes.Reader
	opened int
	err    error
}

func (u *unsteady) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		u.opened++
	}
	size, err := u.Reader.Seek(offset, whence)
	if u.opened > 1 && u.err == nil && whence == io.SeekEnd {
		size--
	}
	return size, err
}

func (u *unsteady) Read(p []byte) (int, error) {
	if u.opened > 1 && u.err != nil && u.Len() < 50_000 {
		return 0, u.err
	}
	return u.Reader.Read(p)
}

// TestCompleteDocumentation_unreadable: a photo that can't be read to its end is no document, and not sent again.
func TestCompleteDocumentation_unreadable(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"Document.Back: the photo was changed after the call began": nil,
		"Document.Back: input/output error":                         &os.PathError{Op: "read", Path: "/canary", Err: syscall.EIO},
	} {
		attempts := 0
		c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			attempts++
			_, _ = io.Copy(io.Discard, r.Body)
			panic(http.ErrAbortHandler)
		}, client.WithRetry(client.RetryPolicy{BaseDelay: 1, MaxDelay: 1}))
		d := passport()
		d.Back = client.PhotoReader(&unsteady{Reader: bytes.NewReader(make([]byte, 100_000)), err: err})
		_, err := c.CompleteDocumentation(t.Context(), clientID, requestID, d)
		failed, ok := errors.AsType[*client.Error](err)
		require.True(t, ok)
		require.ErrorIs(t, err, client.ErrInvalidInput)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "canary")
		require.Equal(t, client.NotSent, failed.Outcome)
		require.Len(t, failed.Attempts, 1)
		require.Equal(t, 1, attempts)
	}
}

// TestCompleteDocumentation_ownTimeout: a timeout that the caller set is the one that counts.
func TestCompleteDocumentation_ownTimeout(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		opts []client.Option
		took time.Duration
	}{
		"none":        {nil, 3 * (30*time.Second + 128*time.Second)},
		"an attempt":  {[]client.Option{client.WithAttemptTimeout(time.Second)}, 3 * time.Second},
		"all of them": {[]client.Option{client.WithRetry(client.RetryPolicy{MaxElapsed: time.Minute})}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := passport()
				d.Front = client.PhotoReader(bytes.NewReader(make([]byte, 3<<20))) // two minutes and more at 32 KiB a second
				began := time.Now()
				p := &played{lines: []func(*http.Request) (*http.Response, error){func(r *http.Request) (*http.Response, error) {
					_, _ = io.Copy(io.Discard, r.Body)
					<-r.Context().Done()
					return nil, r.Context().Err()
				}}}
				_, err := playing(t, p, tt.opts...).CompleteDocumentation(t.Context(), clientID, requestID, d)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.InDelta(t, tt.took, time.Since(began), float64(2*time.Second))
			})
		})
	}
}

// TestCompleteDocumentation_memory: the largest document takes a small part of its size. Nothing else may run meanwhile.
func TestCompleteDocumentation_memory(t *testing.T) { //nolint:paralleltest // it measures the process
	path := filepath.Join(t.TempDir(), "photo.jpg")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Truncate(path, 10<<20))
	var got atomic.Int64
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		got.Store(n)
		answer(200, mediaType, evaluated)(w, r)
	})
	d := client.Document{Type: "passport", Front: client.PhotoFile(path), Back: client.PhotoFile(path)}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := c.CompleteDocumentation(t.Context(), clientID, requestID, d)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Greater(t, got.Load(), int64(2*10<<20*4/3))
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), "of 28 MB")
}

// TestCompleteDocumentation_transport: a transport may read a body when it has returned. What it reads is nothing, so that
// the next attempt has the photo for itself.
func TestCompleteDocumentation_transport(t *testing.T) {
	t.Parallel()
	var first io.Reader
	c := newClient(t, client.WithRetry(client.RetryPolicy{BaseDelay: 1, MaxDelay: 1}), client.WithHTTPClient(&http.Client{
		Transport: transport(func(r *http.Request) (*http.Response, error) {
			if first == nil {
				first = r.Body
				_, _ = io.CopyN(io.Discard, r.Body, 100)
				return nil, syscall.ECONNRESET
			}
			if n, err := first.Read(make([]byte, 1)); n != 0 || err == nil {
				t.Error("the body of the first attempt is still read")
			}
			var got api.DocumentationInput
			if err := json.NewDecoder(r.Body).Decode(&got); err != nil || len(got.Document.ImageFront.Content) != 100_000 {
				t.Error(err)
			}
			require.Nil(t, r.GetBody, "with which a transport would send it again")
			return says(200, evaluated)(r)
		}),
	}))
	d := client.Document{Type: "passport", Front: client.PhotoReader(bytes.NewReader(make([]byte, 100_000)))}
	_, err := c.CompleteDocumentation(t.Context(), clientID, requestID, d)
	require.NoError(t, err)
}
