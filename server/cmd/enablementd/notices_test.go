package main_test

import (
	"debug/buildinfo"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNotices: the program names every module it is built from, with a licence.
func TestNotices(t *testing.T) {
	t.Parallel()
	r := command(t, "", "notices")
	require.Zero(t, r.code, r.err)
	info, err := buildinfo.ReadFile(binary)
	require.NoError(t, err)
	require.NotEmpty(t, info.Deps)
	for _, module := range info.Deps {
		require.Contains(t, r.out, "\n"+module.Path+" "+module.Version+"\n", "run 'make generate'")
	}
	require.Contains(t, r.out, "Mozilla Public License")
}
