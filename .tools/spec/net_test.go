package main

import (
	"cmp"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// Whatever is edited, apart from words, is a change: each value and each key of the released specification is
// changed once.
func TestCompare_seesEveryKeyAndValue(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("released.yaml")
	require.NoError(t, err)
	before, err := parse("released.yaml", text)
	require.NoError(t, err)
	after, err := parse("released.yaml", text)
	require.NoError(t, err)
	require.Empty(t, compare(before, after))

	tried := 0
	seen := func(node *yaml.Node, value, path string) {
		tried++
		kept := node.Value
		node.Value = value
		require.NotEmpty(t, compare(before, after), "%s (line %d) became %q", path, node.Line, value)
		node.Value = kept
	}
	var walk func(node *yaml.Node, path string)
	walk = func(node *yaml.Node, path string) {
		switch node.Kind {
		case yaml.MappingNode:
			for _, e := range entries(node) {
				at := path + "/" + e.key.Value
				if spoken(path, e.key.Value) {
					continue
				}
				if !strings.HasSuffix(path, "/components") && path != "" {
					seen(e.key, e.key.Value+"x", at)
				}
				walk(e.node, at)
			}
		case yaml.SequenceNode:
			for _, item := range node.Content {
				walk(item, path+"/-")
			}
		case yaml.ScalarNode:
			other := map[string]string{"true": "false", "false": "true"}[node.Value]
			if !strings.HasSuffix(path, "/$ref") {
				seen(node, cmp.Or(other, node.Value+"1"), path)
			}
		}
	}
	walk(after.root, "")
	require.Greater(t, tried, 1000)
}

// spoken tells whether a key holds words, or what is compared elsewhere.
func spoken(path, key string) bool {
	if strings.HasSuffix(path, "/properties") || strings.HasSuffix(path, "/headers") {
		return false
	}
	return words(key) || strings.HasPrefix(path, "/info") || path == "" && key == "openapi"
}
