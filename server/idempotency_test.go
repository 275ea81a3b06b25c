package server_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server"
)

// numbered responds with another time of creation each time.
func numbered() submit {
	calls := &counter{}
	return func(_ context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
		calls.add()
		response := submission(r.ClientID, r.ProductRequestID)
		response.Body.Product.CreatedAt = api.NewTimestamp(time.Unix(int64(calls.count()), 0))
		return response, nil
	}
}

func keyed(target, key string) *http.Request {
	r := request(http.MethodPost, target)
	r.Header.Set("Idempotency-Key", key)
	return r
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	other := strings.Replace(goodPath, requestID, "another", 1)
	f := newFixture(t, numbered(), server.WithIdempotency(server.NewMemoryIdempotency()))
	first := f.ask(t, keyed(goodPath, "k"))
	require.Equal(t, http.StatusOK, first.status)
	again := f.ask(t, keyed(goodPath, "k"))
	require.Equal(t, http.StatusOK, again.status)
	require.Equal(t, string(first.body), string(again.body), "the same bytes")
	require.NotEqual(t, first.traceID, again.traceID, "a trace id of its own")
	require.Equal(t, 1, f.calls.count())

	mismatch := f.ask(t, keyed(other, "k"))
	require.Equal(t, http.StatusUnprocessableEntity, mismatch.status)
	require.Equal(t, api.CodeIdempotencyMismatch, mismatch.code)
	require.Equal(t, string(first.body), string(f.ask(t, keyed(goodPath, "k")).body), "a mismatch spoils nothing")
	require.Equal(t, 1, f.calls.count())

	for _, r := range []*http.Request{keyed(goodPath, "l"), request(http.MethodPost, goodPath), request(http.MethodPost, goodPath)} {
		require.NotEqual(t, string(first.body), string(f.ask(t, r).body), "another call")
	}
	require.Equal(t, 4, f.calls.count())
}

// Nothing but a success is kept: what is refused, fails, panics or is not as described is asked for again.
func TestIdempotency_onlySuccess(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]submit{
		"refused":     fails(server.Conflict(api.CodeVal, "no")),
		"failed":      fails(errors.New("disk full")),
		"unavailable": fails(server.Unavailable(time.Second, nil)),
		"panic": func(context.Context, api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
			panic("oh")
		},
		"not as described": responds(api.SubmitProduct200JSONResponse{}),
		"written refusal": responds(writes(func(w http.ResponseWriter) error {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusConflict)
			_, err := w.Write([]byte(`{"code":"VAL","message":"no","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}`))
			return err
		})),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			impl := first
			f := newFixture(t, func(ctx context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
				return impl(ctx, r)
			}, server.WithIdempotency(server.NewMemoryIdempotency()))
			w := httptest.NewRecorder()
			f.ServeHTTP(w, keyed(goodPath, "k"))
			require.GreaterOrEqual(t, w.Code, 400)
			impl = works
			require.Equal(t, http.StatusOK, f.ask(t, keyed(goodPath, "k")).status)
			require.Equal(t, 2, f.calls.count())
		})
	}
	t.Run("not valid", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, works, server.WithIdempotency(server.NewMemoryIdempotency()))
		require.Equal(t, http.StatusBadRequest, f.ask(t, keyed(goodPath+"?a=b", "k")).status)
		require.Equal(t, http.StatusOK, f.ask(t, keyed(goodPath, "k")).status, "the key is still free")
	})
	t.Run("aborted", func(t *testing.T) {
		t.Parallel()
		abort := true
		f := newFixture(t, func(ctx context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
			if abort {
				panic(http.ErrAbortHandler)
			}
			return works(ctx, r)
		}, server.WithIdempotency(server.NewMemoryIdempotency()))
		require.Panics(t, func() { f.ServeHTTP(httptest.NewRecorder(), keyed(goodPath, "k")) })
		abort = false
		require.Equal(t, http.StatusOK, f.ask(t, keyed(goodPath, "k")).status)
	})
}

