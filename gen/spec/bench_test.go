package spec_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/spec"
)

func BenchmarkBreaches(b *testing.B) {
	doc, err := spec.GetSpec()
	require.NoError(b, err)
	operation := doc.Paths.Map()["/management/clients/individuals/{clientId}/products/{productRequestId}/submit"].Post
	body := `{"product":` + product + `,"rejected_items":[]}`
	b.ReportAllocs()
	for b.Loop() {
		found := spec.Breaches(spec.Exchange{
			Operation: operation, Status: 200, Body: body,
			Path: func(name string) string {
				if name == "clientId" {
					return "cl_1"
				}
				return "rq_1"
			},
		})
		if len(found) > 0 {
			b.Fatal(found)
		}
	}
}
