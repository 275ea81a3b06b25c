package main

import (
	"fmt"
	"slices"
	"strings"
)

// differ holds two specifications against each other, key by key. Every key that differs has to have a rule:
// what has none is to be reviewed, so that no edit is called compatible by accident.
type differ struct {
	before, after *document

	changes  []change
	compared map[string]bool // components, with the side that reads them
}

// side is who writes what is compared. A caller that sends less than it may is right, and one that reads has
// to expect all that may come.
type side int

const (
	sent     side = iota // by callers, and by a provider that responds to a notification
	received             // by callers, and by a provider that gets a notification
)

func (s side) other() side { return received - s }

// spot is where something stands.
type spot struct {
	name  string // for people
	side  side
	lines []lines // of all that it is in, without the operation
}

// lines are those of one key in both specifications; 0 where it isn't.
type lines struct{ before, after int }

// pair is a key of both specifications; one of them may not have it.
type pair struct{ before, after entry }

// leftOut is what a key says by being left out, so that writing it down is no change.
var leftOut = map[string]string{
	"minLength": "0", "minItems": "0", "minProperties": "0", "uniqueItems": "false", "nullable": "false",
	"exclusiveMinimum": "false", "exclusiveMaximum": "false", "readOnly": "false", "writeOnly": "false",
	"required": "false", "deprecated": "false", "allowEmptyValue": "false",
}

func (p pair) get(key string) pair {
	said := func(e entry) entry {
		e = e.get(key)
		if value, known := leftOut[key]; known && e.value() == value {
			return entry{}
		}
		return e
	}
	return pair{said(p.before), said(p.after)}
}

func (p pair) keys() []string        { return keys(p.before.node, p.after.node) }
func (p pair) added() bool           { return !p.before.exists() && p.after.exists() }
func (p pair) removed() bool         { return p.before.exists() && !p.after.exists() }
func (p pair) exists() bool          { return p.before.exists() && p.after.exists() }
func (p pair) equal() bool           { return plain(p.before.node) == plain(p.after.node) }
func (p pair) lines() lines          { return lines{p.before.line(), p.after.line()} }
func (p pair) turned(to string) bool { return p.before.value() != to && p.after.value() == to }

// compare returns all that differs, worst first.
func compare(before, after *document) []change {
	d := &differ{before: before, after: after, compared: map[string]bool{}}
	d.document(pair{entry{node: before.root}, entry{node: after.root}})
	sortChanges(d.changes)
	return d.changes
}

// in goes one step further down.
func (s spot) in(p pair, format string, args ...any) spot {
	label := fmt.Sprintf(format, args...)
	if s.name != "" {
		label = s.name + ", " + label
	}
	return spot{name: label, side: s.side, lines: append(slices.Clip(s.lines), p.lines())}
}

// kinds are what the sections of the components hold, in words.
var kinds = map[string]string{"schemas": "schema", "parameters": "parameter", "headers": "header",
	"responses": "response", "requestBodies": "body"}

// resolve follows the references of both. What both have as the same component is named after that, and it is
// compared once for each side, however often it is used: done says that it was.
func (d *differ) resolve(s spot, p pair) (at spot, resolved pair, done bool) {
	d.besideReferences(s, p)
	_, ref := d.before.resolve(p.before)
	_, other := d.after.resolve(p.after)
	if strings.HasPrefix(ref, "#/components/schemas/") && ref != other {
		d.add(s, p, review, "schema-replaced", "is not the schema `%s` any more, and the generated type is another", lastPart(ref))
	}
	p = d.follow(p)
	if ref == "" || ref != other {
		return s, p, false
	}
	section, name := lastPart(strings.TrimSuffix(ref, "/"+lastPart(ref))), lastPart(ref)
	at = spot{name: kinds[section] + " `" + name + "`", side: s.side, lines: []lines{p.lines()}}
	key := fmt.Sprint(s.side, ref)
	done = d.compared[key]
	d.compared[key] = true
	return at, p, done
}

// follow goes to what both refer to, where it has no name of its own for people.
func (d *differ) follow(p pair) pair {
	before, _ := d.before.resolve(p.before)
	after, _ := d.after.resolve(p.after)
	return pair{before, after}
}

// besideReferences compares what stands beside a $ref. Some tools read it, and others don't.
func (d *differ) besideReferences(s spot, p pair) {
	beside := func(e entry) entry {
		if e.get("$ref").exists() {
			return e
		}
		return entry{}
	}
	p = pair{beside(p.before), beside(p.after)}
	for _, key := range p.keys() {
		if key != "$ref" && !words(key) {
			d.set(s, p.get(key), review, key)
		}
	}
}

func lastPart(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }

// add notes a change. One that is in several places counts as the worst of them.
func (d *differ) add(s spot, p pair, v verdict, id, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if s.name != "" {
		text = s.name + ": " + text
	}
	c := change{id: id, text: text, verdict: v, line: p.after.line(), lines: append(slices.Clip(s.lines), p.lines())}
	if !p.after.exists() {
		c.line, c.gone = p.before.line(), true
	}
	for i, other := range d.changes {
		if other.id == id && other.text == text {
			d.changes[i].verdict = max(other.verdict, v)
			return
		}
	}
	d.changes = append(d.changes, c)
}

// set notes that a key differs.
func (d *differ) set(s spot, p pair, v verdict, key string) {
	switch {
	case p.equal():
	case p.added():
		d.add(s, p, v, key+"-added", "got `%s`%s", key, shown(" ", p.after))
	case p.removed():
		d.add(s, p, v, key+"-removed", "lost its `%s`%s", key, shown(" ", p.before))
	default:
		d.add(s, p, v, key+"-changed", "`%s` was changed%s%s", key, shown(" from ", p.before), shown(" to ", p.after))
	}
}

// shown is a scalar of one line between quotes; anything longer is not shown.
func shown(word string, e entry) string {
	if e.value() == "" || strings.Contains(e.value(), "\n") {
		return ""
	}
	return word + "`" + e.value() + "`"
}

// words are keys that only people read.
func words(key string) bool {
	switch key {
	case "description", "summary", "title", "example", "examples", "externalDocs", "tags":
		return true
	}
	return false
}

// unless is a verdict with one exception.
func unless(v verdict, fine bool) verdict {
	if fine {
		return compatible
	}
	return v
}
