package client_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/gen/spec"
)

// TestOperations holds the table against openapi.yaml.
func TestOperations(t *testing.T) {
	t.Parallel()
	doc, err := spec.GetSpec()
	require.NoError(t, err)
	described := make(map[string]*openapi3.Operation)
	for _, path := range doc.Paths.Map() {
		for _, operation := range path.Operations() {
			described[operation.OperationID] = operation
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(described)), slices.Collect(maps.Keys(client.Operations)))
	for id, row := range client.Operations {
		operation := described[id]
		require.NotNil(t, operation.Responses.Value(strconv.Itoa(row.Success())), id)
		require.Equal(t, operation.Parameters.GetByInAndName("header", "Idempotency-Key") != nil, row.Keyed(), id)
		ids := 0
		for _, parameter := range operation.Parameters {
			if parameter.Value.In == openapi3.ParameterInPath {
				ids++
			}
		}
		require.Equal(t, ids, row.IDs(), id)
		schema := operation.Responses.Value(strconv.Itoa(row.Success())).Value.Content
		require.Equal(t, row.Success() == http.StatusNoContent, len(schema) == 0, id)
		require.Equal(t, row.List(), len(schema) > 0 && schema.Get("application/json").Schema.Value.Type.Is("array"), id)
		for status := range row.Kinds() {
			require.NotNil(t, operation.Responses.Value(strconv.Itoa(status)), "%s: %d", id, status)
		}
		for status, response := range operation.Responses.Map() {
			if code, err := strconv.Atoi(status); err == nil && code < 300 {
				require.Equal(t, code, row.Success(), "%s: the one success", response.Ref)
			}
		}
	}
}

// calls is a call of each operation that the seed does not have, and what the API answers to it.
var calls = map[string]struct {
	call   func(ctx context.Context, c *client.Client, opts ...client.CallOption) (any, error)
	sent   string // method, path and body
	status int
	body   string
}{
	"createClient": {func(ctx context.Context, c *client.Client, opts ...client.CallOption) (any, error) {
		return c.CreateClient(ctx, person, opts...)
	}, "POST /management/clients/individuals " + personJSON, 201, aClient},
	"listClients": {func(ctx context.Context, c *client.Client, opts ...client.CallOption) (any, error) {
		return c.Clients(ctx, opts...)
	}, "GET /management/clients/individuals ", 200, "[" + aClient + "]"},
	"getClient": {func(ctx context.Context, c *client.Client, opts ...client.CallOption) (any, error) {
		return c.Client(ctx, clientID, opts...)
	}, "GET /management/clients/individuals/" + clientID + " ", 200, aClient},
	"updateClient": {func(ctx context.Context, c *client.Client, opts ...client.CallOption) (any, error) {
		return c.UpdateClient(ctx, clientID, person, opts...)
	}, "PUT /management/clients/individuals/" + clientID + " " + personJSON, 200, aClient},
	"deleteClient": {func(ctx context.Context, c *client.Client, opts ...client.CallOption) (any, error) {
		return nil, c.DeleteClient(ctx, clientID, opts...)
	}, "DELETE /management/clients/individuals/" + clientID + " ", 204, ""},
	"requestProduct": {func(ctx context.Context, c *client.Client, opts ...client.CallOption) (any, error) {
		return c.RequestProduct(ctx, clientID, api.CardsIndividuals, opts...)
	}, "POST /management/clients/individuals/" + clientID + `/products {"subproduct":"cards_individuals"}`, 201, aProduct},
	"listProducts": {func(ctx context.Context, c *client.Client, opts ...client.CallOption) (any, error) {
		return c.Products(ctx, clientID, opts...)
	}, "GET /management/clients/individuals/" + clientID + "/products ", 200, "[" + aProduct + "]"},
	"completeDocumentation": {func(ctx context.Context, c *client.Client, opts ...client.CallOption) (any, error) {
		return c.CompleteDocumentation(ctx, clientID, requestID, passport(), opts...)
	}, "POST /management/clients/individuals/" + clientID + "/products/" + requestID + "/documentation " + passportJSON, 200,
		`{"product":` + aProduct + `,"rejected_items":[]}`},
}

