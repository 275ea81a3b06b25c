package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
)

// person is what the tests create and update.
var person = api.ClientInput{
	FirstName: "Canary", LastName: "Person", Email: "canary@example.com", BirthDate: "1984-11-21",
	PhoneCountryCode: 54, PhoneNumber: 91123456789,
	Address: api.AddressInput{StreetLine1: "Street 1", City: "Del Viso", PostalCode: "1669", State: "ARG-B", Country: "ARG"},
}

// client returns a stored one.
func stored(in api.ClientInput, changed api.Timestamp) api.Client {
	return api.Client{
		ID: clientID, Type: api.Individual, Status: api.ClientPending, FirstName: in.FirstName, SecondName: in.SecondName, LastName: in.LastName,
		Email: in.Email, BirthDate: in.BirthDate, PhoneCountryCode: in.PhoneCountryCode, PhoneNumber: in.PhoneNumber,
		Address: api.Address(in.Address), CreatedAt: changed, UpdatedAt: changed,
	}
}

func asked(product api.ProductType, status api.ProductStatus, created api.Timestamp) api.Product {
	return api.Product{
		ID: requestID, ClientID: clientID, Product: product, Status: status, CreatedAt: created, UpdatedAt: created,
		MissingRequirements: api.MissingRequirements{Documents: []api.DocumentRequirement{}, Data: []api.DataRequirement{}},
	}
}

func inJSON(tb testing.TB, value any) string {
	tb.Helper()
	text, err := json.Marshal(value)
	require.NoError(tb, err)
	return string(text)
}

const noClient = `{"code":"NOT_FOUND","message":"Company client not found with id: x","trace_id":"` + trace + `"}`

