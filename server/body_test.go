package server_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
)

// clients serves the operations that take a body.
type clients struct{}

func (clients) CreateClient(_ context.Context, request api.CreateClientRequestObject) (api.CreateClientResponseObject, error) {
	in := request.Body
	return api.CreateClient201JSONResponse{ClientCreatedJSONResponse: api.ClientCreatedJSONResponse{Body: api.Client{
		ID: clientID, Type: api.Individual, Status: api.ClientPending, FirstName: in.FirstName, LastName: in.LastName,
		Email: in.Email, BirthDate: in.BirthDate, PhoneCountryCode: in.PhoneCountryCode, PhoneNumber: in.PhoneNumber, Address: api.Address(in.Address),
	}}}, nil
}

func (clients) RequestProduct(context.Context, api.RequestProductRequestObject) (api.RequestProductResponseObject, error) {
	return nil, server.Conflict(api.CodeVal, "An enablement request is already active for this product")
}

func (clients) DeleteClient(context.Context, api.DeleteClientRequestObject) (api.DeleteClientResponseObject, error) {
	return api.DeleteClient204Response{}, nil
}

const person = `{"first_name":"Ana","last_name":"Canary","email":"ana@example.com","birth_date":"1984-11-21",` +
	`"phone_country_code":54,"phone_number":91123456789,` +
	`"address":{"street_line1":"Calle 1","city":"Del Viso","postal_code":"1669","state":"ARG-B","country":"ARG"}}`

