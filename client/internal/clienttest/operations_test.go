package clienttest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
)

// input is a client with a phone, or without one.
func input(email string, phone bool) api.ClientInput {
	in := api.ClientInput{
		FirstName: "Sample", LastName: "Person", Email: email, BirthDate: "1984-11-21",
		Address: api.AddressInput{StreetLine1: "Street 1", City: "Del Viso", PostalCode: "1669", State: "ARG-B", Country: "ARG"},
	}
	if phone {
		in.PhoneCountryCode, in.PhoneNumber = 54, 91123456789
	}
	return in
}

// act is a call that changes something.
type act struct {
	call func(ctx context.Context, c *client.Client, opts ...client.CallOption) error
	// done tells whether what it asks for is the case.
	done func() bool
	// state is all that it might change.
	state func() string
	// repeated is what a server that honors no key answers when it did it before; nil is a success.
	repeated error
	// replaces: what is there may have been there before, as far as Settle can tell.
	replaces bool
}

// passport is a good one.
func passport() client.Document {
	var photo bytes.Buffer
	_ = png.Encode(&photo, image.NewGray(image.Rect(0, 0, 1, 1))) // to memory: can't fail
	return client.Document{
		Type: "passport", Front: client.PhotoReader(bytes.NewReader(photo.Bytes())),
		Metadata: map[string]string{"number": "AAA111", "issuing_country": "ARG", "expiration_date": "2099-12-31"},
	}
}

// operations are those that change something. A document takes the place of one before, or not.
var operations = []string{"create", "update", "delete", "request", "document", "replace", "submit"}

func sendsDocument(operation string) bool { return operation == "document" || operation == "replace" }

// world is an API with what a call of an operation needs, and the call.
type world struct {
	act
	url    string // behind the fault
	direct *client.Client
}

// newAct returns a call of an operation for an e-mail, for a client or for its request. read returns what there is of them.
func newAct(operation, email, clientID, requestID string, read func() ([]api.Client, []api.Product)) act {
	all := map[string]act{
		"create": {call: func(ctx context.Context, c *client.Client, opts ...client.CallOption) error {
			_, err := c.CreateClient(ctx, input(email, true), opts...)
			return err
		}, repeated: client.ErrExists},
		"update": {call: func(ctx context.Context, c *client.Client, opts ...client.CallOption) error {
			_, err := c.UpdateClient(ctx, clientID, input(email, true), opts...)
			return err
		}},
		"delete": {call: func(ctx context.Context, c *client.Client, opts ...client.CallOption) error {
			return c.DeleteClient(ctx, clientID, opts...)
		}},
		"request": {call: func(ctx context.Context, c *client.Client, opts ...client.CallOption) error {
			_, err := c.RequestProduct(ctx, clientID, api.CardsIndividuals, opts...)
			return err
		}, repeated: client.ErrActive},
		"document": {call: func(ctx context.Context, c *client.Client, opts ...client.CallOption) error {
			evaluated, err := c.CompleteDocumentation(ctx, clientID, requestID, passport(), opts...)
			if err == nil && len(evaluated.RejectedItems) > 0 {
				return errors.New("it was rejected") // a repeat of a document that was stored
			}
			return err
		}},
		"replace": {call: func(ctx context.Context, c *client.Client, opts ...client.CallOption) error {
			d := passport()
			d.Replace = true
			_, err := c.CompleteDocumentation(ctx, clientID, requestID, d, opts...)
			return err
		}, replaces: true},
		"submit": {call: func(ctx context.Context, c *client.Client, opts ...client.CallOption) error {
			_, err := c.SubmitProduct(ctx, clientID, requestID, opts...)
			return err
		}, repeated: client.ErrNotPending},
	}
	made := all[operation]
	made.state = func() string {
		clients, products := read()
		text, _ := json.Marshal([]any{clients, products})
		return string(text)
	}
	made.done = func() bool {
		clients, products := read()
		switch operation {
		case "create", "update":
			return len(clients) == 1 && clients[0].Input() == input(email, true)
		case "delete":
			return len(clients) == 0
		case "request":
			return slices.ContainsFunc(products, func(p api.Product) bool { return p.Status == api.PendingDocumentation })
		case "document", "replace":
			return slices.ContainsFunc(products, func(p api.Product) bool { return p.ID == requestID && !p.Misses("passport") })
		}
		return slices.ContainsFunc(products, func(p api.Product) bool { return p.ID == requestID && p.Status == api.InKyc })
	}
	return made
}

