package sample_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCalls_last: the last 1000 calls are remembered, until they are forgotten.
func TestCalls_last(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	h := b.Calls.Record(http.NotFoundHandler())
	for i := range 1003 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, fmt.Sprintf("/%d", i), nil))
	}
	calls := b.Calls.List()
	require.Len(t, calls, 1000)
	require.Equal(t, "/1002", calls[0].Path)
	require.Equal(t, "/3", calls[999].Path)
	require.Equal(t, http.StatusNotFound, calls[0].Status)
	require.Equal(t, http.StatusNoContent, b.call(t, "DELETE", "/sample/calls", "").Code)
	require.Empty(t, b.Calls.List())
}

// TestCalls_shows: what a caller put into a path by mistake is not shown.
func TestCalls_shows(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	h := b.Calls.Record(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	for target, shown := range map[string]string{
		"/management/clients/individuals/client_1/products?email=a@example.com": "/management/clients/individuals/client_1/products",
		"/management/clients/individuals/a@example.com":                         "/management/clients/individuals/…",
		"/management/clients/individuals/a%20b/products":                        "/management/clients/individuals/…/products",
		"/management/sample-key-level-3/cm_Zm9v/x":                              "/management/…/…/x",
		"/":                                    "/",
		"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15": "/1/2/3/4/5/6/7/8/9/10/…",
	} {
		require.Panics(t, func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("BREW", target, nil)) })
		call := b.Calls.List()[0]
		require.Equal(t, shown, call.Path)
		require.Equal(t, "other", call.Method)
		require.Zero(t, call.Status, "nothing was sent")
	}
}
