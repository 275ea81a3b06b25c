package main

import (
	"regexp"
	"slices"
	"strings"
)

var number = regexp.MustCompile(`[0-9]+([.,][0-9]+)*`)

// numbers compares what descriptions count: hours, seconds, sizes. Other words may be put in another way, but
// where a number became another one, so did a rule.
func (d *differ) numbers(name string, p pair) {
	if id := p.after.get("operationId").value(); id != "" {
		name = "`" + id + "`"
	}
	for _, key := range p.keys() {
		value := p.get(key)
		switch {
		case !value.exists():
		case key == "description" && value.before.value() != "":
			before, after := counted(value.before), counted(value.after)
			gone, come := without(before, after), without(after, before)
			if len(gone) > 0 && len(come) > 0 {
				d.add(spot{name: name}, value, review, "number-changed", "the description says `%s` where it said `%s`", strings.Join(come, "`, `"), strings.Join(gone, "`, `"))
			}
		case key != "example" && key != "examples":
			d.numbers(name, value)
		}
	}
}

func counted(e entry) []string { return number.FindAllString(e.value(), -1) }

// without takes each item of one list out of another, once.
func without(all, out []string) []string {
	all = slices.Clone(all)
	for _, item := range out {
		if i := slices.Index(all, item); i >= 0 {
			all = slices.Delete(all, i, i+1)
		}
	}
	return all
}
