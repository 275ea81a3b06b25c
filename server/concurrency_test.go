package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
)

// Calls at the same time get their own responses, principals and trace ids.
func TestCallsDoNotMix(t *testing.T) {
	t.Parallel()
	f := newFixture(t,
		func(ctx context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
			p, _ := server.PrincipalFrom(ctx)
			if r.ProductRequestID == "missing" {
				return nil, server.NotFound(p.CompanyID + " " + server.TraceIDFrom(ctx))
			}
			return submission(r.ClientID, p.CompanyID+"-"+server.TraceIDFrom(ctx)), nil
		},
		authenticator(func(_ context.Context, key string, _ netip.Addr) (server.Principal, error) {
			return server.Principal{CompanyID: key, AccessLevel: 3}, nil
		}))
	var callers sync.WaitGroup
	for caller := range 8 {
		callers.Go(func() {
			for n := range 50 {
				company := fmt.Sprintf("cmp_%d_%d", caller, n)
				trace := fmt.Sprintf("%032x", caller<<16|n|1<<32)
				target := strings.Replace(goodPath, requestID, company+"-"+trace, 1)
				status, want := http.StatusOK, `"id":"`+company+"-"+trace+`"`
				if n%2 == 1 {
					target, status = "/management/clients/individuals/"+clientID+"/products/missing/submit", http.StatusNotFound
					want = company + " " + trace
				}
				r := httptest.NewRequest(http.MethodPost, target, nil)
				r.Header.Set("X-Api-Key", company)
				r.Header.Set("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
				w := httptest.NewRecorder()
				f.ServeHTTP(w, r)
				assert.Equal(t, status, w.Code)
				assert.Contains(t, w.Body.String(), want)
				assert.Equal(t, trace, w.Header().Get("X-Trace-Id"))
			}
		})
	}
	callers.Wait()
}