// TestSettle is the table of what is found; the documentation of Settle has it for readers. Faults are in
// clienttest.
func TestSettle(t *testing.T) {
	t.Parallel()
	other := person
	other.PhoneCountryCode, other.PhoneNumber = 0, 0
	elsewhere := person
	elsewhere.Email = "somebody@example.com"
	inCapitals := person
	inCapitals.Email = "CANARY@example.com"
	now := time.Now().UTC().Truncate(time.Second)
	old, since := api.NewTimestamp(now.Add(-time.Hour)), api.NewTimestamp(now.Add(-time.Second))
	create := client.Call{Operation: "createClient", Client: person}
	update := client.Call{Operation: "updateClient", ClientID: clientID, Client: person}
	remove := client.Call{Operation: "deleteClient", ClientID: clientID}
	request := client.Call{Operation: "requestProduct", ClientID: clientID, Product: api.CardsIndividuals}
	submit := client.Call{Operation: "submitProduct", ClientID: clientID, RequestID: requestID}
	another := asked(api.CardsIndividuals, api.Enabled, since)
	another.ID = "another"
	for name, tt := range map[string]struct {
		call   client.Call
		status int
		found  any // a body as it is, or what is written as JSON
		effect client.Effect
		says   string
	}{
		"create: the same":                  {create, 200, []api.Client{stored(elsewhere, since), stored(person, since)}, client.Done, "has the e-mail and the data"},
		"create: in capitals":               {create, 200, []api.Client{stored(inCapitals, since)}, client.Done, "has the e-mail and the data"},
		"create: nobody":                    {create, 200, []api.Client{}, client.NotDone, "no client has the e-mail"},
		"create: others":                    {create, 200, []api.Client{stored(elsewhere, since)}, client.NotDone, "no client has the e-mail"},
		"create: taken before":              {create, 200, []api.Client{stored(other, old)}, client.NotDone, "another client had the e-mail before"},
		"create: updated since, or another": {create, 200, []api.Client{stored(other, since)}, client.Unclear, "other data"},
		"create: of unknown age":            {create, 200, []api.Client{stored(other, api.Timestamp{})}, client.Unclear, "other data"},
		"create: two":                       {create, 200, []api.Client{stored(other, since), stored(person, old)}, client.Done, "has the e-mail and the data"},
		"create: two others":                {create, 200, []api.Client{stored(other, since), stored(inCapitalsWithout(other), old)}, client.Unclear, "other data"},
		"create: two others, in any order":  {create, 200, []api.Client{stored(other, old), stored(other, since)}, client.Unclear, "other data"},
		"update: the same":                  {update, 200, stored(person, old), client.Done, "has the data of the call"},
		"update: not since":                 {update, 200, stored(other, old), client.NotDone, "not updated since"},
		"update: overwritten, or not":       {update, 200, stored(other, since), client.Unclear, "another one came since"},
		"update: of unknown age":            {update, 200, stored(other, api.Timestamp{}), client.Unclear, "another one came since"},
		"update: the e-mail in capitals":    {update, 200, stored(inCapitals, old), client.NotDone, "not updated since"},
		"update: gone":                      {update, 404, noClient, client.Unclear, "not any more"},
		"delete: gone":                      {remove, 404, noClient, client.Done, "there is no such client"},
		"delete: there":                     {remove, 200, stored(person, since), client.NotDone, "the client is there"},
		"request: there":                    {request, 200, []api.Product{asked(api.CardsIndividuals, api.PendingDocumentation, since)}, client.Done, "has a request"},
		"request: submitted since":          {request, 200, []api.Product{asked(api.CardsIndividuals, api.InKyc, since)}, client.Done, "has a request"},
		"request: nothing":                  {request, 200, []api.Product{}, client.NotDone, "has no request"},
		"request: another product":          {request, 200, []api.Product{asked(api.RampsPix, api.PendingDocumentation, since)}, client.NotDone, "has no request"},
		"request: rejected before":          {request, 200, []api.Product{asked(api.CardsIndividuals, api.Rejected, old)}, client.NotDone, "has no request"},
		"request: rejected since":           {request, 200, []api.Product{asked(api.CardsIndividuals, api.Rejected, since)}, client.Unclear, "rejected, maybe"},
		"request: rejected, and again":      {request, 200, []api.Product{asked(api.CardsIndividuals, api.Rejected, since), another}, client.Done, "has a request"},
		"request: gone":                     {request, 404, noClient, client.Unclear, "not any more"},
		"submit: in KYC":                    {submit, 200, []api.Product{another, asked(api.CardsIndividuals, api.InKyc, old)}, client.Done, "was submitted"},
		"submit: enabled":                   {submit, 200, []api.Product{asked(api.CardsIndividuals, api.Enabled, old)}, client.Done, "was submitted"},
		"submit: rejected":                  {submit, 200, []api.Product{asked(api.CardsIndividuals, api.Rejected, old)}, client.Done, "was submitted"},
		"submit: pending":                   {submit, 200, []api.Product{asked(api.CardsIndividuals, api.PendingDocumentation, old)}, client.NotDone, "is pending"},
		"submit: requested":                 {submit, 200, []api.Product{asked(api.CardsIndividuals, api.Requested, old)}, client.NotDone, "is pending"},
		"submit: a new status":              {submit, 200, []api.Product{asked(api.CardsIndividuals, "on_hold", old)}, client.Unclear, "does not know"},
		"submit: another request":           {submit, 200, []api.Product{another}, client.Unclear, "no such request"},
		"submit: gone":                      {submit, 404, noClient, client.Unclear, "not any more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, ok := tt.found.(string)
			if !ok {
				body = inJSON(t, tt.found)
			}
			tt.call.At = time.Now().Add(-5 * time.Second)
			c := serve(t, answer(tt.status, mediaType, body))
			settled, err := c.Settle(t.Context(), tt.call.Unknown())
			require.NoError(t, err)
			require.Equal(t, tt.effect, settled.Effect, settled.Reason)
			require.Contains(t, settled.Reason, tt.says)
			require.NotContains(t, settled.Reason, "anary")

			// Without the time of the call, nothing is held to be before it.
			tt.call.At = time.Time{}
			unsure, err := c.Settle(t.Context(), tt.call.Unknown())
			require.NoError(t, err)
			if unsure.Effect != tt.effect {
				require.Equal(t, []client.Effect{client.NotDone, client.Unclear}, []client.Effect{tt.effect, unsure.Effect})
				require.Regexp(t, "before|since", settled.Reason)
			}

			if tt.call.ClientID == "" { // of no client, nothing can be gone
				_, err := serve(t, answer(404, mediaType, noClient)).Settle(t.Context(), tt.call.Unknown())
				require.ErrorIs(t, err, client.ErrNotFound)
			}

			// An answer that is not the API's finds nothing.
			for status, body := range map[int]string{404: "<html>", 200: "<html>", 401: `{"code":"AUTH","message":"m"}`, 500: ""} {
				settled, err := serve(t, answer(status, mediaType, body)).Settle(t.Context(), tt.call.Unknown())
				require.Nil(t, settled)
				failed, ok := errors.AsType[*client.Error](err)
				require.True(t, ok)
				require.Equal(t, status, failed.StatusCode)
			}
		})
	}
}

