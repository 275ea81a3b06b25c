package enablement_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

func TestCheckInput(t *testing.T) {
	t.Parallel()
	type change = func(*enablement.ClientInput)
	good := map[string]change{
		"all":                  func(*enablement.ClientInput) {},
		"no optional one":      func(in *enablement.ClientInput) { in.SecondName, in.Address.StreetLine2 = "", "" },
		"no codes":             func(in *enablement.ClientInput) { in.Address.StateCode, in.Address.CountryCode = "", "" },
		"no phone":             func(in *enablement.ClientInput) { in.PhoneCountryCode, in.PhoneNumber = 0, 0 },
		"phone that is none":   func(in *enablement.ClientInput) { in.PhoneCountryCode, in.PhoneNumber = 999, 1 },
		"born in the future":   func(in *enablement.ClientInput) { in.BirthDate = "2999-12-31" },
		"born on a leap day":   func(in *enablement.ClientInput) { in.BirthDate = "2024-02-29" },
		"bare state":           func(in *enablement.ClientInput) { in.Address.State = "B" },
		"state of the USA":     func(in *enablement.ClientInput) { in.Address.Country, in.Address.State = "USA", "CA" },
		"no states known":      func(in *enablement.ClientInput) { in.Address.Country, in.Address.State = "PRI", "Anything" },
		"text of other script": func(in *enablement.ClientInput) { in.FirstName, in.Address.City = "Åsa-Ψ", "東京" },
	}
	for name, change := range good {
		in := input()
		change(&in)
		require.NoError(t, in.Check(), name)
	}

	const blank, hidden = "must not be blank", "must not have a character that cannot be seen"
	for field, set := range map[string]func(*enablement.ClientInput, string){
		"/first_name":           func(in *enablement.ClientInput, s string) { in.FirstName = s },
		"/second_name":          func(in *enablement.ClientInput, s string) { in.SecondName = s },
		"/last_name":            func(in *enablement.ClientInput, s string) { in.LastName = s },
		"/address/street_line1": func(in *enablement.ClientInput, s string) { in.Address.StreetLine1 = s },
		"/address/street_line2": func(in *enablement.ClientInput, s string) { in.Address.StreetLine2 = s },
		"/address/city":         func(in *enablement.ClientInput, s string) { in.Address.City = s },
		"/address/postal_code":  func(in *enablement.ClientInput, s string) { in.Address.PostalCode = s },
		"/address/state":        func(in *enablement.ClientInput, s string) { in.Address.State = s },
		"/address/state_code":   func(in *enablement.ClientInput, s string) { in.Address.StateCode = s },
		"/address/country_code": func(in *enablement.ClientInput, s string) { in.Address.CountryCode = s },
	} {
		for value, rule := range map[string]string{" ": blank, "\x00": blank, "a\x00b": hidden, "a\u202eb": hidden, "a\xff": hidden} {
			in := input()
			set(&in, value)
			require.Equal(t, &enablement.FieldError{Field: field, Rule: rule}, in.Check(), "%s %q", field, value)
		}
	}

	for name, tc := range map[string]struct {
		field  string
		change change
	}{
		"no first name":         {"/first_name", func(in *enablement.ClientInput) { in.FirstName = "" }},
		"no street":             {"/address/street_line1", func(in *enablement.ClientInput) { in.Address.StreetLine1 = "" }},
		"no e-mail":             {"/email", func(in *enablement.ClientInput) { in.Email = "" }},
		"e-mail of one part":    {"/email", func(in *enablement.ClientInput) { in.Email = "sample" }},
		"e-mail with a name":    {"/email", func(in *enablement.ClientInput) { in.Email = "Sample <sample@example.com>" }},
		"e-mail with NUL":       {"/email", func(in *enablement.ClientInput) { in.Email = "sam\x00ple@example.com" }},
		"30 February":           {"/birth_date", func(in *enablement.ClientInput) { in.BirthDate = "2025-02-30" }},
		"29 February":           {"/birth_date", func(in *enablement.ClientInput) { in.BirthDate = "2025-02-29" }},
		"date the other way":    {"/birth_date", func(in *enablement.ClientInput) { in.BirthDate = "17-05-1990" }},
		"moment":                {"/birth_date", func(in *enablement.ClientInput) { in.BirthDate = "1990-05-17T00:00:00" }},
		"phone code alone":      {"/phone_number", func(in *enablement.ClientInput) { in.PhoneNumber = 0 }},
		"phone number alone":    {"/phone_country_code", func(in *enablement.ClientInput) { in.PhoneCountryCode = 0 }},
		"country of two":        {"/address/country", func(in *enablement.ClientInput) { in.Address.Country = "AR" }},
		"country in lower case": {"/address/country", func(in *enablement.ClientInput) { in.Address.Country = "arg" }},
		"country that is none":  {"/address/country", func(in *enablement.ClientInput) { in.Address.Country = "QQQ" }},
	} {
		in := input()
		tc.change(&in)
		var fault *enablement.FieldError
		require.ErrorAs(t, in.Check(), &fault, name)
		require.Equal(t, tc.field, fault.Field, name)
		require.Equal(t, tc.field+": "+fault.Rule, fault.Error())
	}

	for _, state := range []string{"USA-CA", "CA", "ARG-CA", "AR-B", "arg-b", "b", "ARG-", "-B", "ARG", "ARG-ARG-B", "B "} {
		in := input()
		in.Address.State = state
		require.ErrorIs(t, in.Check(), enablement.ErrStateOfOtherCountry, state)
	}
}

// The codes of ISO 3166-2 as they are today: a library that is behind would keep people out.
func TestCheckInput_states(t *testing.T) {
	t.Parallel()
	for country, states := range map[string]string{
		"ARG": "A B C D E F G H J K L M N P Q R S T U V W X Y Z",
		"CHL": "AI AN AP AR AT BI CO LI LL LR MA ML NB RM TA VS",
		"DZA": "01 48 49 58",
		"FRA": "75C 69M 6AE 971 IDF 75",
		"GTM": "01 22 GU",
		"IND": "CG DH LA OD TS UK CT OR TG UT",
		"KAZ": "10 71 75 79 ALA AST",
		"MLI": "1 9 10 BKO",
		"NOR": "03 30 31 46 54 56",
		"NPL": "P1 P7",
		"PAN": "1 10 NT",
		"POL": "02 14 32 MZ",
		"ZAF": "EC FS GP KZN LP MP NC NW WC",
	} {
		for state := range strings.FieldsSeq(states) {
			for _, written := range []string{state, country + "-" + state} {
				in := input()
				in.Address.Country, in.Address.State = country, written
				require.NoError(t, in.Check(), "%s in %s", written, country)
			}
		}
		in := input()
		in.Address.Country, in.Address.State = country, "ZZZ"
		require.ErrorIs(t, in.Check(), enablement.ErrStateOfOtherCountry, country)
	}
}