// inMemory is a world of its own.
func inMemory(t *testing.T, operation string, around func(next http.Handler) http.Handler) world {
	t.Helper()
	const email = "sample@example.com"
	m := newMemory(t, around)
	var clientID, requestID string
	if operation != "create" {
		clientID = m.put(input(email, slices.Contains([]string{"request", "document", "replace", "submit"}, operation))).ID
	}
	switch operation {
	case "request":
		m.ask(clientID, api.Rejected) // once before, so that it asks again
	case "document", "replace":
		requestID = m.ask(clientID, api.PendingDocumentation).ID
		m.lack(requestID)
	case "submit":
		requestID = m.ask(clientID, api.PendingDocumentation).ID
	}
	return world{newAct(operation, email, clientID, requestID, m.read), m.url, m.client(t, m.url)}
}

// inService is a part of a service's world.
func inService(s *service) func(t *testing.T, operation string, around func(next http.Handler) http.Handler) world {
	through, err := url.Parse(s.url)
	require.NoError(s.t, err)
	forward := &httputil.ReverseProxy{
		Transport: &http.Transport{DisableKeepAlives: true}, // so that it makes no call twice
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(through)
			r.Out.Header.Del("Expect") // a recorder takes the 100 for the response
		},
	}
	return func(t *testing.T, operation string, around func(next http.Handler) http.Handler) world {
		t.Helper()
		faulty := httptest.NewServer(around(forward))
		t.Cleanup(faulty.Close)
		direct := newClient(t, s, s.url)
		clientID, requestID := s.next()
		email := strings.ReplaceAll(clientID, "_", "") + "@example.com"
		switch operation {
		case "create":
			clientID = ""
		case "update", "delete", "request":
			created, err := direct.CreateClient(t.Context(), input(email, false))
			require.NoError(t, err)
			clientID = created.ID
		case "document", "replace":
			created, err := direct.CreateClient(t.Context(), input(email, true))
			require.NoError(t, err)
			requested, err := direct.RequestProduct(t.Context(), created.ID, api.CardsIndividuals)
			require.NoError(t, err)
			clientID, requestID = created.ID, requested.ID
		}
		read := func() ([]api.Client, []api.Product) {
			all, err := direct.Clients(context.WithoutCancel(t.Context()))
			require.NoError(t, err)
			clients := slices.DeleteFunc(all, func(c api.Client) bool { return c.ID != clientID && c.Email != email })
			if len(clients) != 1 {
				return clients, nil
			}
			products, err := direct.Products(context.WithoutCancel(t.Context()), clients[0].ID)
			if errors.Is(err, client.ErrNotFound) { // it was deleted between the two
				return nil, nil
			}
			require.NoError(t, err)
			return clients, products
		}
		return world{newAct(operation, email, clientID, requestID, read), faulty.URL, direct}
	}
}

// requireSettled makes sure that Settle finds what is the case, as soon as the server is at rest.
func requireSettled(t *testing.T, w world, failed *client.Error) {
	t.Helper()
	var settled *client.Settled
	var err error
	require.Eventually(t, func() bool {
		before := w.done()
		if settled, err = w.direct.Settle(context.WithoutCancel(t.Context()), failed); err != nil {
			return false
		}
		want := []client.Effect{client.NotDone}
		switch {
		case before && w.replaces:
			want[0] = client.Unclear
		case before:
			want[0] = client.Done
		case strings.HasPrefix(failed.Operation, "update"):
			want = append(want, client.Unclear) // it was changed within the last minute: before the call, as only the test knows
		}
		return slices.Contains(want, settled.Effect) && w.done() == before
	}, 5*time.Second, 5*time.Millisecond, "it never found what is the case")
	require.NotEmpty(t, settled.Reason)
}

