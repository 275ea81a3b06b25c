package main

import (
	"encoding/xml"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const some = "# Performance\n\n" + heading + "\n\n| Row | Why |\n|---|---|\n| P1 | The encoder. |\n| P10 µs-sqlite | Trees are deeper. |\n\n## More\n\n| P3 | is not in the section |\n"

func TestExplained(t *testing.T) {
	t.Parallel()
	known, err := reasons(some)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"P1": "The encoder.", "P10 µs-sqlite": "Trees are deeper."}, known)
	for _, test := range []struct {
		row, unit string
		ok, fine  bool
	}{
		{"P1", "ns", false, true},
		{"P10", "µs-sqlite", false, true},
		{"P10", "µs-postgres", false, false},
		{"P10", "µs-postgres", true, true},
		{"P3", "/s-8", false, false},
	} {
		err := explained([]result{{Row: test.row, Unit: test.unit, OK: test.ok}}, known)
		if test.fine {
			require.NoError(t, err, test)
		} else {
			require.ErrorContains(t, err, "short: "+test.row+" "+test.unit)
		}
	}
	_, err = reasons("# Performance\n")
	require.Error(t, err)
}

// TestReasons: the page gives reasons of rows that there are.
func TestReasons(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../../" + page)
	require.NoError(t, err)
	known, err := reasons(string(text))
	require.NoError(t, err)
	for of := range known {
		id, unit, whole := strings.Cut(of, " ")
		i := slices.IndexFunc(rows, func(r row) bool { return r.id == id })
		require.GreaterOrEqual(t, i, 0, of)
		require.True(t, !whole || slices.ContainsFunc(rows[i].lines, func(l line) bool { return l.unit == unit }), of)
	}
}

// TestChart: a bar for each figure, of which the one that is its goal reaches the line.
func TestChart(t *testing.T) {
	t.Parallel()
	drawn := chart([]result{
		{Row: "P1", Unit: "ns", Value: 0.9, Goal: "≤ 0.9 ×", OK: true, bound: 0.9},
		{Row: "P4", Unit: "/s", Value: 0.7, Goal: "≥ 0.35 ×", OK: true, bound: 0.35},
		{Row: "P10", Unit: "µs-sqlite", Value: 2.4, Goal: "≤ 1.2 ×", bound: 1.2},
	})
	decoder := xml.NewDecoder(strings.NewReader(drawn))
	for {
		if _, err := decoder.Token(); err != nil {
			require.ErrorIs(t, err, io.EOF)
			break
		}
	}
	require.Contains(t, drawn, "P10 sqlite  2.40 (≤ 1.2 ×)")
	for _, width := range []string{`width="260.0"`, `width="520.0"`, `width="130.0"`} {
		require.Equal(t, 1, strings.Count(drawn, width), width)
	}
}
