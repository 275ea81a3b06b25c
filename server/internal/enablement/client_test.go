package enablement_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// input returns what a caller says of the client of [client].
func input() enablement.ClientInput {
	c := client()
	return enablement.ClientInput{
		FirstName: c.FirstName, SecondName: "Of", LastName: c.LastName, Email: c.Email, BirthDate: c.BirthDate,
		PhoneCountryCode: c.PhoneCountryCode, PhoneNumber: c.PhoneNumber,
		Address: enablement.Address{
			StreetLine1: "Calle 1", StreetLine2: "2 B", City: "Del Viso", PostalCode: "1669",
			State: "ARG-B", StateCode: "06", Country: "ARG", CountryCode: "032",
		},
	}
}

// stored returns the client that the input made an hour before now.
func stored(t *testing.T) enablement.Client {
	t.Helper()
	company := enablement.File{Client: enablement.Client{CompanyID: "company_1"}}
	c, err := enablement.CreateClient(company, input(), now.Add(-time.Hour), func() string { return "client_1" })
	require.NoError(t, err)
	return *c.Client
}

func TestCreateClient(t *testing.T) {
	t.Parallel()
	in, at := input(), now.Add(1500*time.Nanosecond).In(time.FixedZone("", 3600))
	company := enablement.File{Client: enablement.Client{CompanyID: "company_1"}}
	c, err := enablement.CreateClient(company, in, at, func() string { return "client_1" })
	require.NoError(t, err)
	stored := now.Add(time.Microsecond)
	require.Equal(t, enablement.Change{
		Client: &enablement.Client{
			ID: "client_1", CompanyID: "company_1", Status: enablement.ClientPending,
			FirstName: in.FirstName, SecondName: in.SecondName, LastName: in.LastName, Email: in.Email, BirthDate: in.BirthDate,
			PhoneCountryCode: in.PhoneCountryCode, PhoneNumber: in.PhoneNumber, Address: in.Address,
			CreatedAt: stored, UpdatedAt: stored,
		},
		At: stored, Changed: true,
	}, c)

	company.EmailTaken = true
	c, err = enablement.CreateClient(company, in, at, noID)
	require.ErrorIs(t, err, enablement.ErrClientExists)
	require.Zero(t, c)
}

func TestUpdateClient(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change  func(*enablement.ClientInput)
		changed bool
	}{
		"nothing":            {func(*enablement.ClientInput) {}, false},
		"first name":         {func(in *enablement.ClientInput) { in.FirstName = "Other" }, true},
		"second name gone":   {func(in *enablement.ClientInput) { in.SecondName = "" }, true},
		"last name":          {func(in *enablement.ClientInput) { in.LastName = "Other" }, true},
		"e-mail":             {func(in *enablement.ClientInput) { in.Email = "other@example.com" }, true},
		"case of the e-mail": {func(in *enablement.ClientInput) { in.Email = "Sample.Person@example.com" }, true},
		"birth date":         {func(in *enablement.ClientInput) { in.BirthDate = "1990-05-18" }, true},
		"phone gone":         {func(in *enablement.ClientInput) { in.PhoneCountryCode, in.PhoneNumber = 0, 0 }, true},
		"street line 2 gone": {func(in *enablement.ClientInput) { in.Address.StreetLine2 = "" }, true},
		"state":              {func(in *enablement.ClientInput) { in.Address.State = "B" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, in := stored(t), input()
			before.Status = enablement.ClientActive
			tc.change(&in)
			c, err := enablement.UpdateClient(enablement.File{Client: before}, in, now)
			require.NoError(t, err)
			want := before
			want.FirstName, want.SecondName, want.LastName = in.FirstName, in.SecondName, in.LastName
			want.Email, want.BirthDate, want.Address = in.Email, in.BirthDate, in.Address
			want.PhoneCountryCode, want.PhoneNumber = in.PhoneCountryCode, in.PhoneNumber
			if tc.changed {
				want.UpdatedAt = now
			}
			require.Equal(t, enablement.Change{Client: &want, At: now, Changed: tc.changed}, c)
		})
	}
}

func TestUpdateClientAfterTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	before, in := stored(t), input()
	in.FirstName = "Other"
	c, err := enablement.UpdateClient(enablement.File{Client: before}, in, before.UpdatedAt.Add(-time.Minute))
	require.NoError(t, err)
	require.True(t, c.Changed)
	require.Equal(t, before.UpdatedAt, c.Client.UpdatedAt)
}

func TestUpdateClientToATakenEmail(t *testing.T) {
	t.Parallel()
	f := enablement.File{Client: stored(t), EmailTaken: true}
	in := input()
	in.Email = "other@example.com"
	c, err := enablement.UpdateClient(f, in, now)
	require.ErrorIs(t, err, enablement.ErrClientExists)
	require.Zero(t, c)

	// Twins from before the rule can be updated.
	in.Email, in.FirstName = "SAMPLE.person@example.com", "Other"
	c, err = enablement.UpdateClient(f, in, now)
	require.NoError(t, err)
	require.True(t, c.Changed)

	// ſ is no s: a store folds ASCII alone.
	in.Email = "ſample.person@example.com"
	_, err = enablement.UpdateClient(f, in, now)
	require.ErrorIs(t, err, enablement.ErrClientExists)
}

func TestDeleteClient(t *testing.T) {
	t.Parallel()
	c, err := enablement.DeleteClient(enablement.File{Client: stored(t)}, now.Add(time.Nanosecond))
	require.NoError(t, err)
	require.Equal(t, enablement.Change{Deleted: true, At: now, Changed: true}, c)
}

func TestNewID(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		id := enablement.NewID()
		require.Regexp(t, `^[A-Za-z0-9]{32}$`, id)
		require.False(t, seen[id])
		seen[id] = true
	}
}
