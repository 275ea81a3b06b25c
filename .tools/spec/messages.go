package main

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// parameters compares those of an operation, with those of its path. They are told apart by place and name.
func (d *differ) parameters(s spot, item, operation pair) {
	collect := func(root *document, lists ...entry) map[string]entry {
		all := map[string]entry{}
		for _, e := range lists {
			for _, parameter := range list(e.get("parameters").node) {
				found, _ := root.resolve(entry{key: parameter, node: parameter})
				name := get(found.node, "name").value()
				if get(found.node, "in").value() == "header" {
					name = strings.ToLower(name)
				}
				all[get(found.node, "in").value()+" parameter `"+name+"`"] = entry{key: parameter, node: parameter}
			}
		}
		return all
	}
	before, after := collect(d.before, item.before, operation.before), collect(d.after, item.after, operation.after)
	for _, name := range union(before, after) {
		d.field(s, pair{before[name], after[name]}, name)
	}
}

// union returns the names of both, sorted.
func union(before, after map[string]entry) []string {
	names := maps.Clone(before)
	maps.Copy(names, after)
	return slices.Sorted(maps.Keys(names))
}

// field compares a parameter, or a header of a response.
func (d *differ) field(s spot, p pair, name string) {
	at, resolved, done := d.resolve(s.in(p, "%s", name), p)
	required := resolved.after.get("required").value() == "true"
	switch {
	case p.removed():
		d.add(s, p, breaking, "field-removed", "%s was removed", name)
		return
	case p.added():
		d.add(s, p, unless(breaking, !required), "field-added", "%s was added%s", name, map[bool]string{true: ", and is required"}[required])
		return
	case done:
		return
	}
	for _, key := range resolved.keys() {
		switch value := resolved.get(key); key {
		case "name", "in":
		case "required":
			d.required(at, value)
		case "schema":
			d.schema(at, value)
		case "deprecated":
			d.set(at, value, compatible, key)
		default:
			if !words(key) {
				d.set(at, value, review, key)
			}
		}
	}
}

// required compares whether a parameter, a header or a body has to be there. Who writes responses today does
// not write what becomes required.
func (d *differ) required(s spot, p pair) {
	if p.turned("true") {
		d.add(s, p, breaking, "became-required", "is required now")
	} else if p.before.value() == "true" && p.after.value() != "true" {
		d.add(s, p, unless(breaking, s.side == sent), "became-optional", "is optional now")
	}
}

func (d *differ) body(s spot, p pair) {
	at, resolved, done := d.resolve(s.in(p, "the body"), p)
	required := resolved.after.get("required").value() == "true"
	switch {
	case p.removed():
		d.add(s, p, breaking, "body-removed", "has no body any more")
		return
	case p.added():
		d.add(s, p, unless(breaking, !required && s.side == sent), "body-added", "has a body now%s", map[bool]string{true: ", and it is required"}[required])
		return
	case done:
		return
	}
	for _, key := range resolved.keys() {
		switch value := resolved.get(key); key {
		case "required":
			d.required(at, value)
		case "content":
			d.content(at, value)
		default:
			if !words(key) {
				d.set(at, value, review, key)
			}
		}
	}
}

func (d *differ) content(s spot, p pair) {
	for _, media := range p.keys() {
		value := p.get(media)
		at := s.in(value, "`%s`", media)
		switch {
		case value.removed():
			d.add(s, value, breaking, "media-type-removed", "the media type `%s` was removed", media)
			continue
		case value.added():
			d.add(s, value, unless(review, s.side == sent && p.exists()), "media-type-added", "the media type `%s` was added", media)
			continue
		}
		d.codes(at, value)
		for _, key := range value.keys() {
			switch {
			case key == "schema":
				d.schema(at, value.get(key))
			case !words(key):
				d.set(at, value.get(key), review, key)
			}
		}
	}
}

// codes compares the error codes that the examples of a response show. Servers are held to them.
func (d *differ) codes(s spot, p pair) {
	shown := func(root *document, media entry) map[string]entry {
		all := map[string]entry{}
		examples := []entry{media.get("example")}
		for _, example := range entries(media.get("examples").node) {
			found, _ := root.resolve(example)
			examples = append(examples, found.get("value"))
		}
		for _, example := range examples {
			if code := example.get("code"); code.exists() {
				all[code.value()] = code
			}
		}
		return all
	}
	before, after := shown(d.before, p.before), shown(d.after, p.after)
	for _, code := range union(before, after) {
		switch example := (pair{before[code], after[code]}); {
		case example.added():
			d.add(s, example, compatible, "code-added", "an example shows the code `%s` now", code)
		case example.removed():
			d.add(s, example, review, "code-removed", "no example shows the code `%s` any more: servers that send it break the specification", code)
		}
	}
}

// responses compares what the other side says. A new success may mean something else than the old one; an
// error that is new is one of those that callers are told to expect.
func (d *differ) responses(s spot, p pair) {
	s.side = s.side.other()
	for _, status := range p.keys() {
		value := p.get(status)
		failure := status == "default" || strings.HasPrefix(status, "4") || strings.HasPrefix(status, "5")
		switch {
		case strings.HasPrefix(status, "x-"):
			d.set(s, value, review, status)
		case value.removed() && (!failure || s.side == sent):
			d.add(s, value, breaking, "response-removed", "the response %s was removed", status)
		case value.removed():
			d.add(s, value, review, "response-removed", "the response %s was removed: servers that send it break the specification", status)
		case value.added():
			d.add(s, value, unless(review, failure || s.side == sent), "response-added", "the response %s was added", status)
		default:
			d.response(s, value, status)
		}
	}
}

// headers are those of a response by their names, of which the case is no matter.
func headers(e entry) map[string]entry {
	all := map[string]entry{}
	for _, header := range entries(e.node) {
		all[http.CanonicalHeaderKey(header.key.Value)] = header
	}
	return all
}

func (d *differ) response(s spot, p pair, status string) {
	at, p, done := d.resolve(s.in(p, "response %s", status), p)
	if done {
		return
	}
	for _, key := range p.keys() {
		value := p.get(key)
		switch key {
		case "headers":
			before, after := headers(value.before), headers(value.after)
			for _, name := range union(before, after) {
				d.field(at, pair{before[name], after[name]}, "header `"+name+"`")
			}
		case "content":
			d.content(at, value)
		case "links":
			for _, name := range value.keys() {
				link := d.follow(value.get(name))
				if link.added() {
					d.add(at, link, compatible, "link-added", "the link `%s` was added", name)
				} else {
					d.unknown(at.in(link, "link `%s`", name), link)
				}
			}
		default:
			if !words(key) {
				d.set(at, value, review, key)
			}
		}
	}
}
