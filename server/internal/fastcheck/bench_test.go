package fastcheck_test

import (
	"net/http"
	"testing"

	"github.com/getkin/kin-openapi/routers"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server/internal/fastcheck"
)

func BenchmarkResponse(b *testing.B) {
	doc, err := spec.GetSpec()
	require.NoError(b, err)
	for path, item := range doc.Paths.Map() {
		o := fastcheck.New(&routers.Route{Spec: doc, Path: path, PathItem: item, Method: "POST", Operation: item.Post})
		header := http.Header{"Content-Type": {"application/json"}, "X-Trace-Id": {"4bf92f3577b34da6a3ce929d0e0e4736"}}
		body := `{"product":{"id":"2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh","client_id":"2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh","product":"cards_individuals","status":"in_kyc",` +
			`"missing_requirements":{"documents":[],"data":[]},"created_at":"2026-04-15T10:30:00","updated_at":"2026-04-16T09:20:00"},"rejected_items":[]}`
		require.True(b, o.Response(200, header, body))
		b.ReportAllocs()
		for b.Loop() {
			o.Response(200, header, body)
		}
	}
}
