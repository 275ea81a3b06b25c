package servertest

import (
	"cmp"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

// Decision is the decision of the provider on a request in KYC.
type Decision struct {
	// Status is [api.Enabled] or [api.Rejected].
	Status api.ProductStatus
	// RejectionCode and RejectionDescription are for a rejection. The default code is REJECTED_BY_PROVIDER.
	RejectionCode, RejectionDescription string
}

// Review decides on a request in KYC, as the provider does. It fails the test if the request is not in KYC, or if there
// is another decision on it already.
func (s *Server) Review(requestID string, d Decision) {
	s.t.Helper()
	decision := enablement.Decision{
		Status: enablement.Status(d.Status), RejectionCode: d.RejectionCode, RejectionDescription: d.RejectionDescription,
	}
	if d.Status == api.Rejected {
		decision.RejectionCode = cmp.Or(d.RejectionCode, enablement.RejectedByProvider)
	}
	if _, err := store.Review(s.context(), s.store, requestID, decision, s.config.clock); err != nil {
		s.t.Fatalf("servertest: review of request %s: %v", requestID, err)
	}
}
