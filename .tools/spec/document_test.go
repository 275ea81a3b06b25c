package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse_refuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a: [":                        "is not YAML",
		"- a":                         "is not a mapping",
		"a: &a {type: string}\nb: *a": "openapi.yaml:2 has a YAML alias",
		"a:\n  <<: {type: string}":    "openapi.yaml:2 has a YAML alias or merge",
	} {
		_, err := parse("openapi.yaml", []byte(text))
		require.ErrorContains(t, err, want, text)
	}
	_, err := parse("openapi.yaml", nil)
	require.Error(t, err)
}
