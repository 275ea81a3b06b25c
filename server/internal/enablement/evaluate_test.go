package enablement_test

import (
	"encoding/json"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nyaruka/phonenumbers"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// The sentences of a reason, as they are for a person to read.
const (
	noFront        = "The photo of the front is missing."
	noBack         = "The photo of the back is missing."
	noNumber       = "The document number is missing."
	badNumber      = "The document number is not valid: it has 3 to 40 visible characters, with a letter or a digit among them."
	noIssuer       = "The issuing country is missing."
	badIssuer      = "The issuing country is not an ISO 3166-1 alpha-3 code."
	noExpiration   = "The expiration date is missing."
	badExpiration  = "The expiration date is not a date of the form yyyy-mm-dd."
	blankFirstName = "The first name is blank."
	blankLastName  = "The last name is blank."
	badFirstName   = "The first name is not valid: it has a character that cannot be seen."
	badLastName    = "The last name is not valid: it has a character that cannot be seen."
	badEmail       = "The e-mail address is not valid."
	badBirthDate   = "The birth date is not a date of the form yyyy-mm-dd."
	futureBirth    = "The birth date is in the future."
	under18        = "The client is under 18 years old."
	over130        = "The birth date is more than 130 years ago."
	badCountry     = "The country is not an ISO 3166-1 alpha-3 code."
	noPhoneCode    = "The phone country code is missing."
	badPhoneCode   = "The phone country code is not a calling code."
	noPhoneNumber  = "The phone number is missing."
)

// sentence is any sentence a reason may hold, and so all the text of an answer that depends on what
// is stored.
var sentence = regexp.MustCompile(`^(` + strings.Join([]string{
	regexp.QuoteMeta(noFront), regexp.QuoteMeta(noBack), regexp.QuoteMeta(noNumber), regexp.QuoteMeta(badNumber),
	regexp.QuoteMeta(noIssuer), regexp.QuoteMeta(badIssuer), regexp.QuoteMeta(noExpiration),
	regexp.QuoteMeta(badExpiration), regexp.QuoteMeta(blankFirstName), regexp.QuoteMeta(blankLastName),
	regexp.QuoteMeta(badFirstName), regexp.QuoteMeta(badLastName), regexp.QuoteMeta(badEmail), regexp.QuoteMeta(badBirthDate), regexp.QuoteMeta(futureBirth),
	regexp.QuoteMeta(under18), regexp.QuoteMeta(over130), regexp.QuoteMeta(badCountry),
	regexp.QuoteMeta(noPhoneCode), regexp.QuoteMeta(badPhoneCode), regexp.QuoteMeta(noPhoneNumber),
	`The document expired on [0-9]{4}-[0-9]{2}-[0-9]{2}\.`,
	`The phone number is not valid for country code [0-9]{1,3}\.`,
}, "|") + `)$`)

// sentences takes a reason apart.
func sentences(reason string) []string {
	return strings.SplitAfter(strings.ReplaceAll(reason, ". ", ".\n"), "\n")
}

func requireSentences(t *testing.T, reason string) {
	t.Helper()
	for _, s := range sentences(reason) {
		require.Regexp(t, sentence, strings.TrimSuffix(s, "\n"), "reason %q", reason)
	}
}

// requireDocuments evaluates documents of an otherwise complete client and expects these rejected
// ones; without any the requirement is satisfied.
func requireDocuments(t *testing.T, docs []enablement.Document, now time.Time, rejected ...enablement.RejectedItem) {
	t.Helper()
	e := enablement.Evaluate(enablement.CardsIndividuals, client(), docs, now)
	require.Empty(t, keys(e))
	if len(rejected) == 0 {
		require.True(t, e.Complete(), "%+v", e)
		require.Empty(t, e.Rejected)
		return
	}
	require.Equal(t, []string{"identity_document"}, documents(e))
	require.Equal(t, rejected, e.Rejected)
}

// requireField evaluates a client that is complete but for one field and expects the reason; an
// empty one means that the field is accepted.
func requireField(t *testing.T, c enablement.Client, now time.Time, key, reason string) {
	t.Helper()
	e := enablement.Evaluate(enablement.CardsIndividuals, c, []enablement.Document{document("passport")}, now)
	require.Empty(t, documents(e))
	if reason == "" {
		require.True(t, e.Complete(), "%+v", e)
		require.Empty(t, e.Rejected)
		return
	}
	require.Equal(t, []string{key}, keys(e))
	require.Equal(t, []enablement.RejectedItem{{Type: enablement.DataItem, Key: key, Reason: reason}}, e.Rejected)
	requireSentences(t, reason)
}

func rejectedDocument(kind, reason string) enablement.RejectedItem {
	return enablement.RejectedItem{Type: enablement.DocumentItem, Key: kind, Reason: reason}
}

func TestEvaluateComplete(t *testing.T) {
	t.Parallel()
	for _, p := range products {
		e := enablement.Evaluate(p, client(), []enablement.Document{document("passport")}, now)
		require.Equal(t, enablement.Evaluation{
			Missing: enablement.Requirements{
				Documents: []enablement.DocumentRequirement{},
				Data:      []enablement.DataRequirement{},
			},
			Rejected: []enablement.RejectedItem{},
		}, e) // Equal tells nil from empty
		require.True(t, e.Complete())
	}
}

func TestEvaluateNothingStored(t *testing.T) {
	t.Parallel()
	for _, p := range products {
		e := enablement.Evaluate(p, enablement.Client{ID: "client_1", CompanyID: "company_1"}, nil, now)
		require.Equal(t, enablement.Catalogue(p), e.Missing)
		require.NotNil(t, e.Rejected)
		require.Empty(t, e.Rejected)
		require.False(t, e.Complete())
	}
}

func TestEvaluateListsAreNeverNull(t *testing.T) {
	t.Parallel()
	for _, c := range []enablement.Client{{}, client()} {
		for _, docs := range [][]enablement.Document{nil, {}, {document("passport")}, {{Type: "passport"}}} {
			text, err := json.Marshal(enablement.Evaluate(enablement.CardsIndividuals, c, docs, now))
			require.NoError(t, err)
			require.NotContains(t, string(text), "null")
		}
	}
}

func TestEvaluateMissingFields(t *testing.T) {
	t.Parallel()
	for key, remove := range map[string]func(*enablement.Client){
		"first_name": func(c *enablement.Client) { c.FirstName = "" },
		"last_name":  func(c *enablement.Client) { c.LastName = "" },
		"email":      func(c *enablement.Client) { c.Email = "" },
		"birth_date": func(c *enablement.Client) { c.BirthDate = "" },
		"country":    func(c *enablement.Client) { c.Address.Country = "" },
		"phone":      func(c *enablement.Client) { c.PhoneCountryCode, c.PhoneNumber = 0, 0 },
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			c := client()
			remove(&c)
			e := enablement.Evaluate(enablement.CardsIndividuals, c, []enablement.Document{document("passport")}, now)
			require.Equal(t, []string{key}, keys(e))
			require.Empty(t, documents(e))
			require.Empty(t, e.Rejected)
			// The requirement is the catalogue's but for the fields.
			want := enablement.Catalogue(enablement.CardsIndividuals).Data[0]
			want.Fields = slices.DeleteFunc(want.Fields, func(f enablement.DataField) bool { return f.Key != key })
			require.Equal(t, []enablement.DataRequirement{want}, e.Missing.Data)
		})
	}
}

