package store

import (
	"context"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// review is the operation in the audit. It is not one of the specification: no API key decides.
const review = "review"

// Review decides on a request of any company. It returns [enablement.ErrRequestNotFound] and the errors of
// [enablement.Review].
func Review(ctx context.Context, s Store, requestID string, decision enablement.Decision, now func() time.Time) (enablement.Change, error) {
	submitted, err := s.Submitted(ctx, requestID)
	if err != nil {
		return enablement.Change{}, err
	}
	call := enablement.Call{Operation: review, CompanyID: submitted.CompanyID, ClientID: submitted.ClientID, RequestID: requestID}
	return s.Change(ctx, call, func(f enablement.File) (enablement.Change, error) {
		return enablement.Review(f, decision, now())
	})
}
