// Package spec holds openapi.yaml: as it is written ([YAML]), and parsed ([GetSpec]), as oapi-codegen embeds
// it with gen/api/overlay.yaml. What is written is open to values, fields and statuses that are not known yet,
// so that callers get along with them; what is embedded has those of today, which a server is held to. The
// package needs kin-openapi; the client and the types in package api do not.
package spec

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen -config spec.cfg.yaml ../../openapi.yaml
//go:generate cp ../../openapi.yaml openapi.gen.yaml
