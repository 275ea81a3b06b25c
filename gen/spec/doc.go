// Package spec holds openapi.yaml: as it is written, and parsed, as oapi-codegen embeds it. It needs
// kin-openapi; the client and the types in package api do not.
package spec

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen -config spec.cfg.yaml ../../openapi.yaml
//go:generate cp ../../openapi.yaml openapi.gen.yaml
