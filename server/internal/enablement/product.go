package enablement

import (
	"slices"
	"time"
)

// RequestProduct says what becomes of a client's wish for a product: a new request, under an id that newID makes,
// with what is missing (upstream). It waits to be submitted even where nothing is. A client has one request for a
// product at a time, unless the ones before were rejected (own rule).
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

// Products are the client's requests as they are read: a pending one with what a submission would find at this
// moment, so that an update of the client shows at once (own rule). Nothing is stored.
func Products(f File, now time.Time) []Request {
	requests := slices.Clone(f.Requests)
	for i, r := range requests {
		if r.Status.Pending() && r.Product.Known() {
			requests[i].Evaluation = Evaluate(r.Product, f.Client, f.Documents, now)
		}
	}
	return requests
}
