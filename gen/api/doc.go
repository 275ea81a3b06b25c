// Package api holds the types, the client and the strict server interface that oapi-codegen makes
// from openapi.yaml and overlay.yaml, and by hand [Timestamp] and a few methods that read the types.
//
// It stays free of the specification itself, and so of kin-openapi: that is in package spec.
package api

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen -config api.cfg.yaml ../../openapi.yaml
