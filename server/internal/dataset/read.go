package dataset

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// EntryError says which entry of an import is at fault, and why.
type EntryError struct {
	// List and Index name the entry, as in `clients[2]`; ID does too, where it has one.
	List  string
	Index int
	ID    string
	Err   error
}

func (e *EntryError) Error() string {
	fault := strings.ReplaceAll(e.Err.Error(), "\n", "; ") // joined errors, on one line
	if e.ID == "" {
		return fmt.Sprintf("%s[%d]: %s", e.List, e.Index, fault)
	}
	return fmt.Sprintf("%s[%d] %q: %s", e.List, e.Index, e.ID, fault)
}

func (e *EntryError) Unwrap() error { return e.Err }

// Read reads and checks an import file. What came without a time gets now. References to companies
// and clients are the store's to check: they may be there already.
func Read(r io.Reader, now time.Time) (*Dataset, error) {
	var lists struct {
		Companies []json.RawMessage `json:"companies"`
		Clients   []json.RawMessage `json:"clients"`
		Documents []json.RawMessage `json:"documents"`
		Requests  []json.RawMessage `json:"requests"`
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if err := decode(data, &lists); err != nil {
		return nil, fmt.Errorf("%w; an import is one JSON object with the lists companies, clients, documents and requests", err)
	}
	d := Dataset{At: now}
	if d.Companies, err = readList("companies", lists.Companies, Company.id, Company.check); err != nil {
		return nil, err
	}
	if d.Clients, err = readList("clients", lists.Clients, Client.id, Client.check); err != nil {
		return nil, err
	}
	if d.Documents, err = readList("documents", lists.Documents, Document.id, Document.check); err != nil {
		return nil, err
	}
	if d.Requests, err = readList("requests", lists.Requests, Request.id, Request.check); err != nil {
		return nil, err
	}
	d.fillTimes()
	return &d, nil
}

// readList decodes and checks the entries of one list; no two may have the same id.
func readList[T any](list string, entries []json.RawMessage, id func(T) string, check func(T) error) ([]T, error) {
	result := make([]T, len(entries))
	seen := make(map[string]bool, len(entries))
	for i, entry := range entries {
		err := decodeEntry(entry, &result[i])
		if err == nil {
			err = check(result[i])
		}
		if err == nil && seen[id(result[i])] {
			err = errors.New("is in the file twice")
		}
		if err != nil {
			return nil, &EntryError{List: list, Index: i, ID: id(result[i]), Err: err}
		}
		seen[id(result[i])] = true
	}
	return result, nil
}

// decodeEntry reads an object field by field, so that an error can name each faulty field.
func decodeEntry(entry json.RawMessage, v any) error {
	var fields map[string]json.RawMessage
	if err := decode(entry, &fields); err != nil || fields == nil {
		return errors.New("must be an object")
	}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		one, err := json.Marshal(map[string]json.RawMessage{name: fields[name]})
		if err != nil {
			return err
		}
		var mismatch *json.UnmarshalTypeError
		switch err := decode(one, v); {
		case errors.As(err, &mismatch):
			faults = append(faults, fmt.Errorf("%s: a JSON %s does not fit here", cmp.Or(mismatch.Field, name), mismatch.Value))
		case err != nil:
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(faults...)
}

// decode reads exactly one JSON value without unknown fields.
func decode(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("json: empty input")
		}
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("json: data after the value")
	}
	return nil
}

// idForm is the form of the ids in the operation's path (openapi.yaml, Id).
var idForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func checkID(field, value string) error {
	if !idForm.MatchString(value) {
		return fmt.Errorf("%s: must be 1 to 64 letters, digits, _ or -", field)
	}
	return nil
}

func (c Company) id() string { return c.ID }

func (c Company) check() error { return checkID("id", c.ID) }

func (c Client) id() string { return c.ID }

func (c Client) check() error {
	if c.Type != "" && c.Type != "individual" {
		return errors.New("type: must be individual, or absent")
	}
	return errors.Join(checkID("id", c.ID), checkID("company_id", c.CompanyID))
}

func (d Document) id() string {
	if d.ClientID == "" {
		return ""
	}
	return d.ClientID + "/" + d.Type
}

func (d Document) check() error {
	return errors.Join(checkID("client_id", d.ClientID), checkID("document_type", d.Type))
}

func (r Request) id() string { return r.ID }

func (r Request) check() error {
	var errs []error
	errs = append(errs, checkID("id", r.ID), checkID("client_id", r.ClientID))
	if !r.Product.Known() {
		errs = append(errs, fmt.Errorf("product: must be %s, %s or %s",
			enablement.CardsIndividuals, enablement.RampsCards, enablement.RampsPix))
	}
	if !r.Status.Known() {
		errs = append(errs, fmt.Errorf("status: must be %s, %s, %s, %s or %s", enablement.Requested,
			enablement.PendingDocumentation, enablement.InKYC, enablement.Enabled, enablement.Rejected))
	}
	if r.Status != enablement.Rejected && r.RejectionCode+r.RejectionDescription != "" {
		errs = append(errs, errors.New("rejection_code and rejection_description: only on a rejected request"))
	}
	if !r.CreatedAt.IsZero() && !r.UpdatedAt.IsZero() && r.UpdatedAt.Before(r.CreatedAt.Time) {
		errs = append(errs, errors.New("updated_at: is before created_at"))
	}
	return errors.Join(errs...)
}
