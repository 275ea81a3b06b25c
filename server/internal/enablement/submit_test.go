package enablement_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

func newID() string { return "ntf_1" }

// noID is for decisions that must not need one.
func noID() string { panic("an id was asked for") }

func TestSubmitComplete(t *testing.T) {
	t.Parallel()
	for _, product := range products {
		for _, from := range []enablement.Status{enablement.Requested, enablement.PendingDocumentation} {
			f := file()
			f.Request.Product, f.Request.Status = product, from
			d, err := enablement.Submit(f, now, newID)
			require.NoError(t, err)

			want := f.Request
			want.Status = enablement.InKYC
			want.Evaluation = enablement.Evaluate(product, f.Client, f.Documents, now)
			want.UpdatedAt = now
			require.Equal(t, enablement.Change{
				Request: want,
				From:    from,
				At:      now,
				Changed: true,
				Notification: &enablement.Notification{
					ID:          "ntf_1",
					RequestID:   "request_1",
					ClientID:    "client_1",
					CompanyID:   "company_1",
					Product:     product,
					Status:      enablement.InKYC,
					SubmittedAt: now,
				},
				Submitted: &enablement.Submitted{
					RequestID: "request_1", ClientID: "client_1", CompanyID: "company_1", Product: product,
					At: now, Status: enablement.InKYC, Client: f.Client, Documents: f.Documents,
				},
			}, d)
			require.True(t, d.Request.Evaluation.Complete())
		}
	}
}

func TestSubmitIncomplete(t *testing.T) {
	t.Parallel()
	for _, from := range []enablement.Status{enablement.Requested, enablement.PendingDocumentation} {
		f := file()
		f.Request.Status = from
		f.Client.PhoneNumber = 0
		d, err := enablement.Submit(f, now, noID)
		require.NoError(t, err)
		require.Equal(t, enablement.PendingDocumentation, d.Request.Status)
		require.Equal(t, from, d.From)
		require.Equal(t, now, d.At)
		require.True(t, d.Changed)
		require.Equal(t, now, d.Request.UpdatedAt)
		require.Equal(t, f.Request.CreatedAt, d.Request.CreatedAt)
		require.Nil(t, d.Notification)
		require.Equal(t, []string{"phone"}, keys(d.Request.Evaluation))
		require.Len(t, d.Request.Evaluation.Rejected, 1)
	}
}

func TestSubmitNotPending(t *testing.T) {
	t.Parallel()
	for _, status := range []enablement.Status{enablement.InKYC, enablement.Enabled, enablement.Rejected, "", "archived"} {
		f := file()
		f.Request.Status = status
		d, err := enablement.Submit(f, now, noID)
		require.ErrorIs(t, err, enablement.ErrNotPending, status)
		require.Zero(t, d)
	}
}

// A product without requirements would let anybody into KYC.
func TestSubmitUnknownProduct(t *testing.T) {
	t.Parallel()
	for _, product := range []enablement.Product{"", "loans"} {
		f := file()
		f.Request.Product = product
		d, err := enablement.Submit(f, now, noID)
		require.ErrorIs(t, err, enablement.ErrUnknownProduct)
		require.Zero(t, d)
	}
	// Not being pending comes first: it is the documented answer.
	f := file()
	f.Request.Product, f.Request.Status = "loans", enablement.InKYC
	_, err := enablement.Submit(f, now, noID)
	require.ErrorIs(t, err, enablement.ErrNotPending)
}

// incomplete returns a file with a document and fields missing and rejected, as a decision left it.
func incomplete(t *testing.T) enablement.File {
	t.Helper()
	f := file()
	f.Client.Email, f.Client.LastName = "nobody", ""
	f.Documents[0].FrontImage = false
	d, err := enablement.Submit(f, now, noID)
	require.NoError(t, err)
	require.True(t, d.Changed)
	f.Request = d.Request
	return f
}

func TestSubmitUnchanged(t *testing.T) {
	t.Parallel()
	f := incomplete(t)
	d, err := enablement.Submit(f, now.Add(time.Hour), noID)
	require.NoError(t, err)
	require.False(t, d.Changed)
	require.Equal(t, f.Request, d.Request)
	require.Equal(t, now, d.Request.UpdatedAt)
	require.Equal(t, now.Add(time.Hour), d.At)
	require.Nil(t, d.Notification)
}