// A body is refused where it could be read in two ways or is not as described: by the name of the field and the
// rule, without a value of it.
func TestBodies(t *testing.T) {
	t.Parallel()
	h, err := server.Handler(clients{}, server.WithLogger(slog.New(slog.DiscardHandler)), server.WithAuthenticator(server.AuthenticatorFunc(allow)))
	require.NoError(t, err)
	replaced := func(old, with string) string {
		require.Contains(t, person, old)
		return strings.Replace(person, old, with, 1)
	}
	for name, test := range map[string]struct {
		media, body string
		status      int
		message     string
	}{
		"as described":     {"application/json", person, 201, ""},
		"a parameter more": {"application/json; charset=utf-8", person, 201, ""},
		"escapes":          {"application/json", replaced("Ana", `An\u00e1`), 201, ""},
		"letters":          {"application/json", replaced("Ana", "日本語"), 201, ""},
		"in capitals":      {"Application/JSON ; Charset=UTF-8", person, 201, ""},
		"around it":        {"application/json", "\n " + person + " \n", 201, ""},

		"no media type":        {"", person, 400, `header "Content-Type": must be application/json`},
		"another media type":   {"text/plain", person, 400, `header "Content-Type": must be application/json`},
		"a form":               {"application/x-www-form-urlencoded", "first_name=Canary", 400, `header "Content-Type": must be application/json`},
		"no body":              {"application/json", "", 400, "request body: is required"},
		"not JSON":             {"application/json", "canary", 400, "request body: line 1, column 1: this is not JSON"},
		"cut off":              {"application/json", person[:40], 400, "request body: line 1, column 41: the text ends before the value does"},
		"a list":               {"application/json", "[" + person + "]", 400, "request body: must be of type object"},
		"a byte order mark":    {"application/json", "\ufeff" + person, 400, "request body: the text begins with a byte order mark"},
		"null":                 {"application/json", "null", 400, "request body: must not be null"},
		"text after it":        {"application/json", person + "canary", 400, "request body: line 1, column 253: this is not JSON"},
		"two values":           {"application/json", person + person, 400, "request body: line 1, column 253: this is not JSON"},
		"a field twice":        {"application/json", replaced(`"first_name"`, `"last_name":"Canary","first_name"`), 400, "request body /last_name: this field stands twice"},
		"twice, within":        {"application/json", replaced(`"city"`, `"state":"Canary","city"`), 400, "request body /address/state: this field stands twice"},
		"a name of no ASCII":   {"application/json", replaced(`"first_name"`, `"é<b>":1,"é<b>":2,"first_name"`), 400, "request body /??b?: this field stands twice"},
		"twice, in capitals":   {"Application/JSON", replaced(`"first_name"`, `"last_name":"Canary","first_name"`), 400, "request body /last_name: this field stands twice"},
		"twice, a long way":    {"application/json", replaced(`"city"`, `"a_name_of_thirty-one_characters":1,"a_name_of_thirty-one_characters":2,"city"`), 400, "request body /address/a_name_of_thirty-one_characters: this field stands twice"},
		"twice, very deep":     {"application/json", strings.Repeat(`{"a":`, 40) + `{"a":1,"a":2}` + strings.Repeat("}", 40), 400, "request body " + strings.Repeat("/a", 16) + "/...: this field stands twice"},
		"begins like JSON":     {"application/jsonx", `{"a":1,"a":2}`, 400, `header "Content-Type": must be application/json`},
		"a name with a slash":  {"application/json", replaced(`"city"`, `"a/b~":1,"city"`), 400, "request body /address/a~1b~0: is not known"},
		"half a pair":          {"application/json", replaced("Canary", `\ud800`), 400, "request body /last_name: "},
		"not UTF-8":            {"application/json", replaced("Canary", "\xff"), 400, "request body /last_name: this is not UTF-8"},
		"a field misspelt":     {"application/json", replaced("phone_number", "phone_nubmer"), 400, "request body /phone_nubmer: is not known"},
		"misspelt, within":     {"application/json", replaced("street_line1", "street_line_1"), 400, "request body /address/street_line_1: is not known"},
		"another case":         {"application/json", replaced("first_name", "First_Name"), 400, "request body /First_Name: is not known"},
		"read only":            {"application/json", replaced(`"first_name"`, `"id":"canary","first_name"`), 400, "request body /id: is not known"},
		"a field is missing":   {"application/json", replaced(`"email":"ana@example.com",`, ""), 400, "request body /email: is missing"},
		"missing, within":      {"application/json", replaced(`"city":"Del Viso",`, ""), 400, "request body /address/city: is missing"},
		"NUL":                  {"application/json", replaced("Canary", `Canary\u0000`), 400, "request body /last_name: must match "},
		"a line feed":          {"application/json", replaced("Canary", `Canary\n`), 400, "request body /last_name: must match "},
		"too long":             {"application/json", replaced("Canary", strings.Repeat("é", 51)), 400, "request body /last_name: must have at most 50 characters"},
		"empty":                {"application/json", replaced("Canary", ""), 400, "request body /last_name: must have at least 1 characters"},
		"a number as text":     {"application/json", replaced("91123456789", `"91123456789"`), 400, "request body /phone_number: must be of type integer"},
		"a fraction":           {"application/json", replaced("91123456789", "9112345678.5"), 400, "request body /phone_number: must be of type integer"},
		"a whole fraction":     {"application/json", replaced("91123456789", "9112345678.0"), 400, "request body /phone_number: must be written in digits only"},
		"an exponent":          {"application/json", replaced("54,", "5e1,"), 400, "request body /phone_country_code: must be written in digits only"},
		"a code too large":     {"application/json", replaced("54,", "1000,"), 400, "request body /phone_country_code: must be at most 999"},
		"a number too large":   {"application/json", replaced("91123456789", "1e300"), 400, "request body /phone_number: must be of format int64"},
		"16 digits":            {"application/json", replaced("91123456789", "1000000000000000"), 400, "request body /phone_number: must be at most 999999999999999"},
		"null for a field":     {"application/json", replaced("91123456789", "null"), 400, "request body /phone_number: must not be null"},
		"a country of no form": {"application/json", replaced(`"ARG"}`, `"Canary"}`), 400, "request body /address/country: must match ^[A-Z]{3}$"},
		"a date of no form":    {"application/json", replaced("1984-11-21", "21.11.1984"), 400, "request body /birth_date: must match "},
		"too large":            {"application/json", person + strings.Repeat(" ", 64<<10), 413, "The request body is larger than 65536 bytes"},
		"deep":                 {"application/json", replaced(`"Canary"`, strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)), 400, "request body"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, length := range []int64{int64(len(test.body)), -1} { // told, and chunked
				r := request(http.MethodPost, "/management/clients/individuals")
				r.Header["Content-Type"] = []string{test.media}
				if test.media == "" {
					r.Header.Del("Content-Type")
				}
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(test.body)), length
				a := fixture{Handler: h}.ask(t, r)
				require.Equal(t, test.status, a.status, a.message)
				require.Contains(t, a.message, test.message)
				require.NotContains(t, strings.ToLower(a.message), "canary")
			}
		})
	}
}

