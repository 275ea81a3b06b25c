package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
)

// secondOpinion returns what oasdiff finds wrong, or can't tell. It says the same of every operation that
// uses a component; it is returned once.
func secondOpinion(oasdiff, base, revision string) ([]change, error) {
	var stderr bytes.Buffer
	//nolint:gosec // the binary is named by whoever runs this
	command := exec.Command(oasdiff, "changelog", "--format", "json", base, revision)
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("oasdiff can't compare %s with %s: %w\n%s", base, revision, err, stderr.Bytes())
	}
	type source struct {
		Line int `json:"line"`
	}
	var all []struct {
		ID       string `json:"id"`
		Text     string `json:"text"`
		Level    int    `json:"level"`
		Revision source `json:"revisionSource"`
		Base     source `json:"baseSource"`
	}
	if len(bytes.TrimSpace(out)) > 0 {
		if err := json.Unmarshal(out, &all); err != nil {
			return nil, fmt.Errorf("oasdiff's answer: %w", err)
		}
	}
	var found []change
	for _, one := range all {
		c := change{id: one.ID, text: one.Text, verdict: verdict(one.Level), line: one.Revision.Line}
		c.lines = []lines{{one.Base.Line, one.Revision.Line}}
		if c.line == 0 {
			c.line, c.gone = one.Base.Line, true
		}
		same := func(other change) bool { return other.id == c.id && other.lines[0] == c.lines[0] }
		// The verdict says by itself which version follows.
		if c.verdict > compatible && c.id != "api-version-not-bumped" && !slices.ContainsFunc(found, same) {
			found = append(found, c)
		}
	}
	return found, nil
}

// explained tells whether a change of our own stands where oasdiff found something, and is judged as strictly. What
// oasdiff can't tell is explained by any rule for that very key.
func explained(found change, changes []change) bool {
	here := func(l lines) bool {
		at := found.lines[0]
		return at.after > 0 && l.after == at.after || at.before > 0 && l.before == at.before
	}
	return slices.ContainsFunc(changes, func(c change) bool {
		return c.verdict >= found.verdict && slices.ContainsFunc(c.lines, here) ||
			found.verdict == review && here(c.lines[len(c.lines)-1])
	})
}