func TestIdempotency_inProgress(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	f := newFixture(t, func(ctx context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
		close(entered)
		<-leave
		return works(ctx, r)
	}, server.WithIdempotency(server.NewMemoryIdempotency()))
	first := make(chan string)
	go func() {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, keyed(goodPath, "k"))
		first <- w.Body.String()
	}()
	<-entered
	early := f.ask(t, keyed(goodPath, "k"))
	require.Equal(t, http.StatusConflict, early.status)
	require.Equal(t, api.CodeIdempotencyInProgress, early.code)
	require.Equal(t, "1", early.header.Get("Retry-After"))
	require.Equal(t, http.StatusUnprocessableEntity, f.ask(t, keyed(strings.Replace(goodPath, requestID, "another", 1), "k")).status)
	close(leave)
	require.Equal(t, <-first, string(f.ask(t, keyed(goodPath, "k")).body))
	require.Equal(t, 1, f.calls.count())
}

// Of many at once one is made, and whoever gets a response gets that one.
func TestIdempotency_atOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, numbered(), server.WithIdempotency(server.NewMemoryIdempotency()))
	responses := make([]*httptest.ResponseRecorder, 64)
	var callers sync.WaitGroup
	for i := range responses {
		responses[i] = httptest.NewRecorder()
		callers.Go(func() { f.ServeHTTP(responses[i], keyed(goodPath, "k")) })
	}
	callers.Wait()
	require.Equal(t, 1, f.calls.count())
	body := string(f.ask(t, keyed(goodPath, "k")).body)
	for _, w := range responses {
		if w.Code != http.StatusConflict {
			require.Equal(t, http.StatusOK, w.Code)
			require.Equal(t, body, w.Body.String())
		}
	}
}

func TestIdempotency_window(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, numbered(), server.WithIdempotency(server.NewMemoryIdempotency()))
		first := f.ask(t, keyed(goodPath, "k"))
		time.Sleep(24*time.Hour - time.Microsecond)
		require.Equal(t, string(first.body), string(f.ask(t, keyed(goodPath, "k")).body))
		time.Sleep(time.Microsecond)
		anew := f.ask(t, keyed(goodPath, "k"))
		require.NotEqual(t, string(first.body), string(anew.body), "the window is over")
		time.Sleep(time.Hour)
		require.Equal(t, string(anew.body), string(f.ask(t, keyed(goodPath, "k")).body), "and a new one began")
	})
}

func TestMemoryIdempotency_Forget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := server.NewMemoryIdempotency()
		f := newFixture(t, numbered(), server.WithIdempotency(store))
		others := strings.Replace(goodPath, clientID, "another", 1)
		first, other := f.ask(t, keyed(goodPath, "k")), f.ask(t, keyed(others, "l"))
		store.Forget(clientID)
		anew := f.ask(t, keyed(goodPath, "k"))
		require.NotEqual(t, string(first.body), string(anew.body))
		require.Equal(t, string(other.body), string(f.ask(t, keyed(others, "l")).body))
		time.Sleep(24 * time.Hour)
		require.Equal(t, 3, f.calls.count())
		f.ask(t, keyed(goodPath, "k"))
		require.Equal(t, 4, f.calls.count(), "what came after has a window of its own")
	})
}

// A call that was running when its client was deleted leaves no response with the client's data.
func TestMemoryIdempotency_Forget_running(t *testing.T) {
	t.Parallel()
	store := server.NewMemoryIdempotency()
	key := server.Idempotency{ID: [32]byte{1}, ClientID: clientID}
	for range 2 {
		recorded, err := store.Begin(t.Context(), key)
		require.NoError(t, err)
		require.Nil(t, recorded)
		store.Forget(clientID)
		require.NoError(t, store.Finish(t.Context(), key, server.RecordedResponse{Status: http.StatusOK}))
	}
}

