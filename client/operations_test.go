package client_test

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/spec"
)

// TestOperations holds the table against openapi.yaml.
func TestOperations(t *testing.T) {
	t.Parallel()
	doc, err := spec.GetSpec()
	require.NoError(t, err)
	described := make(map[string]*openapi3.Operation)
	for _, path := range doc.Paths.Map() {
		for _, operation := range path.Operations() {
			described[operation.OperationID] = operation
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(described)), slices.Collect(maps.Keys(client.Operations)))
	for id, row := range client.Operations {
		operation := described[id]
		require.NotNil(t, operation.Responses.Value(strconv.Itoa(row.Success())), id)
		require.Equal(t, operation.Parameters.GetByInAndName("header", "Idempotency-Key") != nil, row.Keyed(), id)
		for status := range row.Kinds() {
			require.NotNil(t, operation.Responses.Value(strconv.Itoa(status)), "%s: %d", id, status)
		}
		for status, response := range operation.Responses.Map() {
			if code, err := strconv.Atoi(status); err == nil && code < 300 {
				require.Equal(t, code, row.Success(), "%s: the one success", response.Ref)
			}
		}
	}
}
