package main

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

func (d *differ) schema(s spot, p pair) {
	if !p.exists() {
		d.set(s, p, review, "schema")
		return
	}
	at, p, done := d.resolve(s, p)
	if done {
		return
	}
	for _, key := range p.keys() {
		value := p.get(key)
		switch key {
		case "type":
			d.set(at, value, breaking, key)
		case "pattern":
			d.pattern(at, value)
		case "format":
			d.format(at, value)
		case "minimum", "minLength", "minItems", "minProperties":
			d.bound(at, value, key, false)
		case "maximum", "maxLength", "maxItems", "maxProperties", "x-max-bytes":
			d.bound(at, value, key, true)
		case "nullable":
			d.nullable(at, value)
		case "deprecated":
			d.set(at, value, compatible, key)
		case "x-personal": // less of it lets personal data into what is recorded
			d.set(at, value, unless(review, value.after.value() == "true" || value.added()), key)
		case "required":
			d.requiredNames(at, value)
		case "properties":
			d.properties(at, value)
		case "items", "not", "additionalProperties":
			d.inner(at, value, key)
		case "allOf", "oneOf", "anyOf":
			d.parts(at, value, key)
		case "enum":
			d.values(at, value, key, breaking)
		case "x-extensible-enum":
			d.values(at, value, key, compatible)
		default:
			if !words(key) {
				d.set(at, value, review, key)
			}
		}
	}
}

// format compares what a text or number is. That of a number is a type of its own in many languages.
func (d *differ) format(s spot, p pair) {
	number := slices.Contains([]string{"int32", "int64", "float", "double"}, p.before.value())
	switch {
	case s.side == received, p.removed() && number:
		d.set(s, p, review, "format")
	default:
		d.set(s, p, unless(breaking, p.removed()), "format")
	}
}

// bound compares a limit. Where an extension has none, the server has one that is not known here. One that asks less of callers than before turns nobody away. In a response it is the
// other way round, where servers of today keep to a limit that is new.
func (d *differ) bound(s spot, p pair, key string, upper bool) {
	if p.equal() {
		return
	}
	before, err := strconv.ParseFloat(p.before.value(), 64)
	after, err2 := strconv.ParseFloat(p.after.value(), 64)
	wider := p.removed()
	switch {
	case p.removed() && strings.HasPrefix(key, "x-"), p.added() && key == "x-max-body", p.exists() && (err != nil || err2 != nil):
		d.set(s, p, review, key)
		return
	case p.exists():
		wider = upper == (after > before)
	}
	v := unless(breaking, wider)
	if s.side == received {
		v = review
		if wider {
			v = breaking
		}
	}
	d.set(s, p, v, key)
}

func (d *differ) nullable(s spot, p pair) {
	became := p.turned("true")
	switch {
	case !became && p.before.value() != "true":
	case s.side == sent:
		d.set(s, p, unless(breaking, became), "nullable")
	case became:
		d.set(s, p, breaking, "nullable")
	default:
		d.set(s, p, review, "nullable")
	}
}

func (d *differ) requiredNames(s spot, p pair) {
	for _, name := range unionOf(p) {
		switch before, after := has(p.before.node, name), has(p.after.node, name); {
		case !before && after:
			d.add(s.in(p, "`%s`", name), p, breaking, "became-required", "is required now")
		case before && !after:
			d.add(s.in(p, "`%s`", name), p, unless(breaking, s.side == sent), "became-optional", "is optional now")
		}
	}
}

func (d *differ) properties(s spot, p pair) {
	for _, name := range p.keys() {
		property := p.get(name)
		at := s.in(property, "`%s`", name)
		switch {
		case property.removed():
			d.add(at, property, breaking, "property-removed", "was removed")
		case property.added():
			d.add(at, property, compatible, "property-added", "was added")
		default:
			d.schema(at, property)
		}
	}
}

// inner compares a schema within a schema, or true or false in the place of one.
func (d *differ) inner(s spot, p pair, key string) {
	isSchema := func(e entry) bool { return e.exists() && e.node.Kind == yaml.MappingNode }
	switch opened := key == "additionalProperties" && p.before.value() == "false"; {
	case isSchema(p.before) && isSchema(p.after):
		d.schema(s.in(p, "`%s`", key), p)
	case s.side == sent && key != "items":
		d.set(s, p, unless(breaking, opened), key)
	default:
		d.set(s, p, review, key)
	}
}

// parts compares the schemas of a combination, as long as there are as many.
func (d *differ) parts(s spot, p pair, key string) {
	before, after := list(p.before.node), list(p.after.node)
	if len(before) != len(after) {
		d.set(s, p, review, key)
		return
	}
	for i := range before {
		part := pair{entry{key: before[i], node: before[i]}, entry{key: after[i], node: after[i]}}
		d.schema(s.in(part, "`%s` %d", key, i+1), part)
	}
}

// values compares the values that there are. more is what one more means to those who receive it.
func (d *differ) values(s spot, p pair, key string, more verdict) {
	switch {
	case p.added() && key == "enum" && s.side == sent:
		d.set(s, p, breaking, key)
		return
	case p.removed() && s.side == sent:
		d.set(s, p, compatible, key)
		return
	case p.added() || p.removed():
		d.set(s, p, review, key)
		return
	}
	for _, value := range unionOf(p) {
		switch before, after := has(p.before.node, value), has(p.after.node, value); {
		case !before && after:
			d.add(s, p, unless(more, s.side == sent), "value-added", "the value `%s` was added", value)
		case before && !after && s.side == sent:
			d.add(s, p, breaking, "value-removed", "the value `%s` was removed", value)
		case before && !after:
			d.add(s, p, review, "value-removed", "the value `%s` was removed: servers that send it break the specification", value)
		}
	}
}

// unionOf returns the items of two sequences, each once.
func unionOf(p pair) []string {
	var all []string
	for _, item := range slices.Concat(list(p.after.node), list(p.before.node)) {
		if !slices.Contains(all, item.Value) {
			all = append(all, item.Value)
		}
	}
	return all
}

func has(node *yaml.Node, value string) bool {
	return slices.ContainsFunc(list(node), func(item *yaml.Node) bool { return item.Value == value })
}