func inCapitalsWithout(in api.ClientInput) api.ClientInput {
	in.Email = strings.ToUpper(in.Email)
	return in
}

// TestSettle_clocks: what is before a call is told by the server's clock, whatever ours says.
func TestSettle_clocks(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"right": 0, "an hour ahead": time.Hour, "a day behind": -24 * time.Hour} {
		for age, want := range map[time.Duration]client.Effect{
			time.Hour: client.NotDone, 125 * time.Second: client.NotDone, 115 * time.Second: client.Unclear,
			time.Second: client.Unclear, -time.Minute: client.Unclear,
		} {
			t.Run(fmt.Sprintf("%s, %v", name, age), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					server := time.Now().Add(ahead)
					changed := person
					changed.LastName = "Other"
					body := inJSON(t, stored(changed, api.NewTimestamp(server.Add(-age))))
					p := &played{lines: []func(*http.Request) (*http.Response, error){says(200, body, "Date", server.UTC().Format(http.TimeFormat))}}
					call := client.Call{Operation: "updateClient", ClientID: clientID, Client: person, At: time.Now().Add(-time.Minute)}
					settled, err := playing(t, p).Settle(t.Context(), call.Unknown())
					require.NoError(t, err)
					require.Equal(t, want, settled.Effect)
				})
			})
		}
	}
}

// TestSettle_future: a call that is still to come, by a clock that went back since, tells nothing of before and since.
func TestSettle_future(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	changed := person
	changed.LastName = "Other"
	c := serve(t, answer(200, mediaType, inJSON(t, stored(changed, api.NewTimestamp(now)))))
	call := client.Call{Operation: "updateClient", ClientID: clientID, Client: person, At: now.Add(time.Hour)}
	settled, err := c.Settle(t.Context(), call.Unknown())
	require.NoError(t, err)
	require.Equal(t, client.Unclear, settled.Effect, settled.Reason)
}

// TestSettle_nothing: middleware that returns neither a response nor an error is an error here, too.
func TestSettle_nothing(t *testing.T) {
	t.Parallel()
	c := newClient(t, once, client.WithMiddleware(func(client.RoundTripperFunc) client.RoundTripperFunc {
		return func(*http.Request) (*http.Response, error) { return nil, nil } //nolint:nilnil // that is the mistake
	}))
	_, err := c.Settle(t.Context(), client.Call{Operation: "deleteClient", ClientID: clientID}.Unknown())
	require.ErrorContains(t, err, "nil *Response with a nil error")
}