// A store may give empty lists back as nil and as it went through JSON.
func TestSubmitUnchangedAfterStorage(t *testing.T) {
	t.Parallel()
	f := incomplete(t)
	text, err := json.Marshal(f.Request.Evaluation)
	require.NoError(t, err)
	f.Request.Evaluation = enablement.Evaluation{}
	require.NoError(t, json.Unmarshal(text, &f.Request.Evaluation))
	d, err := enablement.Submit(f, now.Add(time.Hour), noID)
	require.NoError(t, err)
	require.False(t, d.Changed)

	f = file()
	f.Client.Address.Country = ""
	d, err = enablement.Submit(f, now, noID)
	require.NoError(t, err)
	f.Request = d.Request
	require.Empty(t, f.Request.Evaluation.Rejected)
	require.Empty(t, f.Request.Evaluation.Missing.Documents)
	f.Request.Evaluation.Rejected, f.Request.Evaluation.Missing.Documents = nil, nil
	d, err = enablement.Submit(f, now.Add(time.Hour), noID)
	require.NoError(t, err)
	require.False(t, d.Changed)
	require.NotNil(t, d.Request.Evaluation.Rejected)
	require.NotNil(t, d.Request.Evaluation.Missing.Documents)
}

// Whatever differs from the evaluation before is a change.
func TestSubmitChanged(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*enablement.Evaluation){
		"never evaluated":       func(e *enablement.Evaluation) { *e = enablement.Evaluation{} },
		"no document missing":   func(e *enablement.Evaluation) { e.Missing.Documents = nil },
		"document id":           func(e *enablement.Evaluation) { e.Missing.Documents[0].ID = "other" },
		"document name":         func(e *enablement.Evaluation) { e.Missing.Documents[0].Name = "other" },
		"document description":  func(e *enablement.Evaluation) { e.Missing.Documents[0].Description = "other" },
		"fewer valid documents": func(e *enablement.Evaluation) { e.Missing.Documents[0].ValidDocuments = nil },
		"valid document id":     func(e *enablement.Evaluation) { e.Missing.Documents[0].ValidDocuments[1].ID = "other" },
		"valid document name":   func(e *enablement.Evaluation) { e.Missing.Documents[0].ValidDocuments[1].Name = "other" },
		"valid document description": func(e *enablement.Evaluation) {
			e.Missing.Documents[0].ValidDocuments[1].Description = "other"
		},
		"front":       func(e *enablement.Evaluation) { e.Missing.Documents[0].ValidDocuments[1].FrontImage = false },
		"back":        func(e *enablement.Evaluation) { e.Missing.Documents[0].ValidDocuments[1].BackImage = false },
		"metadata":    func(e *enablement.Evaluation) { e.Missing.Documents[0].ValidDocuments[1].Metadata[1].Name = "other" },
		"no metadata": func(e *enablement.Evaluation) { e.Missing.Documents[0].ValidDocuments[1].Metadata = nil },

		"no data missing":  func(e *enablement.Evaluation) { e.Missing.Data = nil },
		"data id":          func(e *enablement.Evaluation) { e.Missing.Data[0].ID = "other" },
		"data name":        func(e *enablement.Evaluation) { e.Missing.Data[0].Name = "other" },
		"data description": func(e *enablement.Evaluation) { e.Missing.Data[0].Description = "other" },
		"field":            func(e *enablement.Evaluation) { e.Missing.Data[0].Fields[0].Key = "other" },
		"field type":       func(e *enablement.Evaluation) { e.Missing.Data[0].Fields[0].DataType = enablement.Phone },
		"fewer fields":     func(e *enablement.Evaluation) { e.Missing.Data[0].Fields = e.Missing.Data[0].Fields[:1] },

		"nothing rejected": func(e *enablement.Evaluation) { e.Rejected = nil },
		"reason":           func(e *enablement.Evaluation) { e.Rejected[0].Reason = "other" },
		"key":              func(e *enablement.Evaluation) { e.Rejected[0].Key = "other" },
		"type":             func(e *enablement.Evaluation) { e.Rejected[0].Type = "other" },
		"order":            func(e *enablement.Evaluation) { slices.Reverse(e.Rejected) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := incomplete(t)
			change(&f.Request.Evaluation)
			later := now.Add(time.Hour)
			d, err := enablement.Submit(f, later, noID)
			require.NoError(t, err)
			require.True(t, d.Changed)
			require.Equal(t, later, d.Request.UpdatedAt)
		})
	}
	t.Run("status alone", func(t *testing.T) {
		t.Parallel()
		f := incomplete(t)
		f.Request.Status = enablement.Requested
		later := now.Add(time.Hour)
		d, err := enablement.Submit(f, later, noID)
		require.NoError(t, err)
		require.True(t, d.Changed)
		require.Equal(t, later, d.Request.UpdatedAt)
		require.Equal(t, f.Request.Evaluation, d.Request.Evaluation)
	})
}

