package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		before, after  string
		sent, received verdict
	}{
		{"^[a-z]{1,64}$", "^[a-z]{1,128}$", compatible, breaking},
		{"^[a-z]{1,64}$", "^[a-z0-9_-]{1,64}$", compatible, breaking},
		{"^[a-z]{1,64}$", "^[a-z]+$", compatible, breaking},
		{"^[0-9]{1,12}$", `^\d{1,12}$`, compatible, compatible},
		{"^[a-z]+$", "^[a-z]*$", compatible, breaking},
		{"^[a-z]{1,64}$", "^[a-z]{1,32}$", breaking, review},
		{"^[a-z]{1,64}$", "^[a-y]{1,64}$", breaking, review},
		{"^[a-z]*$", "^[a-z]+$", breaking, review},
		{"^[a-z]+$", "^[a-z]{1,64}$", breaking, review},
		{"^[a-f]{32}$", "^[A-F]{36}$", breaking, review},
		{"^[a-z]+$", "^[a-z]+(-[a-z]+)*$", review, review},
		{"^[a-z]+$", "[a-z]+", review, review},
		{"^[a-z]+$", "", compatible, breaking},
		{"", "^[a-z]+$", breaking, review},
	} {
		for side, want := range map[side]verdict{sent: test.sent, received: test.received} {
			d := &differ{}
			p, err := parse("", []byte("before: {pattern: '"+test.before+"'}\nafter: {pattern: '"+test.after+"'}\n"))
			require.NoError(t, err)
			both := pair{get(p.root, "before").get("pattern"), get(p.root, "after").get("pattern")}
			if test.before == "" {
				both.before = entry{}
			}
			if test.after == "" {
				both.after = entry{}
			}
			d.pattern(spot{side: side}, both)
			require.Len(t, d.changes, 1)
			require.Equal(t, want, d.changes[0].verdict, "%s to %s, side %d", test.before, test.after, side)
		}
	}
}