// TestSettle_namedKey: a call under a key that the caller named may have been made before, nobody here knows when.
func TestSettle_namedKey(t *testing.T) {
	t.Parallel()
	other := person
	other.LastName = "Other"
	old := inJSON(t, []api.Client{stored(other, api.NewTimestamp(time.Now().Add(-time.Hour)))})
	for want, opts := range map[client.Effect][]client.CallOption{client.NotDone: nil, client.Unclear: {client.WithIdempotencyKey("named")}} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			answer(200, mediaType, old)(w, r)
		})
		_, err := c.CreateClient(t.Context(), person, opts...)
		failed, ok := errors.AsType[*client.Error](err)
		require.True(t, ok)
		settled, err := c.Settle(t.Context(), failed)
		require.NoError(t, err)
		require.Equal(t, want, settled.Effect, settled.Reason)
	}
}

func TestSettle_refuses(t *testing.T) {
	t.Parallel()
	c := newClient(t, client.WithHTTPClient(&http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
		panic("nothing is to be read")
	})}))
	for want, unknown := range map[string]*client.Error{
		"not one of a call":                   nil,
		"not one of a call; pass":             {},
		"changes nothing; call it again":      client.Call{Operation: "getClient", ClientID: clientID}.Unknown(),
		"changes nothing; call":               client.Call{}.Unknown(),
		"clientID is not an id":               client.Call{Operation: "deleteClient", ClientID: "a b"}.Unknown(),
		"clientID is not an id, 1 to 64":      client.Call{Operation: "submitProduct", RequestID: requestID}.Unknown(),
		"productRequestID is not an id, 1 to": client.Call{Operation: "submitProduct", ClientID: clientID}.Unknown(),
	} {
		settled, err := c.Settle(t.Context(), unknown)
		require.Nil(t, settled)
		require.ErrorIs(t, err, client.ErrInvalidInput)
		require.ErrorContains(t, err, want)
	}
	for outcome, reason := range map[client.Outcome]string{client.NotSent: "the call was not sent", client.Refused: "the call was refused"} {
		settled, err := c.Settle(t.Context(), &client.Error{Outcome: outcome})
		require.NoError(t, err)
		require.Equal(t, client.Settled{Effect: client.NotDone, Reason: reason}, *settled)
	}
}

// TestSettle_remembersInSecret: what a call asked for is in the error, and nothing that prints shows it.
func TestSettle_remembersInSecret(t *testing.T) {
	t.Parallel()
	var s sinks
	down := true
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if down {
			answer(500, mediaType, `{"code":"SERVER_ERROR","message":"m"}`)(w, r)
			return
		}
		require.Equal(t, "through the gateway", r.Header.Get("X-Gateway"))
		answer(200, mediaType, inJSON(t, []api.Client{stored(person, api.NewTimestamp(time.Now()))}))(w, r)
	}, s.options()...)
	_, err := c.CreateClient(t.Context(), person)
	failed, ok := errors.AsType[*client.Error](err)
	require.True(t, ok)
	require.Equal(t, client.Unknown, failed.Outcome)
	for _, text := range []string{prints(t, failed), prints(t, *failed), prints(t, client.Call{Operation: "createClient", Client: person}.Unknown()), s.text(t)} {
		require.NotContains(t, text, "anary")
		require.NotContains(t, text, fmt.Sprintf("%x", "anary"))
		require.NotContains(t, text, "91123456789")
	}
	down = false
	settled, err := c.Settle(t.Context(), failed, client.WithHeader("X-Gateway", "through the gateway"))
	require.NoError(t, err)
	require.Equal(t, client.Done, settled.Effect)
	require.Equal(t, person, settled.Client.Input())
	require.JSONEq(t, `"done"`, inJSON(t, settled.Effect))
}

func TestEffect_String(t *testing.T) {
	t.Parallel()
	for effect, want := range map[client.Effect]string{client.Unclear: "unclear", client.Done: "done", client.NotDone: "not done", 17: "unclear"} {
		require.Equal(t, want, effect.String())
	}
}
