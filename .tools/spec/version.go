package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// step returns the version step that the changes imply, and the version that it leads to. Before
// 1.0.0 what breaks is a minor step.
func (c *comparison) step() (name, next string, err error) {
	v, err := parseVersion(c.before)
	if err != nil {
		return "", "", err
	}
	if _, err := parseVersion(c.after); err != nil {
		return "", "", err
	}
	breaks := slices.ContainsFunc(c.changes, func(change change) bool { return change.verdict == breaking })
	switch {
	case breaks && v[0] > 0:
		return "major", fmt.Sprintf("%d.0.0", v[0]+1), nil
	case len(c.changes) > 0:
		return "minor", fmt.Sprintf("%d.%d.0", v[0], v[1]+1), nil
	case c.differs:
		return "patch", fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]+1), nil
	default:
		return "", c.before, nil
	}
}

func parseVersion(text string) ([3]int, error) {
	var v [3]int
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return v, fmt.Errorf("breaking: info.version is %q: write it as major.minor.patch", text)
	}
	for i, part := range parts {
		number, err := strconv.Atoi(part)
		if err != nil || number < 0 {
			return v, fmt.Errorf("breaking: info.version is %q: write it as major.minor.patch", text)
		}
		v[i] = number
	}
	return v, nil
}

// compareVersions compares two versions that parse.
func compareVersions(a, b string) int {
	x, _ := parseVersion(a)
	y, _ := parseVersion(b)
	return slices.Compare(x[:], y[:])
}