// onceAt serves the first call with a fault, and all others as they are.
func onceAt(fault func(w http.ResponseWriter, r *http.Request, next http.Handler)) func(next http.Handler) http.Handler {
	var calls atomic.Int32
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if calls.Add(1) == 1 {
				fault(w, r, next)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// before answers a status, and the call is not made.
func before(status int, header ...string) func(w http.ResponseWriter, r *http.Request, next http.Handler) {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}
}

// after makes the call, and something else of its response.
func after(respond func(w http.ResponseWriter, r *http.Request, made *httptest.ResponseRecorder)) func(w http.ResponseWriter, r *http.Request, next http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		made := httptest.NewRecorder()
		next.ServeHTTP(made, r)
		respond(w, r, made)
	}
}

// status answers another one than the call had, with its body.
func status(status int) func(w http.ResponseWriter, r *http.Request, made *httptest.ResponseRecorder) {
	return func(w http.ResponseWriter, _ *http.Request, made *httptest.ResponseRecorder) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(made.Body.Bytes())
	}
}

// gone waits until the caller gave up. A server does not see that of one who did while the body was sent.
func gone(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(2 * time.Second):
	}
}

// stages are faults at every stage of a call, by what is known of it then and whether it passes when the call is
// repeated.
var stages = map[string]struct {
	fault   func(w http.ResponseWriter, r *http.Request, next http.Handler)
	outcome client.Outcome
	passes  bool
}{
	"closed unanswered": {func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }, client.Unknown, true},
	"401 before":        {before(401), client.Refused, false},
	"413 before":        {before(413), client.Refused, false},
	"429 before":        {before(429, "Retry-After", "0.01"), client.Refused, true},
	"500 before":        {before(500), client.Unknown, true},
	"502 before":        {before(502), client.Unknown, true},
	"503 before":        {before(503, "Retry-After", "0.01"), client.Unknown, true},
	"307 before":        {before(307, "Location", "https://elsewhere.example"), client.Unknown, false},
	"no response in time": {func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the server sees the connection end
		gone(r)
	}, client.Unknown, true},
	"lost": {after(func(http.ResponseWriter, *http.Request, *httptest.ResponseRecorder) { panic(http.ErrAbortHandler) }), client.Unknown, true},
	"cut in the header": {after(func(w http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = conn.Write([]byte("HTTP/1.1 20"))
			_ = conn.Close()
		}
	}), client.Unknown, true},
	"cut in the body": {after(func(w http.ResponseWriter, _ *http.Request, made *httptest.ResponseRecorder) {
		if made.Body.Len() == 0 { // there is nothing to cut: lost
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(made.Body.Len()))
		w.WriteHeader(made.Code)
		_, _ = w.Write(made.Body.Bytes()[:made.Body.Len()/2])
		panic(http.ErrAbortHandler)
	}), client.Unknown, true},
	"too late": {after(func(_ http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) { gone(r) }), client.Unknown, true},
	"HTML after": {after(func(w http.ResponseWriter, _ *http.Request, made *httptest.ResponseRecorder) {
		w.WriteHeader(made.Code)
		_, _ = w.Write([]byte("<html>"))
	}), client.Unknown, false},
	"202 after": {after(status(202)), client.Unknown, false},
	"302 after": {after(status(302)), client.Unknown, false},
	"401 after": {after(status(401)), client.Unknown, false},
	"404 after": {after(status(404)), client.Unknown, false},
	"409 after": {after(status(409)), client.Unknown, false},
	"408 after": {after(func(w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) { before(408)(w, r, nil) }), client.Unknown, true},
	"500 after": {after(func(w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) { before(500)(w, r, nil) }), client.Unknown, true},
	"503 after": {after(func(w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) { before(503)(w, r, nil) }), client.Unknown, true},
	"504 after": {after(func(w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) { before(504)(w, r, nil) }), client.Unknown, true},
}