func TestEvaluateDocument(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		document enablement.Document
		reason   string // empty: accepted
	}{
		"passport":                       {document("passport"), ""},
		"national id":                    {document("national_id"), ""},
		"driver's license":               {document("drivers_license"), ""},
		"passport with a back":           {with("passport", func(d *enablement.Document) { d.BackImage = true }), ""},
		"passport without photo":         {with("passport", func(d *enablement.Document) { d.FrontImage = false }), noFront},
		"passport, back instead":         {with("passport", func(d *enablement.Document) { d.FrontImage, d.BackImage = false, true }), noFront},
		"national id without front":      {with("national_id", func(d *enablement.Document) { d.FrontImage = false }), noFront},
		"national id without back":       {with("national_id", func(d *enablement.Document) { d.BackImage = false }), noBack},
		"driver's license without back":  {with("drivers_license", func(d *enablement.Document) { d.BackImage = false }), noBack},
		"driver's license without front": {with("drivers_license", func(d *enablement.Document) { d.FrontImage = false }), noFront},
		"no metadata at all": {with("passport", func(d *enablement.Document) { d.Metadata = nil }),
			noNumber + " " + noIssuer + " " + noExpiration},
		"nothing but a kind": {enablement.Document{Type: "national_id"},
			noFront + " " + noBack + " " + noNumber + " " + noIssuer + " " + noExpiration},
		"every value malformed": {with("passport", func(d *enablement.Document) {
			d.Metadata = map[string]string{"number": "?", "issuing_country": "?", "expiration_date": "?"}
		}), badNumber + " " + badIssuer + " " + badExpiration},
		"expired, without back": {with("national_id", func(d *enablement.Document) {
			d.BackImage = false
			d.Metadata["expiration_date"] = "2025-12-31"
		}), noBack + " The document expired on 2025-12-31."},
		"more metadata than asked for": {passportWith("colour", "\xff\x00"), ""},
		"metadata of another case":     {with("passport", func(d *enablement.Document) { d.Metadata = map[string]string{"NUMBER": "X1234"} }), noNumber + " " + noIssuer + " " + noExpiration},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docs := []enablement.Document{c.document}
			if c.reason == "" {
				requireDocuments(t, docs, now)
				return
			}
			requireDocuments(t, docs, now, rejectedDocument(c.document.Type, c.reason))
			requireSentences(t, c.reason)
		})
	}
}

