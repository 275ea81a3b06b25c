package client_test

import (
	"io"
	"maps"
	"net/http"
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

// TestDo_body: every attempt sends the whole body under one key, and a result may be any JSON.
func TestDo_body(t *testing.T) {
	t.Parallel()
	const body = `{"first_name":"Sample"}`
	var bodies, keys []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		bodies, keys = append(bodies, string(sent)), append(keys, r.Header.Get("Idempotency-Key"))
		if len(bodies) == 1 {
			panic(http.ErrAbortHandler)
		}
		if len(bodies) == 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		answer(200, mediaType, `["a","b"]`)(w, r)
	}, client.WithRetry(client.RetryPolicy{BaseDelay: 1, MaxDelay: 1}))
	list, err := client.Do[[]string](t.Context(), c, body)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, *list)
	require.Equal(t, []string{body, body, body}, bodies)
	require.NotEmpty(t, keys[0])
	require.Equal(t, []string{keys[0], keys[0], keys[0]}, keys)
}
