package sample

import (
	"bytes"
	"errors"
	"net/http"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/wire"
)

// imported is how much was.
type imported struct {
	Companies int `json:"companies"`
	Clients   int `json:"clients"`
	Documents int `json:"documents"`
	Requests  int `json:"requests"`
	// Kept is how many requests were stored already, and stay as they are.
	Kept     int      `json:"kept"`
	Warnings []string `json:"warnings,omitempty"`
}

func (s *standIn) importData(r *http.Request) (any, error) {
	text, err := read(r, maxImport)
	if err != nil {
		return nil, err
	}
	data, err := dataset.Open(r.Context(), bytes.NewReader(text), s.clock.Now(), nil)
	if err != nil && r.Context().Err() == nil {
		return nil, &faultyImport{faultsOf(err)}
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = data.Close() }() // it was only read
	err = s.db.Import(r.Context(), data)
	_, isEntry := errors.AsType[*dataset.EntryError](err)
	switch {
	case isEntry: // one, or the first of several
		return nil, &faultyImport{faultsOf(err)}
	case err != nil:
		return nil, err
	}
	return imported{
		data.Count("companies"), data.Count("clients"), data.Count("documents"), data.Count("requests") - data.Kept(),
		data.Kept(), data.Warnings().Told,
	}, nil
}

// faultyImport is an import that is refused. No fault has a value of it.
type faultyImport struct{ faults []string }

func (e *faultyImport) Error() string { return "the import is faulty" }

func faultsOf(err error) []string {
	several, ok := errors.AsType[*dataset.FaultsError](err)
	if !ok {
		return []string{err.Error()}
	}
	var faults []string
	for _, fault := range several.Faults {
		faults = append(faults, fault.Error())
	}
	if several.End != "" {
		faults = append(faults, several.End)
	}
	return faults
}

// write gives the error the API's form, with the faults beside it.
func (e *faultyImport) write(w http.ResponseWriter, r *http.Request) {
	id := wire.TraceID(r)
	w.Header().Set("X-Trace-Id", id)
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusBadRequest, struct {
		Code    api.ErrorCode `json:"code"`
		Message string        `json:"message"`
		TraceID string        `json:"trace_id"`
		Faults  []string      `json:"faults"`
	}{api.CodeBadRequest, "Nothing was imported: the data has faults", id, e.faults})
}
