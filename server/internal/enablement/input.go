package enablement

import "time"

// ClientInput is the part of a client that a caller can set.
type ClientInput struct {
	FirstName        string
	SecondName       string
	LastName         string
	Email            string
	BirthDate        string
	Address          Address
	PhoneCountryCode int
	PhoneNumber      int64
}

// apply puts the input in the place of what is stored.
func (in ClientInput) apply(c Client) Client {
	c.FirstName, c.SecondName, c.LastName = in.FirstName, in.SecondName, in.LastName
	c.Email, c.BirthDate, c.Address = in.Email, in.BirthDate, in.Address
	c.PhoneCountryCode, c.PhoneNumber = in.PhoneCountryCode, in.PhoneNumber
	return c
}

// Check checks the rules that no schema can express, and returns a [*FieldError] or [ErrStateOfOtherCountry]. It does
// not check the client's age and the phone number: the evaluation does, and reports them as rejected items.
func (in ClientInput) Check() error {
	for _, text := range []struct {
		field, value string
		optional     bool
	}{
		{"/first_name", in.FirstName, false},
		{"/second_name", in.SecondName, true},
		{"/last_name", in.LastName, false},
		{"/address/street_line1", in.Address.StreetLine1, false},
		{"/address/street_line2", in.Address.StreetLine2, true},
		{"/address/city", in.Address.City, false},
		{"/address/postal_code", in.Address.PostalCode, false},
		{"/address/state", in.Address.State, false},
		{"/address/state_code", in.Address.StateCode, true},
		{"/address/country_code", in.Address.CountryCode, true},
	} {
		switch {
		case text.value == "" && text.optional:
		case blank(text.value):
			return &FieldError{text.field, "must not be blank"}
		case Hidden(text.value):
			return &FieldError{text.field, "must not have a character that cannot be seen"}
		}
	}
	if emailFault(in.Email) != "" {
		return &FieldError{"/email", "must be an e-mail address"}
	}
	if _, err := time.Parse(time.DateOnly, in.BirthDate); err != nil {
		return &FieldError{"/birth_date", "must be a date of the calendar, written yyyy-mm-dd"}
	}
	switch {
	case in.PhoneCountryCode == 0 && in.PhoneNumber != 0:
		return &FieldError{"/phone_country_code", "must be there if phone_number is"}
	case in.PhoneCountryCode != 0 && in.PhoneNumber == 0:
		return &FieldError{"/phone_number", "must be there if phone_country_code is"}
	case !alpha3[in.Address.Country]:
		return &FieldError{"/address/country", "must be an ISO 3166-1 alpha-3 code"}
	case !stateOf(in.Address.State, in.Address.Country):
		return ErrStateOfOtherCountry
	}
	return nil
}