// passport may be sent again and again.
func passport() client.Document {
	return client.Document{
		Type: "passport", Front: client.PhotoReader(strings.NewReader("\x89PNG\r\n\x1a\nphoto")), Replace: true,
		Metadata: map[string]string{"number": "CANARY-4711", "issuing_country": "ARG"},
	}
}

const passportJSON = `{"document":{"document_type":"passport","image_front":"data:image/png;base64,iVBORw0KGgpwaG90bw==","replace":true,` +
	`"metadata":{"issuing_country":"ARG","number":"CANARY-4711"}}}`

const (
	personJSON = `{"first_name":"Canary","last_name":"Person","email":"canary@example.com","birth_date":"1984-11-21","phone_country_code":54,` +
		`"phone_number":91123456789,"address":{"street_line1":"Street 1","city":"Del Viso","postal_code":"1669","state":"ARG-B","country":"ARG"}}`
	aClient = `{"id":"` + clientID + `","type":"individual","status":"pending",` + `"first_name":"Canary","last_name":"Person","email":"canary@example.com",` +
		`"birth_date":"1984-11-21","phone_country_code":54,"phone_number":91123456789,"address":{"street_line1":"Street 1","city":"Del Viso",` +
		`"postal_code":"1669","state":"ARG-B","country":"ARG"},"created_at":"2026-04-15T10:30:00","updated_at":"2026-04-16T09:20:00"}`
	aProduct = `{"id":"` + requestID + `","client_id":"` + clientID + `","product":"cards_individuals","status":"pending_documentation",` +
		`"missing_requirements":{"documents":[],"data":[]},"created_at":"2026-04-15T10:30:00","updated_at":"2026-04-16T09:20:00"}`
)

// TestOperations_requests: what is sent is what the specification describes, and what comes is what is returned.
func TestOperations_requests(t *testing.T) {
	t.Parallel()
	require.Len(t, calls, len(client.Operations)-1, "submitProduct has tests of its own")
	for id, tt := range calls {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			var sent, keys, types []string
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				sent = append(sent, r.Method+" "+r.RequestURI+" "+string(body))
				keys, types = append(keys, r.Header.Get("Idempotency-Key")), append(types, r.Header.Get("Content-Type"))
				if len(sent) == 1 {
					panic(http.ErrAbortHandler)
				}
				answer(tt.status, mediaType, tt.body)(w, r)
			}, client.WithRetry(client.RetryPolicy{BaseDelay: 1, MaxDelay: 1}), client.WithStrictResponses())
			var response client.Response
			result, err := tt.call(t.Context(), c, client.WithResponse(&response))
			require.NoError(t, err)
			require.Equal(t, []string{tt.sent, tt.sent}, sent)
			require.Equal(t, keys[0], keys[1])
			require.Equal(t, client.Operations[id].Keyed(), keys[0] != "")
			require.Equal(t, strings.HasSuffix(tt.sent, "}"), types[0] == mediaType, types[0])
			require.Len(t, response.Attempts, 2)
			require.Empty(t, response.Oddities)
			require.Equal(t, tt.body, string(response.Body))
			if tt.body != "" {
				require.JSONEq(t, tt.body, inJSON(t, result))
			}
			_, err = tt.call(t.Context(), c, client.WithIdempotencyKey("named"))
			require.Equal(t, client.Operations[id].Keyed(), err == nil, "%v", err)
		})
	}
}