// TestOperations_stages holds what the client says of a call against what the call did, for each operation that
// changes something and a fault at every stage, and Settle against the same. With a repetition, a fault that passes is
// not even noticed.
func TestOperations_stages(t *testing.T) {
	t.Parallel()
	t.Run("in memory", func(t *testing.T) {
		t.Parallel()
		testStages(t, inMemory, &service{key: memoryKey})
	})
	t.Run("in the service", func(t *testing.T) {
		t.Parallel()
		s := start(t, 2*len(operations)*len(stages), "--rate-limit", "0")
		testStages(t, inService(s), s)
	})
}

func testStages(
	t *testing.T, newWorld func(t *testing.T, operation string, around func(next http.Handler) http.Handler) world,
	s *service,
) {
	t.Helper()
	for _, operation := range operations {
		for stage, tt := range stages {
			if operation == "delete" && stage == "HTML after" {
				continue // 204 has no body, and none is sent
			}
			t.Run(operation+", "+stage, func(t *testing.T) {
				t.Parallel()
				outcome := tt.outcome
				if operation == "delete" && outcome == client.Refused {
					outcome = client.Unknown // nothing in it says that it is not the 204 with another status
				}
				if sendsDocument(operation) { // whose body waits until the server asks for it
					switch {
					case stage == "closed unanswered":
						outcome = client.NotSent
					case strings.HasSuffix(stage, " before"):
						outcome = client.Refused
					}
				}
				patient := client.WithAttemptTimeout(patience)
				if stage == "no response in time" || stage == "too late" {
					patient = client.WithAttemptTimeout(200 * time.Millisecond)
				}
				w := newWorld(t, operation, onceAt(tt.fault))
				state := w.state()
				err := w.call(t.Context(), newClient(t, s, w.url, patient), client.WithAttempts(1))
				failed, ok := errors.AsType[*client.Error](err)
				require.True(t, ok, "%v", err)
				if sendsDocument(operation) && strings.Contains(failed.Error(), "not all of the document was sent") {
					outcome = client.NotSent // on a slow machine, the time may be over before
				}
				require.Equal(t, outcome, failed.Outcome, failed)
				if outcome != client.Unknown {
					require.Equal(t, state, w.state())
				} else {
					requireSettled(t, w, failed)
				}

				w = newWorld(t, operation, onceAt(tt.fault))
				err = w.call(t.Context(), newClient(t, s, w.url, patient))
				if !tt.passes || operation == "document" && outcome == client.Unknown { // which is not repeated then
					require.Error(t, err)
					return
				}
				require.NoError(t, err)
				require.True(t, w.done())
			})
		}
	}
}

// TestOperations_withoutKeys: a server that honors no key answers to a repetition what an operation of its own kind
// says, and nobody takes it for a refusal.
func TestOperations_withoutKeys(t *testing.T) {
	t.Parallel()
	for _, operation := range operations {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			lost := onceAt(stages["lost"].fault)
			w := inMemory(t, operation, func(next http.Handler) http.Handler {
				lost := lost(next)
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					r.Header.Del("Idempotency-Key")
					lost.ServeHTTP(w, r)
				})
			})
			err := w.call(t.Context(), w.direct)
			require.True(t, w.done())
			if operation == "document" { // which is not repeated, so that nobody says that one is stored already
				failed, ok := errors.AsType[*client.Error](err)
				require.True(t, ok)
				require.Equal(t, client.Unknown, failed.Outcome)
				requireSettled(t, w, failed)
				return
			}
			require.ErrorIs(t, err, w.repeated)
			if w.repeated == nil {
				return
			}
			failed, ok := errors.AsType[*client.Error](err)
			require.True(t, ok)
			require.Equal(t, client.Unknown, failed.Outcome)
			require.Contains(t, failed.Error(), "; an earlier attempt under this idempotency key may have ")
			requireSettled(t, w, failed)

			// Called again under the key, too: it may be that of the call before. Under another key, it is a refusal.
			again, ok := errors.AsType[*client.Error](w.call(t.Context(), w.direct, client.WithIdempotencyKey(failed.IdempotencyKey)))
			require.True(t, ok)
			require.ErrorIs(t, again, w.repeated)
			require.Equal(t, client.Unknown, again.Outcome)
			requireSettled(t, w, again)
			again, ok = errors.AsType[*client.Error](w.call(t.Context(), w.direct))
			require.True(t, ok)
			require.ErrorIs(t, again, w.repeated)
			require.Equal(t, client.Refused, again.Outcome)
			settled, err := w.direct.Settle(t.Context(), again)
			require.NoError(t, err)
			require.Equal(t, client.Settled{Effect: client.NotDone, Reason: "the call was refused"}, *settled)
		})
	}
}

