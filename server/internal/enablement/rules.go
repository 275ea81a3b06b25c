package enablement

import (
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/biter777/countries"
	"github.com/nyaruka/phonenumbers"
)

// The rules for single values. Each returns a sentence for a person, empty if the value is
// acceptable. No sentence repeats what was stored, except the date a document expired and a calling
// code that is known to be one: the answer must not carry personal data or text of an uploader's.

const (
	minAge = 18  // own rule, from the product being a payment card
	maxAge = 130 // own rule: older is a slip of the pen
)

// nameFault asks for a name that can be seen, no more: upstream states no rule, and people's names obey
// none.
func nameFault(label, name string) string {
	switch {
	case blank(name):
		return "The " + label + " is blank."
	case Hidden(name):
		return "The " + label + " is not valid: it has a character that cannot be seen."
	}
	return ""
}

// emailFault asks for the bare address of RFC 5322, without a display name (upstream: a valid e-mail), that
// can be seen (own rule).
func emailFault(email string) string {
	address, err := mail.ParseAddress(email)
	at := strings.LastIndexByte(email, '@')
	if err != nil || address.Address != email || blank(email[:at]) || blank(email[at+1:]) ||
		Hidden(email) || strings.ContainsFunc(email, unicode.IsSpace) {
		return "The e-mail address is not valid."
	}
	return ""
}

// birthDateFault asks for yyyy-mm-dd (upstream) and a plausible age. Who was born on 29 February has
// the birthday on 1 March in common years.
func birthDateFault(value string, today time.Time) string {
	birth, err := time.Parse(time.DateOnly, value)
	switch {
	case err != nil:
		return dateFault("birth date")
	case birth.After(today):
		return "The birth date is in the future."
	case birth.AddDate(minAge, 0, 0).After(today):
		return fmt.Sprintf("The client is under %d years old.", minAge)
	case birth.AddDate(maxAge, 0, 0).Before(today):
		return fmt.Sprintf("The birth date is more than %d years ago.", maxAge)
	}
	return ""
}

// expirationFault asks for yyyy-mm-dd. A document is good through its last day (own rule).
func expirationFault(label, value string, today time.Time) string {
	expires, err := time.Parse(time.DateOnly, value)
	switch {
	case err != nil:
		return dateFault(label)
	case expires.Before(today):
		return "The document expired on " + expires.Format(time.DateOnly) + "."
	}
	return ""
}

func dateFault(label string) string {
	return "The " + label + " is not a date of the form yyyy-mm-dd."
}

// day is the calendar day of a moment in UTC, as [time.Parse] returns one.
func day(t time.Time) time.Time {
	y, m, d := t.UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// The length of a document's number, in characters (own rule).
const minNumber, maxNumber = 3, 40

// numberFault takes whatever any country prints on its documents (own rule): brackets, slashes, letters of
// any script.
func numberFault(label, number string) string {
	length := utf8.RuneCountInString(number)
	meaningful := strings.ContainsFunc(number, func(r rune) bool { return visible(r) && (unicode.IsLetter(r) || unicode.IsNumber(r)) })
	if !meaningful || Hidden(number) || length < minNumber || length > maxNumber {
		return fmt.Sprintf("The %s is not valid: it has %d to %d visible characters, with a letter or a digit among them.",
			label, minNumber, maxNumber)
	}
	return ""
}

// alpha3 holds the 249 codes of ISO 3166-1.
var alpha3 = func() map[string]bool {
	codes := map[string]bool{}
	for _, c := range countries.All() {
		switch c {
		case countries.ANT, countries.YUG, countries.XKX: // withdrawn, withdrawn, user-assigned
		default:
			codes[c.Alpha3()] = true
		}
	}
	return codes
}()

// countryFault asks for the code as the standard writes it, in upper case (upstream: ISO 3166-1
// alpha-3): the provider gets what is stored.
func countryFault(label, code string) string {
	if !alpha3[code] {
		return "The " + label + " is not an ISO 3166-1 alpha-3 code."
	}
	return ""
}

// phoneFault judges the two fields of a phone number together (upstream) by the numbering plan of
// its country (own rule).
func phoneFault(countryCode int, number int64) string {
	var faults []string
	if countryCode == 0 {
		faults = append(faults, "The phone country code is missing.")
	} else if len(phonenumbers.GetRegionCodesForCountryCode(countryCode)) == 0 {
		faults = append(faults, "The phone country code is not a calling code.")
	}
	if number == 0 {
		faults = append(faults, "The phone number is missing.")
	} else if len(faults) == 0 && !validPhone(countryCode, number) {
		faults = append(faults, fmt.Sprintf("The phone number is not valid for country code %d.", countryCode))
	}
	return strings.Join(faults, " ")
}

// validPhone judges a number under a known country code. No calling code begins with another, so the
// digits can be read in one way only. The number is tried with a zero in front, too: some countries'
// numbers begin with one (Italian landlines, all of Ivory Coast), and a JSON number cannot hold it.
// Elsewhere that zero is the prefix of a call within the country, or makes the number invalid.
//
// Nearly all numbers are valid as they are, which takes a third of the time of reading them as a text.
func validPhone(countryCode int, number int64) bool {
	if number < 0 {
		return false
	}
	code, national := int32(countryCode), uint64(number) //nolint:gosec // a calling code has three digits
	if phonenumbers.IsValidNumber(&phonenumbers.PhoneNumber{CountryCode: &code, NationalNumber: &national}) {
		return true
	}
	for _, format := range []string{"+%d%d", "+%d0%d"} {
		parsed, err := phonenumbers.Parse(fmt.Sprintf(format, countryCode, number), "")
		if err == nil && phonenumbers.IsValidNumber(parsed) {
			return true
		}
	}
	return false
}
