package sample

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

// ResetPath takes the POST that brings the sample back to its beginning.
const ResetPath = root + "reset"

// Reset makes the sample's requests, clients and documents what they were at the start, and removes all other clients of
// its companies. Its keys stay as they are, and so does what was imported for other companies.
func Reset(ctx context.Context, db store.Store, now time.Time) error {
	data := Data(now)
	data.Keys = nil
	for _, company := range data.Companies {
		clients, err := db.Clients(ctx, company.ID)
		if err != nil {
			return err
		}
		for _, client := range clients {
			if slices.ContainsFunc(Cases, func(c Case) bool { return c.ClientID == client.ID }) {
				continue
			}
			call := enablement.Call{Operation: "reset", CompanyID: company.ID, ClientID: client.ID}
			_, err := db.Change(ctx, call, func(f enablement.File) (enablement.Change, error) { return enablement.DeleteClient(f, now) })
			if err != nil && !errors.Is(err, enablement.ErrClientNotFound) { // somebody else may have deleted it
				return err
			}
		}
	}
	return db.Reset(ctx, data)
}

func (s *standIn) reset(r *http.Request) (any, error) {
	if err := Reset(r.Context(), s.db, s.clock.Now()); err != nil {
		return nil, err
	}
	s.logger.InfoContext(r.Context(), "the sample is as it was at the start")
	return text("The sample is as it was at the start.\n"), nil
}