// TestOperations_invalidResponses: what decides is right, or there is no success.
func TestOperations_invalidResponses(t *testing.T) {
	t.Parallel()
	change := func(old, new string) func(string) string {
		return func(body string) string { return strings.Replace(body, old, new, 1) }
	}
	all := func(body string) func(string) string { return func(string) string { return body } }
	ofClients, ofProducts := []string{"createClient", "getClient", "updateClient", "listClients"}, []string{"requestProduct", "listProducts"}
	for name, tt := range map[string]struct {
		operations []string
		change     func(body string) string
		want       string
	}{
		"no client id":            {ofClients, change(`"id"`, `"x"`), "id is missing"},
		"client id of a type":     {ofClients, change(`"`+clientID+`"`, `5`), "/id: "},
		"no status":               {slices.Concat(ofClients, ofProducts), change(`"status"`, `"x"`), "status is missing"},
		"status of a type":        {slices.Concat(ofClients, ofProducts), change(`"status":"p`, `"status":[],"x":"p`), "/status: "},
		"another client":          {[]string{"getClient", "updateClient"}, change(clientID, "another"), "id is not that of the client in the call"},
		"another e-mail":          {[]string{"createClient"}, change("canary@", "somebody@"), "email is not that of the call"},
		"no request id":           {ofProducts, change(`"id"`, `"x"`), "id is missing"},
		"request of another":      {ofProducts, change(clientID, "another"), "client_id is not that of the client in the call"},
		"request of a type":       {ofProducts, change(`"`+clientID+`"`, `{}`), "/client_id: "},
		"another product":         {[]string{"requestProduct"}, change("cards_individuals", "ramps_pix"), "product is not that of the call"},
		"product of a type":       {ofProducts, change(`"cards_individuals"`, `5`), "/product: "},
		"a product that is there": {[]string{"requestProduct"}, func(body string) string { return `{"product":` + body + `}` }, "/product: a JSON object does not fit here"},
		"null":                    {[]string{"listClients", "listProducts"}, all("null"), "the list is missing"},
		"an object":               {[]string{"listClients", "listProducts"}, func(body string) string { return `{"data":` + body + `}` }, "a JSON object does not fit here"},
		"an element of null":      {[]string{"listClients", "listProducts"}, all("[null]"), "element 0: id is missing"},
		"an element of a type":    {[]string{"listClients", "listProducts"}, all("[5]"), "/0: a JSON number does not fit here"},
		"the second element":      {[]string{"listClients", "listProducts"}, func(body string) string { return body[:len(body)-1] + ",{}]" }, "element 1: id is missing"},
		"empty":                   {slices.Concat(ofClients, ofProducts), all(""), "empty"},
		"HTML":                    {slices.Concat(ofClients, ofProducts), all("<html>"), "not JSON"},
	} {
		for _, id := range tt.operations {
			t.Run(id+", "+name, func(t *testing.T) {
				t.Parallel()
				body := tt.change(calls[id].body)
				require.NotEqual(t, calls[id].body, body)
				result, err := calls[id].call(t.Context(), serve(t, answer(calls[id].status, mediaType, body)))
				require.True(t, reflect.ValueOf(result).IsNil(), "%v", result)
				require.ErrorIs(t, err, client.ErrInvalidResponse)
				require.ErrorContains(t, err, tt.want)
				failed, _ := errors.AsType[*client.Error](err)
				require.Equal(t, client.Unknown, failed.Outcome)
			})
		}
	}
}

// TestDo_body: every attempt sends the whole body under one key, and a result may be any JSON.
func TestDo_body(t *testing.T) {
	t.Parallel()
	const body = `{"first_name":"Sample"}`
	var bodies, keys []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		bodies, keys = append(bodies, string(sent)), append(keys, r.Header.Get("Idempotency-Key"))
		if len(bodies) == 1 {
			panic(http.ErrAbortHandler)
		}
		if len(bodies) == 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		answer(200, mediaType, `["a","b"]`)(w, r)
	}, client.WithRetry(client.RetryPolicy{BaseDelay: 1, MaxDelay: 1}))
	list, err := client.Do[[]string](t.Context(), c, body)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, *list)
	require.Equal(t, []string{body, body, body}, bodies)
	require.NotEmpty(t, keys[0])
	require.Equal(t, []string{keys[0], keys[0], keys[0]}, keys)
}

// TestOperations_onlyKnown: what only reads has no effect, and is repeated also where a call that may have one is not.
func TestOperations_onlyKnown(t *testing.T) {
	t.Parallel()
	for id, tt := range calls {
		synctest.Test(t, func(t *testing.T) {
			p := &played{lines: []func(*http.Request) (*http.Response, error){says(503, ""), says(tt.status, tt.body)}}
			_, err := tt.call(t.Context(), playing(t, p, client.WithRetry(client.RetryPolicy{OnlyKnown: true})))
			if reads := strings.HasPrefix(tt.sent, http.MethodGet) || id == "completeDocumentation"; reads { // or was not sent to its end
				require.NoError(t, err, id)
			} else {
				require.ErrorIs(t, err, client.ErrServer, id)
			}
		})
	}
}

