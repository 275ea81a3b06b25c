package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/client/internal/visible"
	"github.com/cryptomate-go/enablement/gen/api"
)

// table is what a person reads. What a server sent is quoted if it would act on the terminal.
type table struct {
	text bytes.Buffer
	out  *tabwriter.Writer
}

func newTable() *table {
	t := new(table)
	t.out = tabwriter.NewWriter(&t.text, 0, 0, 2, ' ', 0)
	return t
}

func (t *table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = visible.Line(cell)
	}
	_, _ = fmt.Fprintln(t.out, strings.Join(cells, "\t"))
}

// field is a row of what is there; of what is not there is none.
func (t *table) field(name, value string) {
	if value = strings.TrimSpace(value); value != "" {
		t.row(name, value)
	}
}

// head is a line above columns, below an empty one.
func (t *table) head(names ...string) {
	_, _ = fmt.Fprintln(t.out, "\n"+strings.Join(names, "\t"))
}

// write writes all at once.
func (t *table) write(w io.Writer) error {
	if err := t.out.Flush(); err != nil {
		return err
	}
	_, err := w.Write(bytes.TrimLeft(t.text.Bytes(), "\n"))
	return err
}

func (t *table) product(p *api.Product, missing []api.MissingItem) {
	t.field("Request", p.ID)
	t.field("Product", string(p.Product))
	t.field("Status", string(p.Status))
	t.field("Rejection", p.RejectionCode+" "+p.RejectionDescription)
	t.field("Updated", moment(p.UpdatedAt))
	if p.Status.Pending() && !p.MissingTold() {
		t.row("Missing", "the response does not list everything")
	}
	if len(missing) > 0 {
		t.head("MISSING", "TYPE", "REQUIRED", "ACCEPTED")
		for _, item := range missing {
			name, kind, required, what := describe(item)
			t.row(name, kind, required, what)
		}
	}
}

func (t *table) client(c *api.Client) {
	t.field("Client", c.ID)
	t.field("Status", string(c.Status))
	t.field("Name", name(c))
	t.field("E-mail", c.Email)
	t.field("Born", c.BirthDate)
	if c.PhoneNumber != 0 {
		t.row("Phone", "+"+strconv.Itoa(int(c.PhoneCountryCode))+" "+strconv.FormatInt(c.PhoneNumber, 10))
	}
	a := c.Address
	t.field("Address", strings.Join(strings.Fields(strings.Join([]string{a.StreetLine1, a.StreetLine2, a.PostalCode, a.City, a.State, a.Country}, " ")), " "))
	t.field("Created", moment(c.CreatedAt))
	t.field("Updated", moment(c.UpdatedAt))
}

func name(c *api.Client) string {
	return strings.Join(strings.Fields(c.FirstName+" "+c.SecondName+" "+c.LastName), " ")
}

func moment(at api.Timestamp) string {
	if at.IsZero() {
		return ""
	}
	return at.String() + " UTC"
}

func (t *table) evaluated(s *api.EvaluatedProduct) {
	t.product(&s.Product, s.Missing())
	if len(s.RejectedItems) > 0 {
		t.head("REJECTED", "TYPE", "REASON")
		for _, item := range s.RejectedItems {
			t.row(item.Key, string(item.Type), item.Reason)
		}
	}
}

func (t *table) clients(clients []api.Client) {
	t.head("CLIENT", "STATUS", "NAME", "E-MAIL")
	for i := range clients {
		t.row(clients[i].ID, string(clients[i].Status), name(&clients[i]), clients[i].Email)
	}
}

func (t *table) products(products []api.Product) {
	t.head("REQUEST", "PRODUCT", "STATUS", "MISSING")
	for i := range products {
		var missing []string
		for _, item := range products[i].Missing() {
			name, _, _, _ := describe(item)
			missing = append(missing, name)
		}
		t.row(products[i].ID, string(products[i].Product), string(products[i].Status), strings.Join(missing, ", "))
	}
}

func (t *table) settled(s *client.Settled) {
	t.row(s.Effect.String() + ": " + s.Reason)
	if s.Client != nil {
		t.client(s.Client)
	}
	if s.Product != nil {
		t.product(s.Product, s.Product.Missing())
	}
}

func describe(item api.MissingItem) (name, kind, required, what string) {
	name, required = cmp.Or(item.Name, item.Requirement, "(not named)"), "yes"
	if !item.Required {
		required = "no"
	}
	if item.Type == api.RejectedData {
		if item.Key != "" {
			name += ": " + item.Key
		}
		return name, string(item.Type), required, string(item.DataType)
	}
	kinds := make([]string, len(item.Documents))
	for i, document := range item.Documents {
		kinds[i] = cmp.Or(document.ID, document.Name) // the id is what "documents add" takes
	}
	return name, string(item.Type), required, strings.Join(kinds, ", or ")
}