func TestEvaluateMetadata(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("9", 40)
	for id, values := range map[string]map[string]string{ // value to reason
		"number": {
			"":                   noNumber,
			"   ":                noNumber,
			"\t\n\x00":           noNumber,
			"\u200b":             noNumber,
			"\xff":               noNumber,
			"AB":                 badNumber,
			"A12":                "",
			long:                 "",
			long + "9":           badNumber,
			"---":                badNumber,
			"./ -":               badNumber,
			"1--":                "",
			"12.345/6-A":         "",
			"12 345 678":         "",
			"АБ 123456":          "", // Cyrillic
			"台灣123":              "",
			"AB_123":             "",
			"A123456(7)":         "", // Hong Kong
			"AB/12.3-4":          "",
			"AB<b>123":           "",
			"N° 12#3*4+5":        "",
			"京字第〇一号":             "",
			"١٢٣٤٥٦":             "", // Arabic digits
			"Ⅷ-12":               "",
			"12\u00a0345":        "", // a space, if not a plain one
			"人人人":                "",
			"人人":                 badNumber,
			"()()":               badNumber,
			"\u3164\u3164\u3164": noNumber,
			"A12\u3164":          badNumber,
			"AB1\u200b23":        badNumber,
			"AB1\u00ad23":        badNumber,
			"AB1\u200d23":        badNumber,
			"AB1\ufe0f23":        badNumber,
			"AB1\ue00023":        badNumber,
			"AB1\t23":            badNumber,
			"AB1\u202823":        badNumber,
			"-\u0301-":           badNumber,
			"AB123\n":            badNumber,
			"AB\x00123":          badNumber,
			"AB\xff123":          badNumber,
			"AB123\u202e":        badNumber,
		},
		"issuing_country": {
			"":          noIssuer,
			" ":         noIssuer,
			"ARG":       "",
			"USA":       "",
			"ROU":       "",
			"SSD":       "",
			"arg":       badIssuer,
			"Arg":       badIssuer,
			"AR":        badIssuer,
			"032":       badIssuer,
			"ARG ":      badIssuer,
			"ZZZ":       badIssuer,
			"XKX":       badIssuer, // user-assigned, not of the standard
			"YUG":       badIssuer, // withdrawn
			"ANT":       badIssuer, // withdrawn
			"AR\x00":    badIssuer,
			"Argentina": badIssuer,
			"Unknown":   badIssuer,
		},
		"expiration_date": {
			"":                     noExpiration,
			" ":                    noExpiration,
			"2026-04-17":           "",
			"2026-04-16":           "", // good through its last day
			"2026-04-15":           "The document expired on 2026-04-15.",
			"2025-12-31":           "The document expired on 2025-12-31.",
			"0000-01-01":           "The document expired on 0000-01-01.",
			"9999-12-31":           "",
			"2028-02-29":           "",
			"2027-02-29":           badExpiration,
			"2030-02-30":           badExpiration,
			"2030-04-31":           badExpiration,
			"2030-13-01":           badExpiration,
			"2030-00-01":           badExpiration,
			"2030-01-00":           badExpiration,
			"2030-1-1":             badExpiration,
			"30-01-01":             badExpiration,
			"20300101":             badExpiration,
			"01/02/2030":           badExpiration,
			"2030-01-01T00:00:00Z": badExpiration,
			"2030-01-01 ":          badExpiration,
			" 2030-01-01":          badExpiration,
			"+2030-01-01":          badExpiration,
			"10000-01-01":          badExpiration,
			"never":                badExpiration,
			"\xff\x00":             noExpiration,
		},
	} {
		for value, reason := range values {
			t.Run(id+" "+value, func(t *testing.T) {
				t.Parallel()
				docs := []enablement.Document{passportWith(id, value)}
				if reason == "" {
					requireDocuments(t, docs, now)
					return
				}
				requireDocuments(t, docs, now, rejectedDocument("passport", reason))
				requireSentences(t, reason)
			})
		}
	}
}

