package storetest

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

// input is what a caller says of a client with nothing amiss.
func input(email string) enablement.ClientInput {
	return enablement.ClientInput{
		FirstName: "Åsa", SecondName: "Of", LastName: "Example", Email: email, BirthDate: "1984-11-21",
		PhoneCountryCode: 54, PhoneNumber: 91123456789,
		Address: enablement.Address{
			StreetLine1: "Calle 1", StreetLine2: "2 \"B\"", City: "Del Viso", PostalCode: "1669",
			State: "ARG-B", StateCode: "06", Country: "ARG", CountryCode: "032",
		},
	}
}

// callOf is a call of the sample's company about a client, of the given e-mail where that is to be stored.
func callOf(operation, clientID, email string) enablement.Call {
	return enablement.Call{
		Operation: operation, CompanyID: sample.Company, ClientID: clientID, Email: email, KeyID: "key_test", TraceID: "trace",
	}
}

func create(t *testing.T, f Fixture, in enablement.ClientInput, at time.Time) (enablement.Client, error) {
	t.Helper()
	change, err := createBy(t, f, callOf("createClient", "", in.Email), in, at)
	if err != nil {
		return enablement.Client{}, err
	}
	return *change.Client, nil
}

func createBy(t *testing.T, f Fixture, call enablement.Call, in enablement.ClientInput, at time.Time) (enablement.Change, error) {
	t.Helper()
	return f.Change(t.Context(), windowed(call, at), func(file enablement.File) (enablement.Change, error) {
		change, err := enablement.CreateClient(file, in, at, enablement.NewID)
		if err == nil {
			change.Response = []byte("created " + change.Client.ID)
		}
		return change, err
	})
}

func update(t *testing.T, f Fixture, clientID string, in enablement.ClientInput, at time.Time) (enablement.Client, error) {
	t.Helper()
	change, err := f.Change(t.Context(), callOf("updateClient", clientID, in.Email), func(file enablement.File) (enablement.Change, error) {
		return enablement.UpdateClient(file, in, at)
	})
	if err != nil {
		return enablement.Client{}, err
	}
	return *change.Client, nil
}

// all calls n times at the same moment, spread over the processes, and returns the errors.
func all(fixtures []Fixture, n int, call func(f Fixture, i int) error) []error {
	errs := make([]error, n)
	together(n, func(i int) { errs[i] = call(fixtures[i%len(fixtures)], i) })
	return errs
}

// requireOne asks that one call succeeded, and that the others were refused for the reason.
func requireOne(t *testing.T, errs []error, refusal error) {
	t.Helper()
	succeeded := 0
	for _, err := range errs {
		if err == nil {
			succeeded++
			continue
		}
		require.ErrorIs(t, err, refusal)
	}
	require.Equal(t, 1, succeeded)
}

func idsOf(clients []enablement.Client) (ids []string) {
	for _, c := range clients {
		ids = append(ids, c.ID)
	}
	return ids
}

