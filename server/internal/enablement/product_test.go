package enablement_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

func TestRequestProduct(t *testing.T) {
	t.Parallel()
	for _, product := range products {
		for _, complete := range []bool{false, true} {
			f := file()
			f.Request = enablement.Request{}
			if !complete {
				f.Client.PhoneNumber, f.Client.PhoneCountryCode = 0, 0
			}
			c, err := enablement.RequestProduct(f, product, now.Add(time.Nanosecond), func() string { return "request_2" })
			require.NoError(t, err)
			require.Equal(t, enablement.Change{
				Request: enablement.Request{
					ID: "request_2", CompanyID: "company_1", ClientID: "client_1", Product: product,
					Status:     enablement.PendingDocumentation,
					Evaluation: enablement.Evaluate(product, f.Client, f.Documents, now),
					CreatedAt:  now, UpdatedAt: now,
				},
				Requested: true, At: now, Changed: true,
			}, c)
			require.Equal(t, complete, c.Request.Evaluation.Complete())
		}
	}
}

func TestRequestProductIsRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status enablement.Status
		want   error
	}{
		{enablement.Requested, enablement.ErrRequestActive},
		{enablement.PendingDocumentation, enablement.ErrRequestActive},
		{enablement.InKYC, enablement.ErrRequestActive},
		{enablement.Enabled, enablement.ErrRequestActive},
		{enablement.Rejected, nil},
	} {
		f := file()
		before := f.Request
		before.Status = tc.status
		rejected := before
		rejected.Status = enablement.Rejected
		f.Requests = []enablement.Request{rejected, before}
		c, err := enablement.RequestProduct(f, before.Product, now, func() string { return "request_2" })
		require.ErrorIs(t, err, tc.want)
		require.Equal(t, tc.want == nil, c.Requested, tc.status)

		c, err = enablement.RequestProduct(f, enablement.RampsPix, now, func() string { return "request_2" })
		require.NoError(t, err)
		require.True(t, c.Requested)
	}

	for _, product := range []enablement.Product{"", "nonsense", "CARDS_INDIVIDUALS"} {
		c, err := enablement.RequestProduct(file(), product, now, noID)
		require.ErrorIs(t, err, enablement.ErrInvalidProduct)
		require.Zero(t, c)
	}
}

func TestProducts(t *testing.T) {
	t.Parallel()
	f := file()
	stale := enablement.Evaluate(enablement.CardsIndividuals, enablement.Client{}, nil, now)
	for _, status := range []enablement.Status{
		enablement.Requested, enablement.PendingDocumentation, enablement.InKYC, enablement.Enabled, enablement.Rejected,
	} {
		r := f.Request
		r.ID, r.Status, r.Evaluation = "request_"+string(status), status, stale
		f.Requests = append(f.Requests, r)
	}
	withdrawn := f.Request
	withdrawn.Product, withdrawn.Evaluation = "withdrawn", stale
	f.Requests = append(f.Requests, withdrawn)

	list := enablement.Products(f, now)
	require.Len(t, list, len(f.Requests))
	for i, r := range list {
		want := f.Requests[i]
		require.Equal(t, stale, want.Evaluation, "what was loaded is not changed")
		if want.Status.Pending() && want.Product.Known() {
			want.Evaluation = enablement.Evaluate(want.Product, f.Client, f.Documents, now)
		}
		require.Equal(t, want, r)
	}
	require.True(t, list[0].Evaluation.Complete())
	require.Empty(t, enablement.Products(enablement.File{}, now))
}