// The day of the evaluation is UTC's, wherever the clock is.
func TestEvaluateExpirationByUTC(t *testing.T) {
	t.Parallel()
	docs := []enablement.Document{passportWith("expiration_date", "2026-04-16")}
	last := time.Date(2026, time.April, 16, 23, 59, 59, 999999999, time.UTC)
	east, west := time.FixedZone("east", 14*3600), time.FixedZone("west", -12*3600)
	for _, zone := range []*time.Location{time.UTC, east, west} {
		requireDocuments(t, docs, last.In(zone))
		requireDocuments(t, docs, last.Add(1).In(zone),
			rejectedDocument("passport", "The document expired on 2026-04-16."))
	}
}

func TestEvaluateSeveralDocuments(t *testing.T) {
	t.Parallel()
	good := document("drivers_license")
	expired := passportWith("expiration_date", "2020-02-29")
	noBackSide := with("national_id", func(d *enablement.Document) { d.BackImage = false })
	expiredItem := rejectedDocument("passport", "The document expired on 2020-02-29.")
	noBackItem := rejectedDocument("national_id", noBack)
	unlisted := document("library_card")

	// One good document is enough, wherever it stands, and the others are not mentioned.
	requireDocuments(t, []enablement.Document{good, expired, noBackSide}, now)
	requireDocuments(t, []enablement.Document{expired, good, noBackSide}, now)
	requireDocuments(t, []enablement.Document{expired, noBackSide, good}, now)
	requireDocuments(t, []enablement.Document{unlisted, good}, now)
	// Otherwise each has an item, in the order given, those of one kind as well.
	requireDocuments(t, []enablement.Document{expired, noBackSide}, now, expiredItem, noBackItem)
	requireDocuments(t, []enablement.Document{noBackSide, expired}, now, noBackItem, expiredItem)
	requireDocuments(t, []enablement.Document{expired, expired}, now, expiredItem, expiredItem)
	requireDocuments(t, []enablement.Document{expired, unlisted}, now, expiredItem)
}

// A document of a kind that the requirement does not list neither counts nor is rejected.
func TestEvaluateUnlistedDocument(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"library_card", "ssn", "", "Passport", "passport ", "\xff\x00"} {
		e := enablement.Evaluate(enablement.CardsIndividuals, client(), []enablement.Document{document(kind)}, now)
		require.Equal(t, []string{"identity_document"}, documents(e))
		require.Empty(t, e.Rejected)
	}
}

