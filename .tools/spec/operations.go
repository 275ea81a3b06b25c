package main

import (
	"cmp"
	"slices"
	"strings"
)

var methods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}

func (d *differ) document(p pair) {
	for _, key := range p.keys() {
		switch value := p.get(key); key {
		case "info":
			d.info(value)
			d.numbers("info", value)
		case "servers":
			d.servers(value)
		case "paths":
			d.paths(value)
			d.numbers("", value)
		case "components":
			d.components(value)
		case "openapi":
			both30 := strings.HasPrefix(value.before.value(), "3.0.") && strings.HasPrefix(value.after.value(), "3.0.")
			d.set(spot{}, value, unless(review, both30), key)
		case "security": // compared as the operations have it
		default:
			if !words(key) {
				d.set(spot{}, value, review, key)
			}
		}
	}
}

func (d *differ) info(p pair) {
	for _, key := range p.keys() {
		if key != "version" && key != "contact" && key != "license" && key != "termsOfService" && !words(key) {
			d.set(spot{name: "info"}, p.get(key), review, key)
		}
	}
}

// servers are addresses that callers use.
func (d *differ) servers(p pair) {
	urls := func(e entry) map[string]entry {
		all := map[string]entry{}
		for _, server := range list(e.node) {
			all[get(server, "url").value()] = entry{key: server, node: server}
		}
		return all
	}
	before, after := urls(p.before), urls(p.after)
	for _, url := range union(before, after) {
		server := pair{before[url], after[url]}
		switch {
		case server.removed():
			d.add(spot{}, server, breaking, "server-removed", "the server `%s` was removed", url)
		case server.added():
			d.add(spot{}, server, compatible, "server-added", "the server `%s` was added", url)
		default:
			d.unknown(spot{name: "server `" + url + "`"}, server)
		}
	}
	first := func(e entry) string {
		for _, server := range list(e.node) {
			return get(server, "url").value()
		}
		return ""
	}
	if was, is := first(p.before), first(p.after); was != is && after[was].exists() {
		d.add(spot{}, p, review, "server-order", "the first server is `%s` now instead of `%s`, and clients that are told none take the first", is, was)
	}
}

// unknown compares what has no rules of its own: whatever differs, apart from words, is to be reviewed.
func (d *differ) unknown(s spot, p pair) {
	for _, key := range p.keys() {
		if !words(key) {
			d.set(s, p.get(key), review, key)
		}
	}
}

func (d *differ) paths(p pair) {
	for _, path := range p.keys() {
		if !strings.HasPrefix(path, "/") {
			d.set(spot{name: "paths"}, p.get(path), review, path)
			continue
		}
		d.pathItem(spot{side: sent}, p.get(path), path, true)
	}
}

// pathItem compares the operations of a path. Only callers choose what they call: a provider gets what it is
// sent, so that an operation more is no matter for callers alone.
func (d *differ) pathItem(s spot, p pair, path string, optional bool) {
	for _, key := range p.keys() {
		value := p.get(key)
		at := spot{name: s.name, side: s.side}
		switch {
		case slices.Contains(methods, key):
			name := strings.ToUpper(key) + " " + path
			switch {
			case value.removed():
				d.add(at, value, breaking, "operation-removed", "the operation `%s` was removed", name)
			case value.added():
				d.add(at, value, unless(review, optional), "operation-added", "the operation `%s` was added", name)
			default:
				d.operation(at, p, value, name)
			}
		case key == "parameters": // compared with those of the operations
		default:
			if !words(key) {
				d.set(at.in(value, "`%s`", path), value, review, key)
			}
		}
	}
}

func (d *differ) operation(s spot, item, p pair, name string) {
	if id := p.after.get("operationId").value(); id != "" && id == p.before.get("operationId").value() {
		name = id
	}
	s.name = "`" + name + "`" // its line is none that says what differs
	s.lines = nil
	d.parameters(s, item, p)
	d.security(s, p)
	for _, key := range p.keys() {
		switch value := p.get(key); key {
		case "parameters", "security":
		case "requestBody":
			d.body(s, value)
		case "responses":
			d.responses(s, value)
		case "callbacks":
			d.callbacks(s, value)
		case "deprecated":
			d.set(s, value, compatible, key)
		case "tags":
			d.set(s, value, review, key) // generators name classes after them
		case "x-access-level":
			d.bound(s, value, key, false)
		case "x-max-body":
			d.bound(s, value, key, true)
		default:
			if !words(key) {
				d.set(s, value, review, key)
			}
		}
	}
}

// security compares what an operation asks for, by itself or as all do.
func (d *differ) security(s spot, p pair) {
	effective := func(e entry, root *document) entry {
		if own := e.get("security"); own.exists() {
			return own
		}
		return get(root.root, "security")
	}
	d.set(s, pair{effective(p.before, d.before), effective(p.after, d.after)}, review, "security")
}

// callbacks are calls to the provider: it reads what they send, and sends what they respond.
func (d *differ) callbacks(s spot, p pair) {
	for _, name := range p.keys() {
		callback := d.follow(p.get(name))
		at := spot{name: s.name + ", notification `" + name + "`", side: s.side.other()}
		switch {
		case callback.removed():
			d.add(at, callback, breaking, "notification-removed", "is not sent any more")
			continue
		case callback.added():
			d.add(at, callback, review, "notification-added", "is sent to providers that don't know it")
			continue
		}
		for _, address := range callback.keys() {
			item := callback.get(address)
			if item.added() || item.removed() {
				d.set(at, item, review, address)
				continue
			}
			d.pathItem(at, item, address, false)
		}
	}
}

// components compares what is not compared where it is used: the schemes of keys, and the names that types
// are generated with.
func (d *differ) components(p pair) {
	schemes := p.get("securitySchemes")
	for _, name := range schemes.keys() {
		scheme := schemes.get(name)
		at := spot{name: "security scheme `" + name + "`", lines: []lines{scheme.lines()}}
		switch {
		case scheme.removed():
			d.add(at, scheme, breaking, "scheme-removed", "was removed")
		case scheme.added():
			d.add(at, scheme, compatible, "scheme-added", "was added")
		default:
			for _, key := range scheme.keys() {
				value := scheme.get(key)
				sameHeader := key == "name" && strings.EqualFold(value.before.value(), value.after.value())
				if !words(key) && !sameHeader {
					d.set(at, value, breaking, key)
				}
			}
		}
	}
	for _, section := range []string{"schemas", "parameters", "requestBodies", "responses"} {
		for _, name := range p.get(section).keys() {
			if component := p.get(section).get(name); component.removed() {
				kind := kinds[section]
				d.add(spot{name: kind + " `" + name + "`"}, component, review, kind+"-removed", "was removed, and the generated type of that name with it")
			}
		}
	}
	for _, section := range p.keys() {
		value := p.get(section)
		if strings.HasPrefix(section, "x-") {
			d.set(spot{name: "components"}, value, review, section)
			continue
		}
		for _, name := range value.keys() {
			d.numbers(cmp.Or(kinds[section], "component")+" `"+name+"`", value.get(name))
		}
	}
}