// A document that expires between two submissions changes the request, though nothing was stored.
func TestSubmitTimePasses(t *testing.T) {
	t.Parallel()
	f := file()
	f.Client.LastName = ""
	f.Documents[0] = passportWith("expiration_date", now.Format(time.DateOnly))
	first, err := enablement.Submit(f, now, noID)
	require.NoError(t, err)
	require.Empty(t, first.Request.Evaluation.Rejected)

	f.Request = first.Request
	tomorrow := now.AddDate(0, 0, 1)
	second, err := enablement.Submit(f, tomorrow, noID)
	require.NoError(t, err)
	require.True(t, second.Changed)
	require.Equal(t, tomorrow, second.Request.UpdatedAt)
	require.Len(t, second.Request.Evaluation.Rejected, 1)
}

func TestSubmitClockSetBack(t *testing.T) {
	t.Parallel()
	updated := now.Add(time.Minute)

	f := file()
	f.Request.UpdatedAt = updated
	d, err := enablement.Submit(f, now, newID)
	require.NoError(t, err)
	require.True(t, d.Changed)
	require.Equal(t, enablement.InKYC, d.Request.Status)
	require.Equal(t, updated, d.Request.UpdatedAt)
	require.Equal(t, now, d.At)
	require.Equal(t, now, d.Notification.SubmittedAt)

	// At the very same moment as well.
	f.Request.UpdatedAt = now
	d, err = enablement.Submit(f, now, newID)
	require.NoError(t, err)
	require.True(t, d.Changed)
	require.Equal(t, now, d.Request.UpdatedAt)
}

func TestSubmitTimeInUTCAndMicroseconds(t *testing.T) {
	t.Parallel()
	local := time.Date(2026, time.April, 16, 6, 20, 0, 123456789, time.FixedZone("ART", -3*3600))
	want := time.Date(2026, time.April, 16, 9, 20, 0, 123456000, time.UTC)
	d, err := enablement.Submit(file(), local, newID)
	require.NoError(t, err)
	require.Equal(t, want, d.At) // Equal compares the location, too
	require.Equal(t, want, d.Request.UpdatedAt)
	require.Equal(t, want, d.Notification.SubmittedAt)

	// Without the monotonic reading, so that it equals what storage gives back.
	d, err = enablement.Submit(file(), time.Now(), newID)
	require.NoError(t, err)
	require.Equal(t, d.At.Round(0), d.At)
}

func TestSubmitChangesNoInput(t *testing.T) {
	t.Parallel()
	f := incomplete(t)
	before := incomplete(t)
	_, err := enablement.Submit(f, now.Add(time.Hour), noID)
	require.NoError(t, err)
	require.Equal(t, before, f)

	f = file()
	_, err = enablement.Submit(f, now, newID)
	require.NoError(t, err)
	require.Equal(t, file(), f)
}

// The rejection of a request is not a submission's to touch.
func TestSubmitKeepsTheRest(t *testing.T) {
	t.Parallel()
	f := file()
	f.Request.RejectionCode, f.Request.RejectionDescription = "CODE", "words"
	d, err := enablement.Submit(f, now, newID)
	require.NoError(t, err)
	require.Equal(t, "CODE", d.Request.RejectionCode)
	require.Equal(t, "words", d.Request.RejectionDescription)
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for status, pending := range map[enablement.Status]bool{
		enablement.Requested: true, enablement.PendingDocumentation: true,
		enablement.InKYC: false, enablement.Enabled: false, enablement.Rejected: false,
	} {
		require.True(t, status.Known(), status)
		require.Equal(t, pending, status.Pending(), status)
	}
	for _, status := range []enablement.Status{"", "archived", "IN_KYC"} {
		require.False(t, status.Known(), status)
		require.False(t, status.Pending(), status)
	}
}
