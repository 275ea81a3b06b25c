package enablement_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

var (
	enable = enablement.Decision{Status: enablement.Enabled}
	reject = enablement.Decision{Status: enablement.Rejected, RejectionCode: enablement.RejectedByProvider, RejectionDescription: "Not the person."}
)

func TestReview(t *testing.T) {
	t.Parallel()
	f := file()
	f.Request.Status, f.Client.Status = enablement.InKYC, enablement.ClientPending
	f.Client.CreatedAt, f.Client.UpdatedAt = f.Request.CreatedAt, f.Request.CreatedAt

	c, err := enablement.Review(f, enable, now)
	require.NoError(t, err)
	request, client := f.Request, f.Client
	request.Status, request.UpdatedAt = enablement.Enabled, now
	client.Status, client.UpdatedAt = enablement.ClientActive, now
	require.Equal(t, enablement.Change{Request: request, Client: &client, From: enablement.InKYC, At: now, Changed: true}, c)

	c, err = enablement.Review(f, reject, now)
	require.NoError(t, err)
	request.Status, request.RejectionCode, request.RejectionDescription = enablement.Rejected, reject.RejectionCode, reject.RejectionDescription
	require.Equal(t, enablement.Change{Request: request, From: enablement.InKYC, At: now, Changed: true}, c)
}

// The first decision is final: the same again finds nothing to change, another one is refused.
func TestReview_again(t *testing.T) {
	t.Parallel()
	otherwise := reject
	otherwise.RejectionDescription = "Another reason."
	for _, test := range []struct {
		status enablement.Status
		with   enablement.Decision
		same   bool
	}{
		{enablement.Enabled, enable, true},
		{enablement.Enabled, reject, false},
		{enablement.Rejected, reject, true},
		{enablement.Rejected, otherwise, false},
		{enablement.Rejected, enable, false},
		{enablement.Requested, enable, false},
		{enablement.PendingDocumentation, reject, false},
	} {
		f := file()
		f.Request.Status = test.status
		if test.status == enablement.Rejected {
			f.Request.RejectionCode, f.Request.RejectionDescription = reject.RejectionCode, reject.RejectionDescription
		}
		c, err := enablement.Review(f, test.with, now)
		if !test.same {
			require.ErrorIs(t, err, enablement.ErrNotInKYC)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, enablement.Change{Request: f.Request, From: test.status, At: now}, c)
	}
}

func TestDecision(t *testing.T) {
	t.Parallel()
	for _, wrong := range []struct {
		enablement.Decision
		field string
	}{
		{enablement.Decision{}, "status"},
		{enablement.Decision{Status: enablement.InKYC}, "status"},
		{enablement.Decision{Status: enablement.Enabled, RejectionCode: "A"}, "rejection_code"},
		{enablement.Decision{Status: enablement.Rejected}, "rejection_code"},
		{enablement.Decision{Status: enablement.Rejected, RejectionCode: "lower"}, "rejection_code"},
		{enablement.Decision{Status: enablement.Rejected, RejectionCode: strings.Repeat("A", 65)}, "rejection_code"},
		{enablement.Decision{Status: enablement.Rejected, RejectionCode: "A", RejectionDescription: strings.Repeat("é", 501)}, "rejection_description"},
		{enablement.Decision{Status: enablement.Rejected, RejectionCode: "A", RejectionDescription: "a\x00"}, "rejection_description"},
	} {
		f := file()
		f.Request.Status = enablement.InKYC
		_, err := enablement.Review(f, wrong.Decision, now)
		fault, ok := errors.AsType[*enablement.FieldError](err)
		require.True(t, ok, "%+v: %v", wrong, err)
		require.Equal(t, wrong.field, fault.Field)
	}
}