// TestIdempotencyFrom: who keeps responses himself gets to know a repeat by the same hashes.
func TestIdempotencyFrom(t *testing.T) {
	t.Parallel()
	_, ok := server.IdempotencyFrom(t.Context())
	require.False(t, ok)
	doc, err := spec.GetSpec()
	require.NoError(t, err)
	doc.Paths.Find(template).Post.RequestBody = &openapi3.RequestBodyRef{
		Value: openapi3.NewRequestBody().WithContent(openapi3.NewContentWithJSONSchema(openapi3.NewObjectSchema())),
	}
	of := func(company, client, request, key, body string) (got server.Idempotency) {
		h, err := server.HandlerOf(doc, submit(func(ctx context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
			var ok bool
			got, ok = server.IdempotencyFrom(ctx)
			require.Equal(t, key != "", ok)
			return works(ctx, r)
		}), server.WithAuthenticator(server.AuthenticatorFunc(func(context.Context, string, netip.Addr) (server.Principal, error) {
			return server.Principal{CompanyID: company, AccessLevel: 3}, nil
		})))
		require.NoError(t, err)
		r := httptest.NewRequest(http.MethodPost, "/management/clients/individuals/"+client+"/products/"+request+"/submit", strings.NewReader(body))
		r.Header.Set("X-Api-Key", goodKey)
		r.Header.Set("Content-Type", "application/json")
		if key != "" {
			r.Header.Set("Idempotency-Key", key)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		return got
	}
	require.Zero(t, of("a", "b", "c", "", `{}`))
	base := of("a", "b", "c", "k", `{"x":1.0,"y":[{"a":"é","b":null}]}`)
	require.Equal(t, "b", base.ClientID)
	require.Equal(t, base, of("a", "b", "c", "k", ` { "y": [ {"b": null, "a": "\u00e9"} ], "x": 1.0 } `), "the same in another way")
	require.NotEqual(t, base.ID, of("x", "b", "c", "k", `{}`).ID, "companies don't meet")
	require.NotEqual(t, base.ID, of("a", "b", "c", "l", `{}`).ID)
	require.Equal(t, base.ID, of("a", "x", "y", "k", `{}`).ID)
	empty := of("a", "b", "c", "k", `{}`).Fingerprint
	for _, body := range []string{`{"x":1}`, `{"x":"1"}`, `{"x":10000000000000000000000001}`, `{"x":10000000000000000000000002}`, `{"y":1}`, `{"x":[1,2]}`, `{"x":[2,1]}`} {
		require.NotEqual(t, empty, of("a", "b", "c", "k", body).Fingerprint, body)
		require.Equal(t, of("a", "b", "c", "k", body), of("a", "b", "c", "k", body+"\n"))
	}
	require.NotEqual(t, of("a", "b", "c", "k", `{"x":10000000000000000000000001}`), of("a", "b", "c", "k", `{"x":10000000000000000000000002}`))
	require.NotEqual(t, empty, of("a", "x", "c", "k", `{}`).Fingerprint)
	require.NotEqual(t, of("a", "bc", "d", "k", `{}`).Fingerprint, of("a", "b", "cd", "k", `{}`).Fingerprint, "parts don't run into each other")
}

// What was recorded by an earlier version is found: the hashes stay as they are.
func TestIdempotencyFrom_stays(t *testing.T) {
	t.Parallel()
	var got server.Idempotency
	f := newFixture(t, func(ctx context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
		got, _ = server.IdempotencyFrom(ctx)
		return works(ctx, r)
	})
	f.ask(t, keyed(goodPath, "k"))
	require.Equal(t, sha256.Sum256([]byte("\x00\x00\x00\x05cmp_1\x00\x00\x00\x0dsubmitProduct\x00\x00\x00\x01k")), got.ID)
	require.Equal(t, sha256.Sum256([]byte("\x00\x00\x00\x20"+clientID+"\x00\x00\x00\x20"+requestID)), got.Fingerprint)
}

// faultyStore is a store that fails.
type faultyStore struct{ begin, finish error }

func (s faultyStore) Begin(context.Context, server.Idempotency) (*server.RecordedResponse, error) {
	return nil, s.begin
}

func (s faultyStore) Finish(ctx context.Context, _ server.Idempotency, _ server.RecordedResponse) error {
	if _, bounded := ctx.Deadline(); !bounded {
		return errors.New("it could take for ever")
	}
	return errors.Join(ctx.Err(), s.finish)
}

func (s faultyStore) Abort(ctx context.Context, key server.Idempotency) error {
	return s.Finish(ctx, key, server.RecordedResponse{})
}

func TestIdempotency_storeFails(t *testing.T) {
	t.Parallel()
	for err, status := range map[error]int{
		errors.New("canary"):                             http.StatusInternalServerError,
		context.DeadlineExceeded:                         http.StatusServiceUnavailable,
		server.Unavailable(time.Second, errors.New("x")): http.StatusServiceUnavailable,
	} {
		f := newFixture(t, works, server.WithIdempotency(faultyStore{begin: err}))
		require.Equal(t, status, f.ask(t, keyed(goodPath, "k")).status)
		require.Zero(t, f.calls.count(), "it can't be known whether it was made before")
	}
	f := newFixture(t, works, server.WithIdempotency(faultyStore{finish: errors.New("disk full")}))
	done := f.ask(t, keyed(goodPath, "canary"))
	require.Equal(t, http.StatusOK, done.status, "it is done")
	lines := f.log.lines(t, "ERROR")
	require.Len(t, lines, 1)
	require.Equal(t, "disk full", lines[0]["err"])
	require.Equal(t, done.traceID, lines[0]["trace_id"])
	require.NotContains(t, f.log.String(), "canary")
}

// A caller who leaves leaves no key behind that is taken.
func TestIdempotency_callerLeaves(t *testing.T) {
	t.Parallel()
	for name, impl := range map[string]submit{"done": works, "given up": fails(context.Canceled)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, leave := context.WithCancel(t.Context())
			f := newFixture(t, func(c context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
				leave()
				return impl(c, r)
			}, server.WithIdempotency(faultyStore{}))
			f.ServeHTTP(httptest.NewRecorder(), keyed(goodPath, "k").WithContext(ctx))
			require.Empty(t, f.log.lines(t, "ERROR"), "the store had time")
		})
	}
}

