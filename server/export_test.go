package server

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"reflect"

	"github.com/getkin/kin-openapi/openapi3"
)

// HandlerOf is Handler over another specification than the embedded one.
func HandlerOf(doc *openapi3.T, impl any, opts ...Option) (http.Handler, error) {
	h, err := newHandler(doc, impl, opts)
	if err != nil {
		return nil, err
	}
	return h, nil
}

// ServedOf returns those of the ids that impl has a method of whole for.
func ServedOf(impl any, whole reflect.Type, ids ...string) (served []string, err error) {
	methods, err := methodsOf(impl, whole)
	for _, id := range ids {
		if methods.serve(id) {
			served = append(served, id)
		}
	}
	return served, err
}

// CallOf calls a method of impl, as it is called where impl has not all of them.
func CallOf(ctx context.Context, impl any, whole reflect.Type, method string, request any) (any, error) {
	methods, err := methodsOf(impl, whole)
	if err != nil {
		return nil, err
	}
	return methods.call(nil, method)(ctx, nil, nil, request)
}

// RouterOf is the router of a specification some of whose operations are served, by a 200.
func RouterOf(doc *openapi3.T, serves func(id string) bool, logger *slog.Logger) (http.Handler, error) {
	operations, err := operationsOf(doc)
	if err != nil {
		return nil, err
	}
	m := &router{mux: http.NewServeMux(), operations: maps.Clone(operations), serves: serves}
	m.wrap = func(_ *operation, h http.HandlerFunc) http.HandlerFunc { return h }
	for pattern := range operations {
		m.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	}
	return m, m.complete(logger)
}