func TestEvaluateText(t *testing.T) {
	t.Parallel()
	set := map[string]func(*enablement.Client, string){
		"first_name": func(c *enablement.Client, s string) { c.FirstName = s },
		"last_name":  func(c *enablement.Client, s string) { c.LastName = s },
		"email":      func(c *enablement.Client, s string) { c.Email = s },
		"country":    func(c *enablement.Client, s string) { c.Address.Country = s },
	}
	names := func(blank, bad string) map[string]string {
		reasons := map[string]string{}
		for reason, values := range map[string][]string{
			"": {
				"X", "O'Higgins", "D’Angelo", "José María", "José", "李", "陳大文", " Ana ", "محمد", "Jean-Luc", "Ng", "Nuñez, Jr.", "Þór",
				"山田\u3000太郎", "Anne\u00a0Marie", "ʻOkina", "X Æ A-12", "ꓡꓲꓢꓴ", "𞤀𞤣𞤢𞤥",
				"مهدی\u200cنژاد", "مُ\u200cی", // Persian, with non-joiners
				"क्\u200dष", "അനില്\u200d", "ක්\u200dෂ", // Indic, with joiners
				"葛\U000e0100西", "葛\ufe00", "ᠮᠣᠩᠭ\u180bᠣᠯ", // variants of an ideograph and of a Mongolian letter
			},
			blank: {
				" ", "\t \n", "\u00a0\u3000", "\x00\x07", "\u200b", "\xff\xfe", "\u3164", "\u115f\u1160", "\uffa0", "\u2800", "\u00ad",
				"\u034f", "\ufe0f", "\U000e0100", "\u202e\u202c", "\u2066\u2069", "\u200d\u200c", "\ufeff", "\u061c", "\u180e",
				"\u0301", "\u0301\u0302", "\ue000", "\U000f0000", "\ufdd0", "\uffff", "\U0010ffff", "\u0378", "\u2028", "\U000e0041",
				"\ufffd", "\ufffc", "\U0001d159", "\U00013441", "\u17b4", "\u2064",
			},
			bad: {
				"Ana\xff", "Ana\x00", "Ana\u200b", "\ufeffAna", "Ana\nMaria", "Ana\tMaria", "Ana\x1b[31m", "Ana\u202enaM", "Ana\u2067",
				"Ana\u200e", "Ana\u200d", "An\u200ca", "\u200cمهدی", "می\u200c\u200cر", "李\u200d", "Ana\ufe0f", "Ana\U000e0100", "葛\ufe0f",
				"Ana\u180b", "Ana\u3164", "Ana\u034f", "An\u00ada", "Ana\ue000", "Ana\ufdd0", "Ana\u0378", "Ana\U000e0061\U000e007f",
				"Ana\u2028", "Ana\u0085", "Ana\ufffd", "Ana\u2060", "Ana\u206a",
			},
		} {
			for _, value := range values {
				reasons[value] = reason
			}
		}
		return reasons
	}
	for key, values := range map[string]map[string]string{
		"first_name": names(blankFirstName, badFirstName),
		"last_name":  names(blankLastName, badLastName),
		"email": {
			"a@example.com": "", "first.last+tag@sub.example.co.uk": "", "用户@example.com": "",
			" ": badEmail, "a": badEmail, "a@": badEmail, "@example.com": badEmail, "a b@example.com": badEmail,
			"Ana <a@example.com>": badEmail, "<a@example.com>": badEmail, " a@example.com": badEmail,
			"a@example.com ": badEmail, "a@example.com (home)": badEmail, "a@b@example.com": badEmail,
			"a@example.com, b@example.com": badEmail, "a@example.com\r\nBcc: b@example.com": badEmail,
			"josé@example.com": "", "o'brien@example.com": "",
			"a\u200b@example.com": badEmail, "a@exam\u200bple.com": badEmail, "\u3164@example.com": badEmail, "a\u00a0b@example.com": badEmail,
			"a\u200d@example.com": badEmail, "a\u00adb@example.com": badEmail, "a\u202eb@example.com": badEmail, "a\ufe0f@example.com": badEmail,
			"\u0301@example.com": badEmail, "a@\u0301": badEmail, "a\ue000@example.com": badEmail, "\ufeffa@example.com": badEmail,
			"a@exa\x00mple.com": badEmail, "a\xff@example.com": badEmail,
		},
		"country": {
			"ARG": "", "USA": "", "DEU": "",
			"arg": badCountry, "AR": badCountry, "ZZZ": badCountry, " ": badCountry, " ARG": badCountry,
			"XKX": badCountry, "YUG": badCountry, "ANT": badCountry, "None": badCountry, "\xff\x00": badCountry,
			"International Freephone": badCountry,
		},
	} {
		for value, reason := range values {
			t.Run(key+" "+value, func(t *testing.T) {
				t.Parallel()
				c := client()
				set[key](&c, value)
				requireField(t, c, now, key, reason)
			})
		}
	}
}

// ISO 3166-1 has 249 codes.
func TestEvaluateCountries(t *testing.T) {
	t.Parallel()
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	accepted := 0
	c := enablement.Client{}
	for _, a := range letters {
		for _, b := range letters {
			for _, z := range letters {
				c.Address.Country = string([]rune{a, b, z})
				e := enablement.Evaluate(enablement.CardsIndividuals, c, nil, now)
				if len(e.Rejected) == 0 {
					accepted++
				}
			}
		}
	}
	require.Equal(t, 249, accepted)
}

func TestEvaluateBirthDate(t *testing.T) {
	t.Parallel()
	on := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 12, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		birth  string
		now    time.Time
		reason string
	}{
		"grown up":                       {"1990-05-17", now, ""},
		"day before the 18th birthday":   {"2008-04-17", now, under18},
		"18th birthday":                  {"2008-04-16", now, ""},
		"day after the 18th birthday":    {"2008-04-15", now, ""},
		"birthday later this year":       {"2008-12-31", now, under18},
		"child":                          {"2020-01-01", now, under18},
		"born today":                     {"2026-04-16", now, under18},
		"born tomorrow":                  {"2026-04-17", now, futureBirth},
		"far future":                     {"9999-12-31", now, futureBirth},
		"leap day, 28 February":          {"2008-02-29", on(2026, time.February, 28), under18},
		"leap day, 1 March":              {"2008-02-29", on(2026, time.March, 1), ""},
		"28 February, 18 in a leap year": {"2010-02-28", on(2028, time.February, 28), ""},
		"1 March, 18 in a leap year":     {"2010-03-01", on(2028, time.February, 29), under18},
		"130th birthday":                 {"1896-04-16", now, ""},
		"day after the 130th birthday":   {"1896-04-15", now, over130},
		"year zero":                      {"0000-01-01", now, over130},
		"30 February":                    {"1990-02-30", now, badBirthDate},
		"29 February of a common year":   {"1990-02-29", now, badBirthDate},
		"29 February of 1900":            {"1900-02-29", now, badBirthDate},
		"29 February of 2000":            {"2000-02-29", now, ""},
		"month 13":                       {"1990-13-01", now, badBirthDate},
		"no leading zeros":               {"1990-5-7", now, badBirthDate},
		"day first":                      {"17-05-1990", now, badBirthDate},
		"with a time":                    {"1990-05-17T00:00:00", now, badBirthDate},
		"blank":                          {" ", now, badBirthDate},
		"words":                          {"last May", now, badBirthDate},
		"not UTF-8":                      {"1990-05-\xff7", now, badBirthDate},
		"other digits":                   {"１９９０-05-17", now, badBirthDate},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := client()
			client.BirthDate = c.birth
			requireField(t, client, c.now, "birth_date", c.reason)
		})
	}
}