// TestOperations_bytes: the same with the bytes of a connection, which ends or is garbled anywhere.
func TestOperations_bytes(t *testing.T) {
	t.Parallel()
	cuts := faults()
	for at := requestBytes; at < 700; at += 37 { // with a body, a request is longer
		f := noFault()
		f.cutRequest = at
		cuts[fmt.Sprintf("cut after byte %d of the request", at)] = f
		f = noFault()
		f.flipRequest, f.flip = at, 0x15
		cuts[fmt.Sprintf("byte %d of the request garbled", at)] = f
	}
	for _, operation := range operations {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			var outcomes [3]atomic.Int32
			t.Run("cases", func(t *testing.T) {
				for fault, f := range cuts {
					t.Run(fault, func(t *testing.T) {
						t.Parallel()
						w := inMemory(t, operation, plain)
						state := w.state()
						err := w.call(t.Context(), newMemoryClient(t, newProxy(t, w.url, f).url), client.WithAttempts(1))
						garbled := strings.HasSuffix(fault, "of the request garbled") // it asks for something else
						failed, ok := errors.AsType[*client.Error](err)
						switch {
						case err == nil:
							require.True(t, garbled || w.done(), "it said that it is done")
							return
						case !ok && garbled: // a document of another kind was sent, and rejected
							return
						case !ok:
							require.NoError(t, err)
						case failed.Outcome != client.Unknown:
							require.Equal(t, state, w.state(), "%s: %v", failed.Outcome, err)
						case !garbled:
							requireSettled(t, w, failed)
							// Whatever became of it, the call again under the same key ends well, and once.
							var opts []client.CallOption
							if failed.IdempotencyKey != "" {
								opts = append(opts, client.WithIdempotencyKey(failed.IdempotencyKey))
							}
							if err := w.call(t.Context(), w.direct, opts...); operation != "delete" || !errors.Is(err, client.ErrNotFound) {
								require.NoError(t, err)
							}
							require.True(t, w.done())
						}
						outcomes[failed.Outcome].Add(1)
					})
				}
			})
			require.Greater(t, outcomes[client.Unknown].Load(), int32(30))
			require.Positive(t, outcomes[client.Refused].Load())
		})
	}
}

// TestOperations_nobodyListens: what reached nobody is the only call that was not sent.
func TestOperations_nobodyListens(t *testing.T) {
	t.Parallel()
	for _, operation := range operations {
		w := inMemory(t, operation, plain)
		nobody := newMemoryClient(t, "http://127.0.0.1:1")
		failed, ok := errors.AsType[*client.Error](w.call(t.Context(), nobody, client.WithAttempts(1)))
		require.True(t, ok)
		require.Equal(t, client.NotSent, failed.Outcome, operation)
		settled, err := nobody.Settle(t.Context(), failed)
		require.NoError(t, err, "there is nothing to ask")
		require.Equal(t, client.Settled{Effect: client.NotDone, Reason: "the call was not sent"}, *settled)
		require.False(t, w.done())
	}
}

// TestOperations_reads: a read that a fault hit is made again, and there are no halves.
func TestOperations_reads(t *testing.T) {
	t.Parallel()
	for stage, tt := range stages {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			for name, read := range map[string]func(c *client.Client, clientID string) error{
				"get": func(c *client.Client, clientID string) error {
					_, err := c.Client(t.Context(), clientID)
					return err
				},
				"list": func(c *client.Client, _ string) error {
					clients, err := c.Clients(t.Context())
					require.Equal(t, err == nil, len(clients) == 2)
					return err
				},
				"products": func(c *client.Client, clientID string) error {
					products, err := c.Products(t.Context(), clientID)
					require.Equal(t, err == nil, len(products) == 1)
					return err
				},
			} {
				m := newMemory(t, onceAt(tt.fault))
				m.put(api.ClientInput{Email: "another@example.com"})
				clientID := m.put(input("sample@example.com", true)).ID
				m.ask(clientID, api.InKyc)
				err := read(m.client(t, m.url, client.WithAttemptTimeout(200*time.Millisecond)), clientID)
				require.Equal(t, tt.passes, err == nil, "%s: %v", name, err)
			}
		})
	}
}

