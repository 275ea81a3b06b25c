package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

func exerciseImport(t *testing.T, open Open) {
	tables := []string{"companies", "clients", currentDocuments, currentImages, "requests", "api_keys"}
	counts := func(f Fixture) (n []int) {
		for _, table := range tables {
			n = append(n, f.Count(table))
		}
		return n
	}

	t.Run("sample", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		require.Equal(t, []int{2, 6, 5, 5, 6, 3}, counts(f))
	})

	t.Run("nothing", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		require.NoError(t, f.Import(t.Context(), &dataset.Dataset{At: now}))
		require.Equal(t, []int{0, 0, 0, 0, 0, 0}, counts(f))
	})

	t.Run("replaces", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		before := counts(f)
		data := sample.Data(now)
		data.Requests, data.Keys = nil, nil
		data.Clients[0].Email = ""
		data.Documents[0].Metadata = nil
		require.NoError(t, f.Import(t.Context(), data))
		require.Equal(t, before, counts(f))
		request, err := submit(t, f, submissionOf(sample.Cases[0]))
		require.NoError(t, err)
		require.Equal(t, enablement.PendingDocumentation, request.Status, "the data that was complete is not any more")
	})

	// One entry of each list is at fault, behind others that are not.
	for name, test := range map[string]struct {
		change func(*dataset.Dataset)
		list   string
		index  int
	}{
		"client of no company": {func(d *dataset.Dataset) { d.Clients[2].CompanyID = "nowhere" }, "clients", 2},
		"document of nobody":   {func(d *dataset.Dataset) { d.Documents[1].ClientID = "nobody" }, "documents", 1},
		"request of nobody":    {func(d *dataset.Dataset) { d.Requests[4].ClientID = "nobody" }, "requests", 4},
		"request twice":        {func(d *dataset.Dataset) { d.Requests[3].ID = d.Requests[0].ID }, "requests", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t, nil)
			data := sample.Data(now)
			test.change(data)
			var fault *dataset.EntryError
			require.ErrorAs(t, f.Import(t.Context(), data), &fault)
			require.Equal(t, test.list, fault.List)
			require.Equal(t, test.index, fault.Index)
			require.Equal(t, []int{0, 0, 0, 0, 0, 0}, counts(f), "all or nothing")
		})
	}

	t.Run("client of another company", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		data := sample.Data(now)
		data.Clients[1].CompanyID = sample.OtherCompany
		var fault *dataset.EntryError
		require.ErrorAs(t, f.Import(t.Context(), data), &fault)
		require.Equal(t, "clients", fault.List)
		require.Equal(t, 1, fault.Index)
		_, err := submit(t, f, submissionOf(sample.Cases[1]))
		require.NoError(t, err, "the client stays where it was")
	})

	t.Run("again", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		before := counts(f)
		_, err := submit(t, f, submissionOf(sample.Cases[0]))
		require.NoError(t, err)
		data := sample.Data(now.Add(time.Hour))
		data.Keys = nil
		text, err := json.Marshal(data)
		require.NoError(t, err)
		file, err := dataset.Open(t.Context(), bytes.NewReader(text), data.At, nil)
		require.NoError(t, err)
		for range 2 {
			require.NoError(t, f.Import(t.Context(), file))
			require.Equal(t, len(data.Requests), file.Kept())
			require.Equal(t, before, counts(f))
		}
		stays := current(t, f, sample.Cases[0])
		require.Equal(t, enablement.InKYC, stays.Status, "not what the file says")
		require.Equal(t, now, stays.UpdatedAt)
		require.Equal(t, 1, f.Count("audit"), "an import writes none")
	})

	for name, change := range map[string]func(*dataset.Request){
		"another client's request": func(r *dataset.Request) { r.ClientID = sample.Cases[1].ClientID },
		"another product":          func(r *dataset.Request) { r.Product = enablement.RampsPix },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := withSample(t, open, nil)
			requests := sample.Data(now).Requests
			change(&requests[2])
			before := current(t, f, sample.Cases[2])
			var fault *dataset.EntryError
			require.ErrorAs(t, f.Import(t.Context(), &dataset.Dataset{At: now, Requests: requests}), &fault)
			require.ErrorIs(t, fault, dataset.ErrRequestStored)
			require.Equal(t, "requests", fault.List)
			require.Equal(t, 2, fault.Index)
			require.Equal(t, before, current(t, f, sample.Cases[2]))
		})
	}

	t.Run("several faults", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		data := sample.Data(now)
		data.Keys = nil
		data.Clients[1].CompanyID = sample.OtherCompany // and it has documents and a request, which are not at fault
		data.Clients[2].CompanyID = "nowhere"
		data.Documents[0].ClientID = "nobody"
		data.Requests[4].Product = enablement.RampsPix
		var faults *dataset.FaultsError
		require.ErrorAs(t, f.Import(t.Context(), data), &faults)
		var told []string
		for _, err := range faults.Faults {
			var fault *dataset.EntryError
			require.ErrorAs(t, err, &fault)
			told = append(told, fmt.Sprintf("%s[%d]: %s", fault.List, fault.Index, fault.Err))
		}
		require.Equal(t, []string{
			"clients[1]: company_id: the client belongs to another company",
			`clients[2]: company_id: no company "nowhere"`,
			`documents[0]: client_id: no client "nobody"`,
			"requests[4]: " + dataset.ErrRequestStored.Error(),
		}, told)
		require.Empty(t, faults.End)
	})

	t.Run("too many faults", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		data := &dataset.Dataset{At: now}
		for i := range 5000 {
			data.Clients = append(data.Clients, dataset.Client{ID: fmt.Sprint("cl_", i), CompanyID: "nowhere"})
		}
		var faults *dataset.FaultsError
		require.ErrorAs(t, f.Import(t.Context(), data), &faults)
		require.Len(t, faults.Faults, 20)
		require.Equal(t, "stopped after 20", faults.End)
		require.Equal(t, []int{0, 0, 0, 0, 0, 0}, counts(f), "all or nothing")
	})

	// A long import goes to the database in parts, and is all or nothing still.
	long := func() *dataset.Dataset {
		data := sample.Data(now)
		client := data.Clients[0]
		for i := range 1500 {
			client.ID = fmt.Sprint("cl_", i)
			data.Clients = append(data.Clients, client)
		}
		data.Documents[0].Front.Content = append(data.Documents[0].Front.Content, make([]byte, 5<<20)...)
		data.Documents[1].Back = data.Documents[1].Front
		return data
	}

	t.Run("long", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		require.NoError(t, f.Import(t.Context(), long()))
		require.Equal(t, []int{2, 1506, 5, 6, 6, 3}, counts(f))
		data := long()
		data.Requests, data.Keys = nil, nil
		data.Clients[1300].CompanyID = "nowhere"
		var fault *dataset.EntryError
		require.ErrorAs(t, f.Import(t.Context(), data), &fault)
		require.Equal(t, "clients", fault.List)
		require.Equal(t, 1300, fault.Index)
		require.Equal(t, "cl_1294", fault.ID)
	})

	t.Run("source that fails", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		require.ErrorIs(t, f.Import(t.Context(), failing{long(), 1400, func() error { return io.ErrUnexpectedEOF }}), io.ErrUnexpectedEOF)
		require.Equal(t, []int{0, 0, 0, 0, 0, 0}, counts(f), "all or nothing")
	})

	t.Run("given up", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		require.ErrorIs(t, f.Import(ctx, failing{long(), 1400, func() error { cancel(); return nil }}), context.Canceled)
		require.Equal(t, []int{0, 0, 0, 0, 0, 0}, counts(f), "all or nothing")
	})
}

// failing is a source in which something happens at an entry.
type failing struct {
	*dataset.Dataset
	at    int
	event func() error
}

// All implements [dataset.Source].
func (f failing) All() iter.Seq2[dataset.Entry, error] {
	return func(yield func(dataset.Entry, error) bool) {
		n := 0
		for entry, err := range f.Dataset.All() {
			if n++; n == f.at {
				err = f.event()
			}
			if !yield(entry, err) {
				return
			}
		}
	}
}
