package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAccept(t *testing.T) {
	t.Parallel()
	e := edit{after: submit, from: "x-access-level: 3", to: "x-access-level: 4"}
	const fits = "x-access-level-changed | `submitProduct`: `x-access-level` was changed from `3` to `4` | "
	for name, test := range map[string]struct{ lines, refused string }{
		"nothing":                   {"# words\n\n", "plan a major version"},
		"the change":                {fits + "nobody of level 3 calls it\n", ""},
		"without a reason":          {fits + "\n", "accepted.txt:1 is not ID | TEXT | REASON"},
		"another change as well":    {fits + "why\nfield-removed | it: was removed | why\n", "accepted.txt:2 accepts a change that openapi.yaml does not have"},
		"another id with its words": {"pattern-changed | `submitProduct`: `x-access-level` was changed from `3` to `4` | why", "accepted.txt:1 accepts a change"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := e.judge(t)
			file := filepath.Join(t.TempDir(), "accepted.txt")
			require.NoError(t, os.WriteFile(file, []byte(test.lines), 0o600))
			var out bytes.Buffer
			err := c.accept(file, true)
			if err == nil {
				err = c.verdict(&out)
			}
			if test.refused == "" {
				require.NoError(t, err)
				require.Contains(t, out.String(), "nobody of level 3 calls it")
				require.Contains(t, out.String(), "a major step: info.version is 1.0.0, release this as 2.0.0 or later")
				return
			}
			require.ErrorContains(t, err, test.refused)
		})
	}
}

// The line that the verdict prints is one that the file takes, whatever stands in the way of a release.
func TestVerdict_printsTheLineThatAccepts(t *testing.T) {
	t.Parallel()
	for _, e := range breakingEdits {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			c := e.judge(t)
			var lines string
			for _, change := range c.changes {
				if change.verdict > compatible {
					lines += change.id + " | " + change.text + " | why\n"
				}
			}
			file := filepath.Join(t.TempDir(), "accepted.txt")
			require.NoError(t, os.WriteFile(file, []byte(lines), 0o600))
			require.NoError(t, c.accept(file, true))
			require.NoError(t, c.verdict(t.Output()))
		})
	}
}

func TestAccept_namesChangesThatCompatibleEditsDoNotHave(t *testing.T) {
	t.Parallel()
	c := edit{after: submit, from: "x-access-level: 3", to: "x-access-level: 2"}.judge(t)
	file := filepath.Join(t.TempDir(), "accepted.txt")
	require.NoError(t, os.WriteFile(file, []byte("x-access-level-changed | `submitProduct`: `x-access-level` was changed from `3` to `2` | why\n"), 0o600))
	require.ErrorContains(t, c.accept(file, true), "turns nobody away: remove the line")
	require.NoError(t, c.accept(file, false), "compared with something else than the release")
}