func TestWithIdempotency_refuses(t *testing.T) {
	t.Parallel()
	allowed := server.WithAuthenticator(server.AuthenticatorFunc(allow))
	_, err := server.Handler(submit(works), allowed, server.WithIdempotency(nil))
	require.ErrorContains(t, err, "WithIdempotency: the store is nil")
	_, err = server.Handler(submit(works), allowed, server.WithIdempotency((*server.MemoryIdempotency)(nil)))
	require.ErrorContains(t, err, "WithIdempotency: the store is nil")
	for _, status := range []int{http.StatusConflict, http.StatusUnprocessableEntity} {
		doc, err := spec.GetSpec()
		require.NoError(t, err)
		responses := doc.Paths.Find(template).Post.Responses
		responses.Delete("default")
		responses.Delete(fmt.Sprint(status))
		_, err = server.HandlerOf(doc, submit(works), allowed, server.WithIdempotency(server.NewMemoryIdempotency()))
		require.ErrorContains(t, err, fmt.Sprintf("WithIdempotency: submitProduct declares no response %d", status))
	}
}

// A store that returns what was never recorded, such as a row that it did not read, makes no success of it.
func TestIdempotency_badRecords(t *testing.T) {
	t.Parallel()
	for name, record := range map[string]server.RecordedResponse{
		"nothing":        {},
		"no body":        {Status: 200, ContentType: "application/json"},
		"no status":      {ContentType: "application/json", Body: []byte("{}")},
		"another type":   {Status: 200, ContentType: "text/html", Body: []byte("<html>")},
		"another body":   {Status: 200, ContentType: "application/json", Body: []byte("{}")},
		"no HTTP status": {Status: 99},
		"a long status":  {Status: 1000},
		"undeclared":     {Status: 302, ContentType: "application/json", Body: []byte("{}")},
	} {
		f := newFixture(t, numbered(), server.WithIdempotency(recorded{record}))
		a := f.ask(t, keyed(goodPath, "k"))
		require.Equal(t, http.StatusInternalServerError, a.status, name)
		require.Equal(t, api.CodeServerError, a.code, name)
		require.Zero(t, f.calls.count(), name)
	}
	f := newFixture(t, numbered(), server.WithResponseValidation(false), server.WithIdempotency(recorded{}))
	require.Equal(t, http.StatusInternalServerError, f.ask(t, keyed(goodPath, "k")).status)
}

// recorded has the same response for each key.
type recorded struct{ response server.RecordedResponse }

func (r recorded) Begin(context.Context, server.Idempotency) (*server.RecordedResponse, error) {
	return &r.response, nil
}
func (recorded) Finish(context.Context, server.Idempotency, server.RecordedResponse) error {
	return nil
}
func (recorded) Abort(context.Context, server.Idempotency) error { return nil }
