package server_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server"
)

// three are operations of which an implementation may have some.
type three interface {
	Submit(context.Context, submitRequest) (string, error)
	ListByID(context.Context, listRequest) ([]string, error)
	Remove(context.Context, removeRequest) (string, error)
}

type (
	submitRequest struct{ ID string }
	listRequest   struct{ ID string }
	removeRequest struct{ ID string }
)

// some serves two of them, and has methods of its own.
type some struct{}

func (some) Submit(_ context.Context, r submitRequest) (string, error) {
	return "submitted " + r.ID, nil
}
func (some) ListByID(context.Context, listRequest) ([]string, error) {
	return nil, server.NotFound("Nothing here")
}
func (some) Close() error { return nil }

type pointed struct{ some }

func (*pointed) Remove(context.Context, removeRequest) (string, error) { return "removed", nil }

type misspelt struct{ some }

func (misspelt) Removes(context.Context, removeRequest) (string, error) { return "", nil }

type otherwise struct{ some }

func (otherwise) Remove(context.Context, removeRequest) string { return "" }

type swapped struct{ some }

func (swapped) Remove(context.Context, listRequest) (string, error) { return "", nil }

func TestSomeOperations(t *testing.T) {
	t.Parallel()
	whole := reflect.TypeFor[three]()
	for name, test := range map[string]struct {
		impl   any
		served []string
		want   string
	}{
		"some":             {some{}, []string{"submit", "list-by-id", "listById"}, ""},
		"through another":  {struct{ some }{}, []string{"submit", "list_by_id"}, ""},
		"by a pointer":     {&pointed{}, []string{"submit", "listByID", "remove"}, ""},
		"not by a pointer": {pointed{}, nil, "server_test.pointed has no method Remove, but a pointer to it does"},
		"misspelt":         {misspelt{}, nil, "method Removes of server_test.misspelt takes a request of Remove, which no operation of that name does"},
		"other results":    {otherwise{}, nil, "method Remove of server_test.otherwise is a func(context.Context, server_test.removeRequest) string, and should be a"},
		"other request":    {swapped{}, nil, "method Remove of server_test.swapped is a"},
		"none":             {struct{}{}, nil, "struct {} has the method of no operation"},
		"nil":              {nil, nil, "the implementation is nil"},
		"a nil pointer":    {(*pointed)(nil), nil, "the implementation is nil"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served, err := server.ServedOf(test.impl, whole, "submit", "list-by-id", "list_by_id", "listById", "listByID", "remove")
			if test.want != "" {
				require.ErrorContains(t, err, test.want)
				return
			}
			require.NoError(t, err)
			require.Subset(t, served, test.served)
			require.Equal(t, name == "by a pointer", len(served) == 6)
		})
	}
}

// A method of an implementation that has not all of them is called as any other is.
func TestMethodsAreCalled(t *testing.T) {
	t.Parallel()
	whole := reflect.TypeFor[three]()
	response, err := server.CallOf(t.Context(), some{}, whole, "Submit", submitRequest{"a"})
	require.NoError(t, err)
	require.Equal(t, "submitted a", response)
	_, err = server.CallOf(t.Context(), some{}, whole, "ListByID", listRequest{})
	require.Equal(t, server.NotFound("Nothing here"), err)
	response, err = server.CallOf(t.Context(), responds(nil), reflect.TypeFor[api.StrictServerInterface](), "SubmitProduct", api.SubmitProductRequestObject{})
	require.NoError(t, err)
	require.Nil(t, response)
}

// What is not served is not there: an unknown path, or a method that the path doesn't have. The log says
// so, where it isn't everything.
func TestWhatIsNotServed(t *testing.T) {
	t.Parallel()
	doc, err := spec.GetSpec()
	require.NoError(t, err)
	put, another := *doc.Paths.Value(template).Post, *doc.Paths.Value(template).Post
	put.OperationID, another.OperationID = "put", "another"
	doc.Paths = openapi3.NewPaths(
		openapi3.WithPath(template, &openapi3.PathItem{Post: doc.Paths.Value(template).Post, Put: &put}),
		openapi3.WithPath("/another", &openapi3.PathItem{Post: &another}),
	)
	for _, test := range []struct {
		serves           func(id string) bool
		level            string
		served, left     []any
		put, postAnother int
	}{
		{func(id string) bool { return id == "submitProduct" }, "INFO", []any{"submitProduct"}, []any{"put", "another"}, 405, 404},
		{func(string) bool { return true }, "DEBUG", []any{"submitProduct", "put", "another"}, nil, 200, 200},
	} {
		log := &journal{}
		router, err := server.RouterOf(doc, test.serves, slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
		require.NoError(t, err)
		for target, status := range map[string]int{
			"POST " + goodPath: 200, "PUT " + goodPath: test.put, "POST /another": test.postAnother, "POST /unknown": 404,
		} {
			method, path, _ := strings.Cut(target, " ")
			w := httptest.NewRecorder()
			router.ServeHTTP(w, httptest.NewRequest(method, path, nil))
			require.Equal(t, status, w.Code, target)
		}
		var line map[string]any
		require.NoError(t, json.Unmarshal([]byte(log.String()), &line))
		require.Equal(t, test.level, line["level"])
		require.ElementsMatch(t, test.served, line["served"])
		require.ElementsMatch(t, test.left, line["not_served"])
	}
}
