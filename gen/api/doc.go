// Package api has the types, the client and the strict server interface that oapi-codegen generates from
// openapi.yaml and overlay.yaml. [Timestamp], [Image] and a few methods of the types are written by hand.
//
// The specification itself, which needs kin-openapi, is in package spec, so that this package stays light.
package api

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen -config api.cfg.yaml ../../openapi.yaml