// TestJourney goes the whole way that can be gone over HTTP.
func TestJourney(t *testing.T) {
	t.Parallel()
	t.Run("in memory", func(t *testing.T) {
		t.Parallel()
		m := newMemory(t, plain)
		testJourney(t, m.client(t, m.url), 0, api.InKyc)
	})
	t.Run("in the service", func(t *testing.T) {
		t.Parallel()
		s := start(t, 1, "--rate-limit", "0")
		testJourney(t, newClient(t, s, s.url), 1, api.PendingDocumentation) // there is no document
	})
}

func testJourney(t *testing.T, c *client.Client, others int, submitted api.ProductStatus) {
	t.Helper()
	const email = "ana@example.com"
	clients, err := c.Clients(t.Context())
	require.NoError(t, err)
	require.NotNil(t, clients, "none, and not nothing")
	require.Len(t, clients, others)
	created, err := c.CreateClient(t.Context(), input(email, false))
	require.NoError(t, err)
	require.Equal(t, input(email, false), created.Input())
	_, err = c.CreateClient(t.Context(), input(strings.ToUpper(email), true))
	require.ErrorIs(t, err, client.ErrExists)
	require.NotErrorIs(t, err, client.ErrBadRequest)
	products, err := c.Products(t.Context(), created.ID)
	require.NoError(t, err)
	require.Equal(t, []api.Product{}, products)
	in := created.Input()
	in.PhoneCountryCode, in.PhoneNumber = 54, 91123456789
	updated, err := c.UpdateClient(t.Context(), created.ID, in)
	require.NoError(t, err)
	require.Equal(t, in, updated.Input())
	_, err = c.RequestProduct(t.Context(), created.ID, "nonsense")
	require.ErrorIs(t, err, client.ErrPrecondition)
	requested, err := c.RequestProduct(t.Context(), created.ID, api.CardsIndividuals)
	require.NoError(t, err)
	_, err = c.RequestProduct(t.Context(), created.ID, api.CardsIndividuals)
	require.ErrorIs(t, err, client.ErrActive)
	evaluated, err := c.SubmitProduct(t.Context(), created.ID, requested.ID)
	require.NoError(t, err)
	require.Equal(t, submitted, evaluated.Product.Status)
	products, err = c.Products(t.Context(), created.ID)
	require.NoError(t, err)
	require.Equal(t, []api.Product{evaluated.Product}, products)
	read, err := c.Client(t.Context(), created.ID)
	require.NoError(t, err)
	require.Equal(t, updated, read)
	clients, err = c.Clients(t.Context())
	require.NoError(t, err)
	require.Len(t, clients, others+1)
	require.Equal(t, *read, clients[0], "the newest first")

	require.NoError(t, c.DeleteClient(t.Context(), created.ID))
	require.ErrorIs(t, c.DeleteClient(t.Context(), created.ID), client.ErrNotFound, "nothing here was unknown")
	for name, call := range map[string]func() error{
		"get":      func() error { _, err := c.Client(t.Context(), created.ID); return err },
		"update":   func() error { _, err := c.UpdateClient(t.Context(), created.ID, in); return err },
		"products": func() error { _, err := c.Products(t.Context(), created.ID); return err },
		"request":  func() error { _, err := c.RequestProduct(t.Context(), created.ID, api.CardsIndividuals); return err },
		"submit":   func() error { _, err := c.SubmitProduct(t.Context(), created.ID, requested.ID); return err },
	} {
		require.ErrorIs(t, call(), client.ErrNotFound, name)
	}
}