func TestEvaluateBirthdayByUTC(t *testing.T) {
	t.Parallel()
	c := client()
	c.BirthDate = "2008-04-16"
	midnight := time.Date(2026, time.April, 16, 0, 0, 0, 0, time.UTC)
	east, west := time.FixedZone("east", 14*3600), time.FixedZone("west", -12*3600)
	for _, zone := range []*time.Location{time.UTC, east, west} {
		requireField(t, c, midnight.Add(-1).In(zone), "birth_date", under18)
		requireField(t, c, midnight.In(zone), "birth_date", "")
	}
}

func TestEvaluatePhone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code   int
		number int64
		reason string
	}{
		"Argentina, mobile":                {54, 91123456789, ""},
		"Argentina, landline":              {54, 1123456789, ""},
		"Argentina, too short":             {54, 1123, "The phone number is not valid for country code 54."},
		"Argentina, too long":              {54, 9112345678901, "The phone number is not valid for country code 54."},
		"United States":                    {1, 2025550123, ""},
		"United States, no such area":      {1, 1115550123, "The phone number is not valid for country code 1."},
		"United Kingdom":                   {44, 2079460018, ""},
		"Germany":                          {49, 15123456789, ""},
		"Brazil":                           {55, 11961234567, ""},
		"Mexico":                           {52, 5512345678, ""},
		"Kazakhstan, shares 7 with Russia": {7, 7710009998, ""},
		"Italy, mobile":                    {39, 3123456789, ""},
		"Italy, landline without its zero": {39, 612345678, ""},
		"Ivory Coast without its zero":     {225, 707012345, ""},
		"Ivory Coast, too short":           {225, 70701234, "The phone number is not valid for country code 225."},
		"number alone":                     {0, 91123456789, noPhoneCode},
		"country code alone":               {54, 0, noPhoneNumber},
		"unknown country code alone":       {999, 0, badPhoneCode + " " + noPhoneNumber},
		"negative country code":            {-54, 91123456789, badPhoneCode},
		"negative number":                  {54, -91123456789, "The phone number is not valid for country code 54."},
		"both negative":                    {-54, -91123456789, badPhoneCode},
		"negative number alone":            {0, -91123456789, noPhoneCode},
		"no such country code":             {999, 91123456789, badPhoneCode},
		"half a country code":              {5, 491123456789, badPhoneCode}, // not 54 with the rest
		"country code with an area":        {5411, 23456789, badPhoneCode},
		"number in the country code":       {math.MaxInt32, 1, badPhoneCode},
		"extremes":                         {math.MinInt, math.MinInt64, badPhoneCode},
		"largest number":                   {54, math.MaxInt64, "The phone number is not valid for country code 54."},
		"smallest number":                  {54, math.MinInt64, "The phone number is not valid for country code 54."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := client()
			client.PhoneCountryCode, client.PhoneNumber = c.code, c.number
			requireField(t, client, now, "phone", c.reason)
		})
	}
}

// The rule for phone numbers relies on this: a country code and the number after it can be told apart.
func TestCallingCodesAreNoPrefixes(t *testing.T) {
	t.Parallel()
	codes := phonenumbers.GetSupportedCallingCodes()
	require.NotEmpty(t, codes)
	for a := range codes {
		for b := range codes {
			require.False(t, a != b && strings.HasPrefix(strconv.Itoa(a), strconv.Itoa(b)), "%d %d", a, b)
		}
	}
}

