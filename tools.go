//go:build tools

// Package enablement pins the generator that `go generate` runs. Heavier tools that only the
// project's own checks need are pinned in .tools/go.mod.
package enablement

import (
	_ "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen"
)
