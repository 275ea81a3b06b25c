package main

import (
	"fmt"

	"github.com/cryptomate-go/enablement/server/internal/lab/process"
)

// row is one thing that is measured, with what is asked of it. To add one, append it to rows; a
// measurement that Go's benchmarks do is one call of benchmark.
type row struct {
	id      string
	what    string
	measure measurement
	lines   []line
}

// line is one figure of a row.
type line struct {
	unit  string // the samples' are "ours-<unit>" and "theirs-<unit>"
	value func(ours, theirs float64) float64
	goal  goal
}

// samples are by side and unit, one for each round.
type samples map[string][]float64

// What a figure is judged by.
func ratio(ours, theirs float64) float64   { return ours / theirs }
func surplus(ours, theirs float64) float64 { return ours - theirs }
func alone(ours, _ float64) float64        { return ours }

// goal is a bound for a line's value, such as {"≤", 0.8, "×"}.
type goal struct {
	sign  string // ≤ or ≥
	bound float64
	unit  string
}

func (g goal) met(value float64) bool {
	if g.sign == "≥" {
		return value >= g.bound
	}
	return value <= g.bound
}

func (g goal) String() string { return fmt.Sprintf("%s %g %s", g.sign, g.bound, g.unit) }

// result is a line that was measured: medians over the rounds. The value is the median of the
// rounds' own values, so that a round in which the machine was slow counts as any other.
type result struct {
	Row    string               `json:"row"`
	What   string               `json:"what"`
	Unit   string               `json:"unit"`
	Ours   float64              `json:"ours"`
	Theirs *float64             `json:"theirs,omitempty"`
	Value  float64              `json:"value"`
	Goal   string               `json:"goal"`
	OK     bool                 `json:"ok"`
	Rounds map[string][]float64 `json:"rounds"`
	bound  float64              // the goal's
}

func (r row) judge(l line, s samples) (result, error) {
	ours, theirs := s["ours-"+l.unit], s["theirs-"+l.unit]
	if len(ours) == 0 || theirs != nil && len(theirs) != len(ours) {
		return result{}, fmt.Errorf("%s: %d rounds of ours and %d of theirs, in %s", r.id, len(ours), len(theirs), l.unit)
	}
	res := result{Row: r.id, What: r.what, Unit: l.unit, Ours: process.Median(ours), Goal: l.goal.String(), bound: l.goal.bound}
	res.Rounds = map[string][]float64{"ours": ours}
	values := make([]float64, len(ours))
	for i := range ours {
		var other float64
		if theirs != nil {
			other = theirs[i]
		}
		values[i] = l.value(ours[i], other)
	}
	if theirs != nil {
		other := process.Median(theirs)
		res.Theirs, res.Rounds["theirs"] = &other, theirs
	}
	res.Value = process.Median(values)
	res.OK = l.goal.met(res.Value)
	return res, nil
}
