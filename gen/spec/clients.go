package spec

import (
	"fmt"

	"github.com/cryptomate-go/enablement/gen/api"
)

// client checks what holds wherever a client appears.
func (e *Exchange) client(at string, s *Scanner) {
	var created, updated string
	var phone []string // the fields that are there
	for name := range s.Within('{') {
		switch name {
		case "id":
			e.echo(at, name, "clientId", clientID, "Client", s)
		case "phone_country_code", "phone_number":
			phone = append(phone, name)
			s.Skip()
		case "created_at":
			created, _ = s.Text()
		case "updated_at":
			updated, _ = s.Text()
		default:
			s.Skip()
		}
	}
	if len(phone) == 1 {
		e.breach(clientPhone, at+"/"+phone[0], "Client", "both fields of the phone number, or none", "")
	}
	e.times(at, "Client", created, updated)
}

// newestFirst checks the order of a list.
func (e *Exchange) newestFirst(at, schema string, list Scanner) {
	var before api.Timestamp
	for i, item := range list.items() {
		text, _ := item.textOf("created_at")
		created, err := api.ParseTimestamp(text)
		if err != nil {
			continue
		}
		if !before.IsZero() && created.After(before.Time) {
			e.breach(listOrder, fmt.Sprintf("%s/%d/created_at", at, i), schema, "no later moment than that of the item before", text)
		}
		before = created
	}
}

func (e *Exchange) clients(at string, list *Scanner) { e.newestFirst(at, "Client", *list) }

func (e *Exchange) products(at string, list *Scanner) {
	e.newestFirst(at, "Product", *list)
	active := map[string]bool{}
	for i, item := range list.items() {
		product, _ := item.textOf("product")
		text, _ := item.textOf("status")
		if status := api.ProductStatus(text); !status.Valid() || status == api.Rejected || product == "" {
			continue
		}
		if active[product] {
			e.breach(productActive, fmt.Sprintf("%s/%d/status", at, i), "Product", "rejected, as another request for the product is active", "")
		}
		active[product] = true
	}
}
