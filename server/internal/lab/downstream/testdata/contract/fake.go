// Package downstream is somebody else's module, with a fake of the API that was right once.
package downstream

import (
	"fmt"
	"net/http"
)

// Fake answers a submission as its author remembers it: it drifted from the specification.
func Fake() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /management/clients/individuals/{client}/products/{request}/submit", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("x-api-key") == "" {
			w.WriteHeader(http.StatusForbidden) // the API says 401
			return
		}
		// No X-Trace-Id, no rejected_items, the ids the wrong way round, and a date without a time.
		_, _ = fmt.Fprintf(w, `{"product":{"id":%q,"client_id":%q,"product":"cards_individuals","status":"in_kyc",
			"missing_requirements":{"documents":[],"data":[]},"created_at":"2026-04-15","updated_at":"2026-04-16T09:20:00"}}`,
			r.PathValue("client"), r.PathValue("request"))
	})
	return mux
}