// Missing and rejected fields are listed together in the order of the catalogue, and documents come
// before data.
func TestEvaluateOrder(t *testing.T) {
	t.Parallel()
	c := enablement.Client{
		FirstName:   " ",
		Email:       "nobody",
		BirthDate:   "2020-01-01",
		Address:     enablement.Address{Country: "AR"},
		PhoneNumber: 1,
	}
	e := enablement.Evaluate(enablement.CardsIndividuals, c,
		[]enablement.Document{passportWith("issuing_country", "AR")}, now)
	require.Equal(t, []string{"identity_document"}, documents(e))
	require.Equal(t, []string{"first_name", "last_name", "email", "birth_date", "country", "phone"}, keys(e))
	require.Equal(t, []enablement.RejectedItem{
		{Type: enablement.DocumentItem, Key: "passport", Reason: badIssuer},
		{Type: enablement.DataItem, Key: "first_name", Reason: blankFirstName},
		{Type: enablement.DataItem, Key: "email", Reason: badEmail},
		{Type: enablement.DataItem, Key: "birth_date", Reason: under18},
		{Type: enablement.DataItem, Key: "country", Reason: badCountry},
		{Type: enablement.DataItem, Key: "phone", Reason: noPhoneCode},
	}, e.Rejected)
}

func TestEvaluateIsPure(t *testing.T) {
	t.Parallel()
	input := func() (enablement.Client, []enablement.Document) {
		c := client()
		c.Email = "nobody"
		return c, []enablement.Document{
			passportWith("number", "?"),
			{Type: "national_id"},
			with("drivers_license", func(d *enablement.Document) { d.BackImage = false }),
		}
	}
	c, docs := input()
	first := enablement.Evaluate(enablement.CardsIndividuals, c, docs, now)
	for range 50 {
		require.Equal(t, first, enablement.Evaluate(enablement.CardsIndividuals, c, docs, now))
	}
	wantClient, wantDocs := input()
	require.Equal(t, wantClient, c)
	require.Equal(t, wantDocs, docs)

	// A result that is changed reaches no other evaluation.
	spoilt := enablement.Evaluate(enablement.CardsIndividuals, c, docs, now)
	spoilt.Missing.Documents[0].ValidDocuments[0].Metadata[0].ID = "spoilt"
	spoilt.Missing.Data[0].Fields[0].Key = "spoilt"
	spoilt.Rejected[0].Reason = "spoilt"
	require.Equal(t, first, enablement.Evaluate(enablement.CardsIndividuals, c, docs, now))
}

// No reason repeats what is stored, whichever rule it fails.
func TestEvaluatePrivacy(t *testing.T) {
	t.Parallel()
	const canary = "Canary"
	const code, number = 777777777, int64(7777777777777)
	forms := []string{canary, "\x00" + canary, canary + "\xff", "<" + canary + ">", canary + strings.Repeat("x", 100),
		canary + "@", "2020-01-01" + canary, "\u202e" + canary}
	for _, form := range forms {
		c := enablement.Client{
			ID: canary, CompanyID: canary, FirstName: form, LastName: form, Email: form, BirthDate: form,
			Address: enablement.Address{Country: form},
		}
		for _, phone := range [][2]int64{{code, number}, {54, number}, {0, number}, {code, 0}, {-code, -number}, {54, -number}} {
			c.PhoneCountryCode, c.PhoneNumber = int(phone[0]), phone[1]
			docs := []enablement.Document{}
			for _, kind := range []string{"passport", "national_id", "drivers_license", form} {
				d := enablement.Document{Type: kind, Metadata: map[string]string{form: form}}
				for _, id := range []string{"number", "issuing_country", "expiration_date"} {
					d.Metadata[id] = form
				}
				docs = append(docs, d)
			}
			e := enablement.Evaluate(enablement.CardsIndividuals, c, docs, now)
			require.NotEmpty(t, e.Rejected)
			text, err := json.Marshal(e)
			require.NoError(t, err)
			require.NotContains(t, string(text), canary)
			require.NotContains(t, string(text), "7777")
			for _, item := range e.Rejected {
				requireSentences(t, item.Reason)
			}
		}
	}

	// Acceptable values don't show either, next to one that is not.
	c := client()
	c.FirstName, c.LastName = "Zebedee", "Quux"
	c.Address.Country = "AR"
	e := enablement.Evaluate(enablement.CardsIndividuals, c,
		[]enablement.Document{with("passport", func(d *enablement.Document) { d.FrontImage = false })}, now)
	text, err := json.Marshal(e)
	require.NoError(t, err)
	for _, value := range []string{c.FirstName, c.LastName, c.Email, c.BirthDate, "91123456789", "X-1234567", "2030-01-31"} {
		require.NotContains(t, string(text), value)
	}
}

