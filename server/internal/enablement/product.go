package enablement

import (
	"slices"
	"time"
)

// RequestProduct makes a new request for a product, with an id from newID and with what is missing (upstream). The
// request waits to be submitted even if nothing is missing. A client can have only one request for a product that is not
// rejected (own rule).
func RequestProduct(f File, p Product, now time.Time, newID func() string) (Change, error) {
	if !p.Known() {
		return Change{}, ErrInvalidProduct
	}
	if slices.ContainsFunc(f.Requests, func(r Request) bool { return r.Product == p && r.Status != Rejected }) {
		return Change{}, ErrRequestActive
	}
	at := moment(now)
	return Change{
		Request: Request{
			ID:         newID(),
			CompanyID:  f.Client.CompanyID,
			ClientID:   f.Client.ID,
			Product:    p,
			Status:     PendingDocumentation,
			Evaluation: Evaluate(p, f.Client, f.Documents, at),
			CreatedAt:  at,
			UpdatedAt:  at,
		},
		Requested: true,
		At:        at,
		Changed:   true,
	}, nil
}

// Products returns the client's requests for a list. A pending request is evaluated now, so that an update of the client
// shows at once (own rule). Nothing is stored.
func Products(f File, now time.Time) []Request {
	requests := slices.Clone(f.Requests)
	for i, r := range requests {
		if r.Status.Pending() && r.Product.Known() {
			requests[i].Evaluation = Evaluate(r.Product, f.Client, f.Documents, now)
		}
	}
	return requests
}
