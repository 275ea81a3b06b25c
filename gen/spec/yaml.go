package spec

import _ "embed" // for the copy of openapi.yaml, which go:embed can't reach where it is

//go:embed openapi.gen.yaml
var written string

// YAML returns openapi.yaml as it is written, comments and order included.
func YAML() string { return written }
