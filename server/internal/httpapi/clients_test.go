package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/httpapi"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

const (
	clientsPath  = "/management/clients/individuals"
	clientPath   = clientsPath + "/client_1"
	productsPath = clientPath + "/products"

	person = `{"first_name":"Ana","second_name":"María","last_name":"Example","email":"ana@example.com","birth_date":"1984-11-21",` +
		`"phone_country_code":54,"phone_number":91123456789,"address":{"street_line1":"Calle 1","street_line2":"Piso 2",` +
		`"city":"Del Viso","postal_code":"1669","state":"ARG-B","state_code":"06","country":"ARG","country_code":"032"}}`
)

// call makes one with a body, of company_1.
func call(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("X-Api-Key", "company_1")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// finds is a store that finds the file and keeps what was decided.
func finds(file enablement.File, asked *enablement.Call, decided *enablement.Change) storeFunc {
	return func(_ context.Context, c enablement.Call, decide decide) (change enablement.Change, err error) {
		*asked = c
		*decided, err = decide(file)
		return *decided, err
	}
}

func TestCreateClient(t *testing.T) {
	t.Parallel()
	var asked enablement.Call
	var decided enablement.Change
	h := newHandler(t, httpapi.Config{Store: finds(enablement.File{Client: enablement.Client{CompanyID: "company_1"}}, &asked, &decided)})
	w := call(h, "POST", clientsPath, person)
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	require.Equal(t, enablement.Call{
		Operation: "createClient", CompanyID: "company_1", Email: "ana@example.com",
		KeyID: "key_of_company_1", TraceID: w.Header().Get("X-Trace-Id"),
	}, asked)
	require.Equal(t, w.Body.String(), string(decided.Response), "what is recorded is what is sent")
	require.Equal(t, "company_1", decided.Client.CompanyID)

	var sent, got map[string]any
	require.NoError(t, json.Unmarshal([]byte(person), &sent))
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	require.Regexp(t, "^[A-Za-z0-9]{32}$", got["id"])
	sent["id"], sent["type"], sent["status"] = got["id"], "individual", "pending"
	sent["created_at"], sent["updated_at"] = "2026-04-16T09:20:00", "2026-04-16T09:20:00"
	require.Equal(t, sent, got)
}

// What is left out is gone, and what has no value is not in the response.
func TestUpdateClient(t *testing.T) {
	t.Parallel()
	var asked enablement.Call
	var decided enablement.Change
	h := newHandler(t, httpapi.Config{Store: finds(file(), &asked, &decided)})
	w := call(h, "PUT", clientPath, strings.NewReplacer(`"phone_country_code":54,"phone_number":91123456789,`, "", `"second_name":"María",`, "").Replace(person))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Equal(t, []string{"updateClient", "client_1", "ana@example.com"}, []string{asked.Operation, asked.ClientID, asked.Email})
	require.NotContains(t, w.Body.String(), "phone")
	require.NotContains(t, w.Body.String(), "second_name")
	require.Zero(t, decided.Client.PhoneNumber)
}

func TestDeleteClient(t *testing.T) {
	t.Parallel()
	var asked enablement.Call
	var decided enablement.Change
	h := newHandler(t, httpapi.Config{Store: finds(file(), &asked, &decided)})
	w := call(h, "DELETE", clientPath, "")
	require.Equal(t, http.StatusNoContent, w.Code)
	require.Empty(t, w.Body)
	require.True(t, decided.Deleted)
	require.Equal(t, "deleteClient", asked.Operation)
}

func TestRequestProduct(t *testing.T) {
	t.Parallel()
	var asked enablement.Call
	var decided enablement.Change
	found := file()
	found.Requests, found.Documents = nil, nil
	h := newHandler(t, httpapi.Config{Store: finds(found, &asked, &decided)})
	w := call(h, "POST", productsPath, `{"subproduct":"cards_individuals"}`)
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	var got api.Product
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	require.Equal(t, decided.Request.ID, got.ID)
	require.Equal(t, api.PendingDocumentation, got.Status)
	require.Len(t, got.MissingRequirements.Documents, 1)
	require.Empty(t, got.MissingRequirements.Data)
}

// Lists are never null, and a pending request is shown as it would be evaluated now.
func TestReads(t *testing.T) {
	t.Parallel()
	found := file()
	found.Requests = []enablement.Request{found.Request}
	found.Client.PhoneNumber, found.Client.PhoneCountryCode = 0, 0
	h := newHandler(t, httpapi.Config{Store: storeFunc(func(ctx context.Context, c enablement.Call, decide decide) (enablement.Change, error) {
		require.Equal(t, "company_1", c.CompanyID)
		_, bounded := ctx.Deadline()
		require.True(t, bounded)
		return decide(found)
	})})
	w := call(h, "GET", productsPath, "")
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	var products []api.Product
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &products))
	require.Len(t, products, 1)
	require.Equal(t, "phone", products[0].MissingRequirements.Data[0].Fields[0].Key)

	for _, path := range []string{clientPath, clientsPath} {
		w = call(h, "GET", path, "")
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		require.Contains(t, w.Body.String(), `"id":"client_1"`)
	}
	found.Requests = nil
	require.Equal(t, "[]", call(h, "GET", productsPath, "").Body.String())
}