// Of two media types, each reader could take another one.
func TestBodies_twoMediaTypes(t *testing.T) {
	t.Parallel()
	h, err := server.Handler(clients{}, server.WithLogger(slog.New(slog.DiscardHandler)), server.WithAuthenticator(server.AuthenticatorFunc(allow)))
	require.NoError(t, err)
	r := request(http.MethodPost, "/management/clients/individuals")
	r.Header["Content-Type"] = []string{"application/json", "text/plain"}
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(person)), int64(len(person))
	a := fixture{Handler: h}.ask(t, r)
	require.Equal(t, http.StatusBadRequest, a.status)
	require.Equal(t, `header "Content-Type": must be sent once`, a.message)
}

// A body that is said to be compressed is not read as one that is not.
func TestBodies_contentEncoding(t *testing.T) {
	t.Parallel()
	h, err := server.Handler(clients{}, server.WithLogger(slog.New(slog.DiscardHandler)), server.WithAuthenticator(server.AuthenticatorFunc(allow)))
	require.NoError(t, err)
	for _, test := range []struct {
		codings []string
		refused bool
	}{
		{nil, false},
		{[]string{""}, false},
		{[]string{"Identity"}, false},
		{[]string{"gzip"}, true},
		{[]string{"identity", "br"}, true},
		{[]string{"identity, gzip"}, true},
	} {
		r := request(http.MethodPost, "/management/clients/individuals")
		r.Header["Content-Type"], r.Header["Content-Encoding"] = []string{"application/json"}, test.codings
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(person)), int64(len(person))
		a := fixture{Handler: h}.ask(t, r)
		require.Equal(t, test.refused, a.message == `header "Content-Encoding": must be left out, since bodies are read as they are`, "%q: %s", test.codings, a.message)
		require.Equal(t, test.refused, a.status == http.StatusBadRequest, "%q: %d", test.codings, a.status)
	}
}

// What a call is about is looked at before its body is.
func TestBodies_afterTheKey(t *testing.T) {
	t.Parallel()
	h, err := server.Handler(clients{}, server.WithLogger(slog.New(slog.DiscardHandler)), server.WithAuthenticator(server.AuthenticatorFunc(allow)))
	require.NoError(t, err)
	r := request(http.MethodPost, "/management/clients/individuals")
	r.Header.Del("X-Api-Key")
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{")), 1
	require.Equal(t, http.StatusUnauthorized, fixture{Handler: h}.ask(t, r).status)
}

// A response of 204 has no body, and is as described without one.
func TestNoContent(t *testing.T) {
	t.Parallel()
	h, err := server.Handler(clients{}, server.WithLogger(slog.New(slog.DiscardHandler)), server.WithAuthenticator(server.AuthenticatorFunc(allow)))
	require.NoError(t, err)
	a := fixture{Handler: h}.ask(t, request(http.MethodDelete, "/management/clients/individuals/"+clientID))
	require.Equal(t, http.StatusNoContent, a.status)
	require.Empty(t, a.body)
	require.NotEmpty(t, a.header.Get("X-Trace-Id"))
}
