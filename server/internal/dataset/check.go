package dataset

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// What a field may hold. Both databases take all of it and give it back as it was.
const (
	maxText     = 1000 // characters
	maxEmail    = 254  // characters (openapi.yaml, ClientInput): PostgreSQL has no room for 1000 in an index
	maxMetadata = 50   // values of a document
	firstYear   = 1970
	lastYear    = 9999
)

// idForm is the form of the ids in the operation's path (openapi.yaml, Id).
var idForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// faults are those of an entry, while it is checked.
type faults []fault

func (f *faults) add(field, reason string) { *f = append(*f, fault{field: field, reason: reason}) }

func (f *faults) checkID(field, value string) {
	if !idForm.MatchString(value) {
		f.add(field, "must be 1 to 64 letters, digits, _ or -")
	}
}

// checkText is for text that an evaluation judges: that may be anything that can be stored.
func (f *faults) checkText(field, value string) bool {
	return f.checkLength(field, value, maxText)
}

func (f *faults) checkLength(field, value string, longest int) bool {
	switch {
	case utf8.RuneCountInString(value) > longest:
		f.add(field, fmt.Sprintf("is longer than %d characters", longest))
	case strings.Contains(value, "\x00"):
		f.add(field, `has the character \u0000, which cannot be stored`)
	default:
		return true
	}
	return false
}

// checkVisible is for text that nothing judges later.
func (f *faults) checkVisible(field, value string) {
	if f.checkText(field, value) && enablement.Hidden(value) {
		f.add(field, "has a character that cannot be seen")
	}
}

// checkTime takes the zero time, which Go has for none, as what it says where an entry gives it.
func (f *faults) checkTime(field string, value api.Timestamp, given map[string]int64) {
	_, ok := given[field]
	if year := value.Year(); ok && (year < firstYear || year > lastYear) {
		f.add(field, fmt.Sprintf("must be of the years %d to %d", firstYear, lastYear))
	}
}

func (f *faults) checkTimes(created, updated api.Timestamp, given map[string]int64) {
	f.checkTime("created_at", created, given)
	f.checkTime("updated_at", updated, given)
	if !created.IsZero() && !updated.IsZero() && updated.Before(created.Time) {
		f.add("updated_at", "is before created_at")
	}
}

func (c *Company) id() string { return goodID(c.ID) }

func (c *Company) check(map[string]int64) []fault {
	var f faults
	f.checkID("id", c.ID)
	f.checkVisible("name", c.Name)
	return f
}

func (c *Client) id() string { return goodID(c.ID) }

func (c *Client) check(given map[string]int64) []fault {
	var f faults
	f.checkID("id", c.ID)
	f.checkID("company_id", c.CompanyID)
	if c.Type != "" && c.Type != "individual" {
		f.add("type", "must be individual, or absent")
	}
	f.checkVisible("status", c.Status)
	f.checkText("first_name", c.FirstName)
	f.checkVisible("second_name", c.SecondName)
	f.checkText("last_name", c.LastName)
	f.checkLength("email", c.Email, maxEmail)
	f.checkText("birth_date", c.BirthDate)
	a := c.Address
	f.checkVisible("address.street_line1", a.StreetLine1)
	f.checkVisible("address.street_line2", a.StreetLine2)
	f.checkVisible("address.city", a.City)
	f.checkVisible("address.postal_code", a.PostalCode)
	f.checkVisible("address.state", a.State)
	f.checkVisible("address.state_code", a.StateCode)
	f.checkText("address.country", a.Country)
	f.checkVisible("address.country_code", a.CountryCode)
	f.checkTimes(c.CreatedAt, c.UpdatedAt, given)
	return f
}

func (d *Document) id() string {
	if goodID(d.ClientID) == "" || goodID(d.Type) == "" {
		return ""
	}
	return d.ClientID + "/" + d.Type
}

func (d *Document) check(map[string]int64) []fault {
	var f faults
	f.checkID("client_id", d.ClientID)
	f.checkID("document_type", d.Type)
	if len(d.Metadata) > maxMetadata {
		f.add("metadata", fmt.Sprintf("has more than %d values", maxMetadata))
		return f
	}
	for _, name := range slices.Sorted(maps.Keys(d.Metadata)) {
		field := "metadata." + plain(name)
		f.checkVisible(field, name)
		f.checkText(field, d.Metadata[name])
	}
	return f
}

func (r *Request) id() string { return goodID(r.ID) }

func (r *Request) check(given map[string]int64) []fault {
	var f faults
	f.checkID("id", r.ID)
	f.checkID("client_id", r.ClientID)
	if !r.Product.Known() {
		f.add("product", fmt.Sprintf("must be %s, %s or %s",
			enablement.CardsIndividuals, enablement.RampsCards, enablement.RampsPix))
	}
	if !r.Status.Known() {
		f.add("status", fmt.Sprintf("must be %s, %s, %s, %s or %s", enablement.Requested,
			enablement.PendingDocumentation, enablement.InKYC, enablement.Enabled, enablement.Rejected))
	}
	for field, value := range map[string]string{"rejection_code": r.RejectionCode, "rejection_description": r.RejectionDescription} {
		f.checkVisible(field, value)
		if value != "" && r.Status.Known() && r.Status != enablement.Rejected {
			f.add(field, "only on a rejected request")
		}
	}
	f.checkTimes(r.CreatedAt, r.UpdatedAt, given)
	return f
}

func (k *Key) id() string { return k.ID }

// goodID is an id that has the form of one. Anything else may be somebody's data in the wrong place, and is
// in no message.
func goodID(id string) string {
	if !idForm.MatchString(id) {
		return ""
	}
	return id
}

// complete gives what came without a time the time of the import.
func (c *Client) complete(at api.Timestamp) { fillTimes(&c.CreatedAt, &c.UpdatedAt, at) }

func (r *Request) complete(at api.Timestamp) { fillTimes(&r.CreatedAt, &r.UpdatedAt, at) }

func (c *Company) complete(api.Timestamp) {}

func (d *Document) complete(api.Timestamp) {}

func fillTimes(created, updated *api.Timestamp, at api.Timestamp) {
	if created.IsZero() {
		*created = at
		if !updated.IsZero() && updated.Before(at.Time) {
			*created = *updated
		}
	}
	if updated.IsZero() {
		*updated = *created
	}
}
