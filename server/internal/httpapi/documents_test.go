package httpapi_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/httpapi"
)

const (
	documentationPath = productsPath + "/request_1/documentation"
	dot               = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)

func passport(photo string) string {
	return `{"document":{"document_type":"passport","image_front":"` + photo + `","metadata":{"number":"TEST0001","issuing_country":"ARG","expiration_date":"2030-01-31"}}}`
}

// A good document is decided on twice: before its photos are stored and after. What is refused is never stored.
func TestCompleteDocumentation(t *testing.T) {
	t.Parallel()
	found := file()
	found.Documents = nil
	var decided []enablement.Change
	h := newHandler(t, httpapi.Config{Store: storeFunc(func(_ context.Context, c enablement.Call, decide decide) (enablement.Change, error) {
		require.Equal(t, []string{"completeDocumentation", "client_1", "request_1"}, []string{c.Operation, c.ClientID, c.RequestID})
		change, err := decide(found)
		decided = append(decided, change)
		return change, err
	})})
	w := call(h, "POST", documentationPath, passport(dot))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	var got api.EvaluatedProduct
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	require.Equal(t, api.PendingDocumentation, got.Product.Status)
	require.Empty(t, got.Missing())
	require.Len(t, decided, 2)
	require.EqualValues(t, 7, decided[1].Document.ID, "that of what was stored")

	decided = nil
	for photo, reason := range map[string]string{
		base64.StdEncoding.EncodeToString([]byte("%PDF-1.7 canary")): "is a PDF",
		base64.StdEncoding.EncodeToString(make([]byte, 10<<20+1)):    "is larger than 10 MiB",
	} {
		w = call(h, "POST", documentationPath, passport(photo))
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
		require.Len(t, got.RejectedItems, 1)
		require.Equal(t, api.RejectedDocument, got.RejectedItems[0].Type)
		require.Equal(t, "passport", got.RejectedItems[0].Key)
		require.Contains(t, got.RejectedItems[0].Reason, reason)
		require.Len(t, got.Missing(), 1)
	}
	require.Len(t, decided, 2, "once each: nothing was stored")

	w = call(h, "POST", documentationPath, strings.Replace(passport(dot), `"number"`, `"\u001b[2J":"x","number"`, 1))
	require.Equal(t, http.StatusBadRequest, w.Code, w.Body)
	require.Contains(t, w.Body.String(), "request body /document/metadata: must have names of 1 to 64 characters that can be seen")
	require.Len(t, decided, 2, "nothing was asked for")

	w = call(h, "POST", documentationPath, strings.Replace(passport(dot), "passport", "selfie", 1))
	require.Equal(t, http.StatusPreconditionFailed, w.Code, w.Body)
	require.Contains(t, w.Body.String(), "Invalid document type")
	found.Request.Status = enablement.InKYC
	w = call(h, "POST", documentationPath, passport(dot))
	require.Equal(t, http.StatusConflict, w.Code, w.Body)
}