// FuzzEvaluate holds every evaluation to what must be true of all of them.
func FuzzEvaluate(f *testing.F) {
	f.Add("Sample", "Person", "a@example.com", "1990-05-17", "ARG", 54, int64(91123456789),
		"passport", true, false, "X-1234567", "ARG", "2030-01-31", "colour", int64(1776331200))
	f.Add(" ", "\xff", "nobody", "2008-02-29", "arg", -1, int64(-1),
		"national_id", false, true, "??", "Unknown", "2026-02-30", "number", int64(1772236800))
	f.Add("", "", "", "", "", 0, int64(0), "", false, false, "", "", "", "", int64(0))
	f.Add("\x00", "", "<a@b>", "0000-01-01", "XKX", 225, int64(707012345),
		"drivers_license", true, true, "1--", "YUG", "0000-01-01", "", int64(-62167219200))
	known := knownText()
	f.Fuzz(func(t *testing.T, first, last, email, birth, country string, code int, number int64,
		kind string, front, back bool, docNumber, issuer, expires, extra string, at int64,
	) {
		c := enablement.Client{
			FirstName: first, LastName: last, Email: email, BirthDate: birth, Address: enablement.Address{Country: country},
			PhoneCountryCode: code, PhoneNumber: number,
		}
		d := enablement.Document{Type: kind, FrontImage: front, BackImage: back, Metadata: map[string]string{
			extra: extra, "number": docNumber, "issuing_country": issuer, "expiration_date": expires,
		}}
		docs := []enablement.Document{{Type: "national_id", BackImage: front}, d}
		moment := time.Unix(at%(1<<36), 0)
		metadata := maps.Clone(d.Metadata)

		e := enablement.Evaluate(enablement.CardsIndividuals, c, docs, moment)

		require.Equal(t, metadata, d.Metadata)
		require.Equal(t, e, enablement.Evaluate(enablement.CardsIndividuals, c, docs, moment.UTC()))
		require.NotNil(t, e.Missing.Documents)
		require.NotNil(t, e.Missing.Data)
		require.NotNil(t, e.Rejected)
		require.Equal(t, e.Complete(), len(documents(e))+len(keys(e)) == 0)
		if e.Complete() {
			require.Empty(t, e.Rejected)
		}
		for _, r := range e.Missing.Data {
			require.NotEmpty(t, r.Fields)
		}
		// Whatever is missing is the catalogue's; nothing that came from outside is in it.
		for _, id := range slices.Concat(documents(e), keys(e)) {
			require.True(t, known[id], id)
		}
		for _, item := range e.Rejected {
			requireSentences(t, item.Reason)
			switch item.Type {
			case enablement.DocumentItem:
				require.True(t, known[item.Key], item.Key)
				require.Equal(t, []string{"identity_document"}, documents(e))
			case enablement.DataItem:
				require.Contains(t, keys(e), item.Key)
			default:
				t.Fatalf("type %q", item.Type)
			}
		}
		// Nothing stored is nothing rejected.
		for key, stored := range map[string]bool{
			"first_name": first != "", "last_name": last != "", "email": email != "", "birth_date": birth != "",
			"country": country != "", "phone": code != 0 || number != 0,
		} {
			missing := slices.Contains(keys(e), key)
			rejected := slices.ContainsFunc(e.Rejected, func(i enablement.RejectedItem) bool {
				return i.Type == enablement.DataItem && i.Key == key
			})
			require.Equal(t, missing && stored, rejected, key)
			require.True(t, stored || missing, key)
		}
	})
}

// knownText holds the ids of the catalogue.
func knownText() map[string]bool {
	known := map[string]bool{}
	all := enablement.Catalogue(enablement.CardsIndividuals)
	for _, r := range all.Documents {
		known[r.ID] = true
		for _, v := range r.ValidDocuments {
			known[v.ID] = true
		}
	}
	for _, r := range all.Data {
		for _, f := range r.Fields {
			known[f.Key] = true
		}
	}
	return known
}

func BenchmarkEvaluate(b *testing.B) {
	for name, docs := range map[string][]enablement.Document{
		"complete":   {document("passport")},
		"incomplete": {passportWith("expiration_date", "2020-01-01"), {Type: "national_id"}},
	} {
		b.Run(name, func(b *testing.B) {
			c := client()
			b.ReportAllocs()
			for b.Loop() {
				enablement.Evaluate(enablement.CardsIndividuals, c, docs, now)
			}
		})
	}
}