// TestOperations_kinds: the kinds that are an operation's own, and the outcome of each by itself, after an attempt that may
// have done it, and under a key that a call before may have had.
func TestOperations_kinds(t *testing.T) {
	t.Parallel()
	const val = `{"code":"VAL","message":"m"}`
	for name, tt := range map[string]struct {
		operations []string
		status     int
		body       string
		kind       error
		earlier    bool // an earlier call may be the reason
	}{
		"exists":                   {[]string{"createClient", "updateClient"}, 400, val, client.ErrExists, true},
		"a wrong body":             {[]string{"createClient", "updateClient", "requestProduct"}, 400, `{"code":"BAD_REQUEST","message":"m"}`, client.ErrBadRequest, false},
		"a wrong body, of no code": {[]string{"createClient", "updateClient"}, 400, `<html>`, client.ErrBadRequest, false},
		"VAL of others":            {[]string{"getClient", "listClients", "requestProduct"}, 400, val, client.ErrBadRequest, false},
		"active":                   {[]string{"requestProduct"}, 409, val, client.ErrActive, true},
		"active, by status":        {[]string{"requestProduct"}, 409, `{"message":"m"}`, client.ErrActive, true},
		"not pending":              {[]string{"completeDocumentation"}, 409, val, client.ErrNotPending, true},
		"a key in use":             {[]string{"createClient", "requestProduct", "completeDocumentation"}, 409, `{"code":"IDEMPOTENCY_MISMATCH"}`, nil, false},
		"409 of others":            {[]string{"createClient", "updateClient", "deleteClient"}, 409, val, nil, false},
		"precondition":             {[]string{"createClient", "updateClient", "requestProduct", "completeDocumentation"}, 412, val, client.ErrPrecondition, false},
		"not found":                {[]string{"getClient", "updateClient", "requestProduct", "listProducts"}, 404, noClient, client.ErrNotFound, false},
		"no other level":           {[]string{"deleteClient"}, 401, `{"code":"API_ERROR","message":"m"}`, client.ErrUnauthorized, false},
	} {
		for _, id := range tt.operations {
			t.Run(id+", "+name, func(t *testing.T) {
				t.Parallel()
				fails := func(first int, opts ...client.CallOption) *client.Error {
					var sent atomic.Int32
					c := serve(t, func(w http.ResponseWriter, r *http.Request) {
						_, _ = io.Copy(io.Discard, r.Body)
						if sent.Add(1) == 1 && first != 0 {
							answer(first, mediaType, "")(w, r)
							return
						}
						answer(tt.status, mediaType, tt.body)(w, r)
					}, client.WithRetry(client.RetryPolicy{BaseDelay: 1, MaxDelay: 1}))
					_, err := calls[id].call(t.Context(), c, opts...)
					failed, ok := errors.AsType[*client.Error](err)
					require.True(t, ok, "%v", err)
					requireKind(t, failed, tt.kind)
					return failed
				}
				require.Equal(t, client.Refused, fails(0).Outcome)
				require.NotContains(t, fails(0).Error(), "an earlier attempt")
				after := fails(500)
				require.Equal(t, client.Unknown, after.Outcome)
				require.Equal(t, tt.earlier, strings.Contains(after.Error(), "; an earlier attempt "), after)
				require.Equal(t, tt.earlier && client.Operations[id].Keyed(), strings.Contains(after.Error(), "under this idempotency key"), after)
				if client.Operations[id].Keyed() {
					want := client.Refused
					if tt.earlier {
						want = client.Unknown
					}
					require.Equal(t, want, fails(0, client.WithIdempotencyKey("of-a-call-before")).Outcome)
				}
			})
		}
	}
}