// Each is refused in the documented words, of the reads and the writes alike, and no word is a value that was sent.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const noClient = "Company client not found with id: client_1"
	edited := func(old, with string) string { return strings.Replace(person, old, with, 1) }
	for name, test := range map[string]struct {
		method, path, body string
		err                error
		status             int
		code               api.ErrorCode
		message            string
	}{
		"exists":           {"POST", clientsPath, person, enablement.ErrClientExists, 400, api.CodeVal, "Company client already exists for this company"},
		"exists, updated":  {"PUT", clientPath, person, enablement.ErrClientExists, 400, api.CodeVal, "Company client already exists for this company"},
		"state":            {"POST", clientsPath, edited("ARG-B", "USA-CA"), nil, 412, api.CodeVal, "request body /address/state: is not a state of the country"},
		"day":              {"PUT", clientPath, edited("1984-11-21", "2025-02-30"), nil, 400, api.CodeBadRequest, "request body /birth_date: must be a date of the calendar, written yyyy-mm-dd"},
		"half a phone":     {"POST", clientsPath, edited(`"phone_country_code":54,`, ""), nil, 400, api.CodeBadRequest, "request body /phone_country_code: must be there if phone_number is"},
		"blank":            {"POST", clientsPath, edited("Example", "  "), nil, 400, api.CodeBadRequest, "request body /last_name: must not be blank"},
		"e-mail":           {"POST", clientsPath, edited("ana@", "ana@@"), nil, 400, api.CodeBadRequest, "request body /email: must be an e-mail address"},
		"active":           {"POST", productsPath, `{"subproduct":"cards_individuals"}`, enablement.ErrRequestActive, 409, api.CodeVal, "An enablement request is already active for this product"},
		"no product":       {"POST", productsPath, `{"subproduct":"nonsense"}`, enablement.ErrInvalidProduct, 412, api.CodeVal, "Invalid product"},
		"request, unknown": {"POST", productsPath, `{"subproduct":"cards_individuals"}`, enablement.ErrClientNotFound, 404, api.CodeNotFound, noClient},
		"get":              {"GET", clientPath, "", enablement.ErrClientNotFound, 404, api.CodeNotFound, noClient},
		"update":           {"PUT", clientPath, person, enablement.ErrClientNotFound, 404, api.CodeNotFound, noClient},
		"delete":           {"DELETE", clientPath, "", enablement.ErrClientNotFound, 404, api.CodeNotFound, noClient},
		"products":         {"GET", productsPath, "", enablement.ErrClientNotFound, 404, api.CodeNotFound, noClient},
		"away":             {"GET", clientsPath, "", store.ErrUnavailable, 503, api.CodeServiceUnavailable, ""},
		"too slow":         {"GET", productsPath, "", context.DeadlineExceeded, 503, api.CodeServiceUnavailable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHandler(t, httpapi.Config{Store: storeFunc(func(context.Context, enablement.Call, decide) (enablement.Change, error) {
				return enablement.Change{}, test.err
			})})
			w := call(h, test.method, test.path, test.body)
			require.Equal(t, test.status, w.Code, w.Body)
			var got api.Error
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
			require.Equal(t, test.code, got.Code)
			if test.message != "" {
				require.Equal(t, test.message, got.Message)
			}
		})
	}
}

func TestWritesAreObserved(t *testing.T) {
	t.Parallel()
	var observed []string
	h := newHandler(t, httpapi.Config{
		Store: storeFunc(func(context.Context, enablement.Call, decide) (enablement.Change, error) {
			return enablement.Change{}, enablement.ErrClientNotFound
		}),
		Observe: func(_ context.Context, operation string, _ time.Time, _ enablement.Change, err error) {
			require.ErrorIs(t, err, enablement.ErrClientNotFound)
			observed = append(observed, operation)
		},
	})
	call(h, "POST", clientsPath, person)
	call(h, "PUT", clientPath, person)
	call(h, "DELETE", clientPath, "")
	call(h, "POST", productsPath, `{"subproduct":"cards_individuals"}`)
	call(h, "POST", documentationPath, passport(dot))
	ask(h, "company_1", "client_1", "request_1", "")
	call(h, "GET", clientPath, "")
	require.Equal(t, httpapi.Writes(), observed)
}