func exerciseClients(t *testing.T, open Open) {
	t.Run("create", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		before, clients := written(f), f.Count("clients")
		created, err := create(t, f, input("new@example.com"), now)
		require.NoError(t, err)
		require.Equal(t, enablement.ClientPending, created.Status)
		require.Equal(t, sample.Company, created.CompanyID)

		stored, err := f.Client(t.Context(), sample.Company, created.ID)
		require.NoError(t, err)
		require.Equal(t, created, stored)
		file, err := f.File(t.Context(), sample.Company, created.ID)
		require.NoError(t, err)
		require.Equal(t, enablement.File{Client: created}, file)
		list, err := f.Clients(t.Context(), sample.Company)
		require.NoError(t, err)
		require.Contains(t, list, created)

		require.Equal(t, clients+1, f.Count("clients"))
		before["audit"]++
		require.Equal(t, before, written(f))
		require.Equal(t, 1, f.Count(`audit WHERE operation = 'createClient' AND client_id = '`+created.ID+`' AND request_id = ''
			AND company_id = '`+sample.Company+`' AND key_id = 'key_test' AND trace_id = 'trace' AND from_status = '' AND to_status = ''`))
	})

	t.Run("twins", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		first, err := create(t, f, input("Twin.É@example.com"), now)
		require.NoError(t, err)
		before := f.Count("clients")
		for _, email := range []string{"Twin.É@example.com", "twin.É@EXAMPLE.com", "TWIN.É@example.com"} {
			_, err = create(t, f, input(email), now)
			require.ErrorIs(t, err, enablement.ErrClientExists, email)
		}
		require.Equal(t, before, f.Count("clients"))
		require.Equal(t, 1, f.Count("audit"))
		_, err = create(t, f, input("twin.é@example.com"), now)
		require.NoError(t, err, "ASCII letters alone are folded")
		other := callOf("createClient", "", first.Email)
		other.CompanyID = sample.OtherCompany
		_, err = createBy(t, f, other, input(first.Email), now)
		require.NoError(t, err, "companies don't meet")
	})

	t.Run("twins at once", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		before := fixtures[0].Count("clients")
		emails := []string{"one@example.com", "ONE@example.com", "One@Example.Com"}
		requireOne(t, all(fixtures, 20, func(f Fixture, i int) error {
			_, err := create(t, f, input(emails[i%len(emails)]), now)
			return err
		}), enablement.ErrClientExists)
		require.Equal(t, before+1, fixtures[0].Count("clients"))

		// Two that are there can't both move to one e-mail.
		var ids []string
		for _, email := range []string{"a@example.com", "b@example.com"} {
			c, err := create(t, fixtures[0], input(email), now)
			require.NoError(t, err)
			ids = append(ids, c.ID)
		}
		requireOne(t, all(fixtures, len(ids), func(f Fixture, i int) error {
			_, err := update(t, f, ids[i], input("c@example.com"), now)
			return err
		}), enablement.ErrClientExists)
	})

	t.Run("update", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		created, err := create(t, f, input("new@example.com"), now)
		require.NoError(t, err)
		in := input("NEW@example.com")
		in.SecondName, in.PhoneCountryCode, in.PhoneNumber, in.Address.StreetLine2 = "", 0, 0, ""
		later := now.Add(time.Hour)
		updated, err := update(t, f, created.ID, in, later)
		require.NoError(t, err)
		require.Equal(t, later, updated.UpdatedAt)
		require.Equal(t, created.CreatedAt, updated.CreatedAt)
		stored, err := f.Client(t.Context(), sample.Company, created.ID)
		require.NoError(t, err)
		require.Equal(t, updated, stored)
		require.Zero(t, stored.PhoneNumber)
		require.Empty(t, stored.Address.StreetLine2)

		again, err := update(t, f, created.ID, in, later.Add(time.Hour))
		require.NoError(t, err)
		require.Equal(t, updated, again, "nothing changed")
		stored, err = f.Client(t.Context(), sample.Company, created.ID)
		require.NoError(t, err)
		require.Equal(t, updated, stored)
		require.Equal(t, 2, f.Count(`audit WHERE operation = 'updateClient' AND client_id = '`+created.ID+`'`))

		other, err := create(t, f, input("other@example.com"), now)
		require.NoError(t, err)
		_, err = update(t, f, other.ID, in, later)
		require.ErrorIs(t, err, enablement.ErrClientExists)
		stored, err = f.Client(t.Context(), sample.Company, other.ID)
		require.NoError(t, err)
		require.Equal(t, other, stored)
	})

	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		id := sample.Cases[0].ClientID
		before, err := f.Client(t.Context(), sample.Company, id)
		require.NoError(t, err)
		for _, ids := range [][2]string{
			{sample.OtherCompany, id}, {"nowhere", id}, {sample.Company, "nobody"}, {sample.Company, "%"},
			{sample.Company, id + "\x00"}, {sample.Company, id + "\xff"}, {sample.Company + "\x00", id},
		} {
			_, err := f.Client(t.Context(), ids[0], ids[1])
			require.ErrorIs(t, err, enablement.ErrClientNotFound, "%q", ids)
			_, err = f.File(t.Context(), ids[0], ids[1])
			require.ErrorIs(t, err, enablement.ErrClientNotFound, "%q", ids)
			for _, decide := range []func(enablement.File) (enablement.Change, error){
				func(file enablement.File) (enablement.Change, error) {
					return enablement.UpdateClient(file, input("new@example.com"), now)
				},
				func(file enablement.File) (enablement.Change, error) {
					return enablement.RequestProduct(file, enablement.RampsPix, now, enablement.NewID)
				},
				func(file enablement.File) (enablement.Change, error) { return enablement.DeleteClient(file, now) },
			} {
				call := callOf("any", ids[1], "new@example.com")
				call.CompanyID = ids[0]
				_, err = f.Change(t.Context(), Keyed(call, "k"), decide)
				require.ErrorIs(t, err, enablement.ErrClientNotFound, "%q", ids)
			}
		}
		_, err = f.File(t.Context(), sample.Company, "")
		require.ErrorIs(t, err, enablement.ErrClientNotFound)
		list, err := f.Clients(t.Context(), "nowhere")
		require.NoError(t, err)
		require.Empty(t, list)
		require.Equal(t, rows(0, 0, 0), written(f))
		after, err := f.Client(t.Context(), sample.Company, id)
		require.NoError(t, err)
		require.Equal(t, before, after)
	})

	t.Run("list", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		require.NoError(t, f.Import(t.Context(), &dataset.Dataset{At: now, Companies: []dataset.Company{{ID: sample.Company}, {ID: sample.OtherCompany}}}))
		var want []enablement.Client
		for i, after := range []time.Duration{time.Second, time.Microsecond, time.Second, 0, time.Minute} {
			c, err := create(t, f, input(string(rune('a'+i))+"@example.com"), now.Add(after))
			require.NoError(t, err)
			want = append(want, c)
			other := callOf("createClient", "", c.Email)
			other.CompanyID = sample.OtherCompany
			_, err = createBy(t, f, other, input(c.Email), now.Add(after))
			require.NoError(t, err)
		}
		slices.SortFunc(want, func(a, b enablement.Client) int {
			return -cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
		})
		list, err := f.Clients(t.Context(), sample.Company)
		require.NoError(t, err)
		require.Equal(t, want, list)
		others, err := f.Clients(t.Context(), sample.OtherCompany)
		require.NoError(t, err)
		require.Len(t, others, len(want))
		for _, id := range idsOf(others) {
			require.NotContains(t, idsOf(list), id)
		}
	})

	t.Run("imported", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		imported := sample.Data(now).Clients[0]
		stored, err := f.Client(t.Context(), sample.Company, imported.ID)
		require.NoError(t, err)
		want := imported.Stored()
		require.Equal(t, want, stored)
		enabled, err := f.Client(t.Context(), sample.Company, sample.Cases[3].ClientID)
		require.NoError(t, err)
		require.Equal(t, enablement.ClientActive, enabled.Status, "a request is enabled")

		// Once more, with a moment before it was created.
		imported.FirstName = "Other"
		imported.UpdatedAt.Time = stored.CreatedAt.Add(-time.Hour)
		again := *sample.Data(now)
		again.Clients[0] = imported
		again.Requests, again.Keys = nil, nil
		require.NoError(t, f.Import(t.Context(), &again))
		stored, err = f.Client(t.Context(), sample.Company, imported.ID)
		require.NoError(t, err)
		require.Equal(t, "Other", stored.FirstName)
		require.Equal(t, stored.CreatedAt, stored.UpdatedAt)
		enabled, err = f.Client(t.Context(), sample.Company, sample.Cases[3].ClientID)
		require.NoError(t, err)
		require.Equal(t, enablement.ClientActive, enabled.Status, "an import of the client leaves it")
	})

	t.Run("unreadable", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		id := sample.Cases[0].ClientID
		f.Exec(`UPDATE clients SET address = '{' WHERE id = '` + id + `'`)
		_, one := f.Client(t.Context(), sample.Company, id)
		_, list := f.Clients(t.Context(), sample.Company)
		_, file := f.File(t.Context(), sample.Company, id)
		_, changed := update(t, f, id, input("new@example.com"), now)
		_, submitted := submit(t, f, submissionOf(sample.Cases[0]))
		for _, err := range []error{one, list, file, changed, submitted} {
			require.ErrorContains(t, err, "stored address")
		}
		require.Equal(t, rows(0, 0, 0), written(f))
	})
}