// TestClient_DeleteClient_gone: a 404 after an attempt that may have deleted it is what was asked for; by itself, after
// a refusal, or of another server it is not.
func TestClient_DeleteClient_gone(t *testing.T) {
	t.Parallel()
	reset, gone := breaks(syscall.ECONNRESET), says(404, noClient)
	for name, tt := range map[string]struct {
		lines   []func(*http.Request) (*http.Response, error)
		kind    error
		outcome client.Outcome
	}{
		"lost, then gone":                 {lines: []func(*http.Request) (*http.Response, error){reset, gone}},
		"down, then gone":                 {lines: []func(*http.Request) (*http.Response, error){says(503, ""), gone}},
		"lost, blocked, gone":             {lines: []func(*http.Request) (*http.Response, error){reset, says(429, `{"code":"TOO_MANY_REQUESTS"}`), gone}},
		"gone":                            {[]func(*http.Request) (*http.Response, error){gone}, client.ErrNotFound, client.Refused},
		"blocked, then gone":              {[]func(*http.Request) (*http.Response, error){says(429, `{"code":"TOO_MANY_REQUESTS"}`), gone}, client.ErrNotFound, client.Refused},
		"lost, then nothing of a server":  {[]func(*http.Request) (*http.Response, error){reset, says(404, "<html>")}, client.ErrNotFound, client.Unknown},
		"lost, then refused":              {[]func(*http.Request) (*http.Response, error){reset, says(401, `{"code":"AUTH"}`)}, client.ErrUnauthorized, client.Unknown},
		"a body where none should be":     {[]func(*http.Request) (*http.Response, error){says(204, "x")}, client.ErrInvalidResponse, client.Unknown},
		"nothing that says that it is no": {[]func(*http.Request) (*http.Response, error){says(404, "")}, client.ErrNotFound, client.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var s sinks
				p := &played{lines: tt.lines}
				var response client.Response
				err := playing(t, p, s.options()...).DeleteClient(t.Context(), clientID, client.WithResponse(&response))
				require.Len(t, p.at, len(tt.lines))
				if tt.kind == nil {
					require.NoError(t, err)
					require.Equal(t, 404, response.StatusCode, "as it was")
					last := response.Attempts[len(response.Attempts)-1]
					require.Equal(t, 404, last.StatusCode)
					require.Empty(t, last.Cause)
					require.Contains(t, strings.Join(s.meters.out, "\n"), "enablement.outcome=done,http.response.status_code=404")
					return
				}
				require.ErrorIs(t, err, tt.kind)
				failed, _ := errors.AsType[*client.Error](err)
				require.Equal(t, tt.outcome, failed.Outcome)
			})
		})
	}
}

// TestClient_Clients_long: a list has no pages, so it may be long; what is not a list may not.
func TestClient_Clients_long(t *testing.T) {
	t.Parallel()
	const count = 4000
	clients, err := serve(t, answer(200, mediaType, "["+strings.Repeat(aClient+",", count-1)+aClient+"]")).Clients(t.Context())
	require.NoError(t, err)
	require.Len(t, clients, count)
	_, err = serve(t, answer(200, mediaType, aClient+strings.Repeat(" ", 1<<20))).Client(t.Context(), clientID)
	require.ErrorContains(t, err, "the body is larger than 1048576 bytes")
}

func TestOperations_refuseInput(t *testing.T) {
	t.Parallel()
	c := newClient(t, client.WithHTTPClient(&http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
		panic("nothing is to be sent")
	})}))
	latin1 := person
	latin1.Address.City = "C\xf3rdoba"
	for want, err := range map[string]error{
		"create individual client: invalid input: a text is not UTF-8": second(c.CreateClient(t.Context(), latin1)),
		"update individual client: invalid input: a text is not UTF-8": second(c.UpdateClient(t.Context(), clientID, latin1)),
		"update individual client: invalid input: clientID":            second(c.UpdateClient(t.Context(), "..", person)),
		"get individual client: invalid input: clientID":               second(c.Client(t.Context(), "")),
		"delete individual client: invalid input: clientID":            c.DeleteClient(t.Context(), "a/b"),
		"list client products: invalid input: clientID":                second(c.Products(t.Context(), "a?b")),
		"request product: invalid input: clientID":                     second(c.RequestProduct(t.Context(), " ", api.CardsIndividuals)),
		"request product: invalid input: a text is not UTF-8":          second(c.RequestProduct(t.Context(), clientID, "\xff")),
	} {
		require.ErrorIs(t, err, client.ErrInvalidInput)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "rdoba")
		failed, _ := errors.AsType[*client.Error](err)
		require.Equal(t, client.NotSent, failed.Outcome)
	}
}

func second[T any](_ T, err error) error { return err }
