package contract

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/cryptomate-go/enablement/gen/api"
)

// negatives are what the specification says of an operation, turned around: what is not described is refused, and changes
// nothing.
func negatives(op *operation) []Case {
	var all []Case
	add := func(name string, steps []Step) {
		if len(steps) > 0 {
			all = append(all, Case{Name: op.OperationID + ": " + name, SetUp: "nothing", Needs: []string{"Key"}, ReadSafe: true, Derived: true, Steps: steps})
		}
	}
	staged := func(steps []Step) []Step {
		if len(steps) == 0 {
			return nil
		}
		return slices.Concat([]Step{stage(op)}, steps, []Step{unmoved(op)})
	}
	add("other methods", otherMethods(op))
	add("key out of place", staged(keyPlaces(op)))
	add("headers twice", staged(doubled(op)))
	add("parameters", parameters(op))
	add("values out of bounds", staged(bounds(op, false)))
	add("values of another type", staged(types(op)))
	add("something left out", staged(leftOut(op)))
	add("unknown fields", staged(unknownFields(op)))
	add("fields twice", staged(fieldsTwice(op)))
	if steps := bounds(op, true); len(steps) > 0 {
		add("values at their bounds", append([]Step{stage(op)}, steps...))
		all[len(all)-1].ReadSafe = false
	}
	return all
}

// derived is a step of its own: the ones after it are run whatever becomes of it.
func derived(op *operation, name, expect string, run func(*runner, *rand.Rand), covers ...string) Step {
	name = op.OperationID + "/" + name
	return Step{Operation: op.OperationID, Call: name, Expect: expect, Covers: covers, derived: true, run: func(r *runner) {
		text := fnv.New64a()
		_, _ = text.Write([]byte(name))                     // a hash takes anything
		run(r, rand.New(rand.NewPCG(r.seed, text.Sum64()))) //nolint:gosec // it has to be repeatable
	}}
}

// refusal is a derived step that is answered with a 400.
func refusal(op *operation, name string, edit func(*http.Request, *rand.Rand), checks ...func(*answer)) Step {
	return derived(op, name, "400 "+string(api.CodeBadRequest), func(r *runner, random *rand.Rand) {
		a := r.ask(op.OperationID, r.whole(op, func(request *http.Request) { edit(request, random) })).is(http.StatusBadRequest, api.CodeBadRequest)
		for _, check := range checks {
			check(a)
		}
	}, op.OperationID+" 400 "+string(api.CodeBadRequest))
}

// whole is a call about what the case is about.
func (r *runner) whole(op *operation, edit func(*http.Request)) call {
	return call{Subject: r.at, body: r.bodyOf(op), edit: edit}
}

// stage makes what the calls of an operation are about, where that may be made. Elsewhere they are about nothing that is
// there: they are wrong all the same.
func stage(op *operation) Step {
	return Step{Call: "create what the calls are about, where the suite may", Expect: "success", run: func(r *runner) {
		r.at = unknown(r.f.Key)
		needed := []string{"createClient", "deleteClient"}
		if op.refersTo(requestParameter) {
			needed = append(needed, "requestProduct")
		}
		if r.readSafe || !op.refersTo(clientParameter) || slices.ContainsFunc(needed, func(id string) bool { return !r.serves(id) }) {
			return
		}
		create().run(r)
		if op.refersTo(requestParameter) && !r.calls[len(r.calls)-1].failed {
			request(api.CardsIndividuals).run(r)
		}
		r.stored = r.state()
	}}
}

func (o *operation) refersTo(parameter string) bool {
	return slices.Contains(o.segments, "{"+parameter+"}")
}

// state is what can be read of the case's client.
func (r *runner) state() (all []any) {
	if r.at.ClientID == unknownClient {
		return nil
	}
	for _, id := range []string{"getClient", "listProducts"} {
		if r.serves(id) {
			a := r.ask(id, here(r))
			all = append(all, a.status, a.x.received.value)
		}
	}
	return all
}

// unmoved reads what the calls before were about: they changed nothing.
func unmoved(op *operation) Step {
	return Step{Call: "read what they were about", Expect: "as before", run: func(r *runner) {
		if state := r.state(); !reflect.DeepEqual(state, r.stored) {
			r.calls[len(r.calls)-1].unexpected("", "the same as before the calls that were refused")
		}
		if op.OperationID != "createClient" || r.readSafe || !r.serves("listClients") {
			return
		}
		a := r.ask("listClients", here(r))
		list, _ := a.x.received.value.([]any)
		if slices.ContainsFunc(list, func(one any) bool {
			object, _ := one.(map[string]any)
			return slices.Contains(r.mails, text(object, "email"))
		}) {
			a.unexpected("", "no client of a call that was refused")
		}
	}}
}

// otherMethods are those that the path does not have, and headers that ask for one.
func otherMethods(op *operation) []Step {
	known := op.item.Operations()
	var steps []Step
	none := http.MethodPatch // a method that the path does not have, POST if possible: servers that obey a header do so with it
	for _, method := range []string{http.MethodPatch, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodGet, http.MethodOptions, http.MethodTrace} {
		if known[method] != nil {
			continue
		}
		if method == http.MethodPost {
			none = method
		}
		steps = append(steps, unrouted(op, "method/"+method, func(r *http.Request) {
			if r.Method = method; method == http.MethodTrace || method == http.MethodGet {
				noBody(r)
			}
		}))
	}
	for _, header := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
		steps = append(steps,
			unrouted(op, "method/"+none+"/"+header, func(r *http.Request) {
				r.Method = none
				r.Header.Set(header, op.method)
			}),
			derived(op, "method/"+header, "as without the header", func(r *runner, _ *rand.Rand) {
				r.same(op, noBody, func(r *http.Request) { r.Header.Set(header, http.MethodPatch) })
			}))
	}
	return steps
}

func unrouted(op *operation, name string, edit func(*http.Request)) Step {
	return derived(op, name, "405 "+string(api.CodeMethodNotAllowed), func(r *runner, _ *rand.Rand) {
		r.at = unknown(r.f.Key)
		r.ask(op.OperationID, r.whole(op, edit)).is(http.StatusMethodNotAllowed, api.CodeMethodNotAllowed)
	}, "ErrorCode "+string(api.CodeMethodNotAllowed))
}

// same makes a call about nothing that is there, and once more with another edit: the answers are the same.
func (r *runner) same(op *operation, edit, more func(*http.Request)) {
	r.at = unknown(r.f.Key)
	first := r.ask(op.OperationID, r.whole(op, edit))
	r.ask(op.OperationID, r.whole(op, func(request *http.Request) {
		edit(request)
		more(request)
	})).is(first.status, first.x.code())
}

// keyPlaces are those where the key doesn't belong.
func keyPlaces(op *operation) []Step {
	if op.keyHeader == "" {
		return nil
	}
	elsewhere := func(name string, put func(r *http.Request, key string)) Step {
		return derived(op, "key/"+name, "401, or 400", func(r *runner, _ *rand.Rand) {
			a := r.ask(op.OperationID, r.whole(op, func(request *http.Request) {
				request.Header.Del(op.keyHeader)
				put(request, r.f.Key)
			}))
			if a.status != http.StatusBadRequest {
				a.is(http.StatusUnauthorized, "")
			}
		})
	}
	header := func(name, before string) Step {
		return elsewhere("header "+name, func(r *http.Request, key string) { r.Header[name] = []string{before + key} })
	}
	query := func(name string) Step {
		return elsewhere("query "+name, func(r *http.Request, key string) { r.URL.RawQuery = url.Values{name: {key}}.Encode() })
	}
	steps := []Step{
		query(op.keyHeader), query("api_key"), query("key"),
		header("Authorization", "Bearer "), header("Authorization", ""),
		header("Cookie", op.keyHeader+"="), header("Cookie", "api_key="),
		header(strings.ReplaceAll(op.keyHeader, "-", "_"), ""), header(strings.TrimPrefix(op.keyHeader, "x-"), ""),
		derived(op, "key/header "+strings.ToUpper(op.keyHeader), "as any spelling of the header", func(r *runner, _ *rand.Rand) {
			at := r.at
			r.same(op, noBody, func(request *http.Request) {
				request.Header[strings.ToUpper(op.keyHeader)] = request.Header.Values(op.keyHeader)
				request.Header.Del(op.keyHeader)
			})
			r.at = at
		}),
	}
	if bodySchema(op) != "" {
		steps = append(steps, derived(op, "key/body", "401, or 400", func(r *runner, _ *rand.Rand) {
			a := r.ask(op.OperationID, r.whole(op, func(request *http.Request) {
				request.Header.Del(op.keyHeader)
				fields(set(op.keyHeader, r.f.Key))(request)
			}))
			if a.status != http.StatusBadRequest {
				a.is(http.StatusUnauthorized, "")
			}
		}))
	}
	return steps
}

// doubled are headers that stand twice.
func doubled(op *operation) []Step {
	twice := func(header, name string, first, second func(right string) string) Step {
		return refusal(op, "header "+header+"/"+name, func(r *http.Request, _ *rand.Rand) {
			right := r.Header.Get(header)
			r.Header[http.CanonicalHeaderKey(header)] = []string{first(right), second(right)}
		})
	}
	right := func(text string) string { return text }
	all := func(header string, other string) []Step {
		another := func(string) string { return other }
		return []Step{twice(header, "twice the same", right, right), twice(header, "the first of two", right, another), twice(header, "the last of two", another, right)}
	}
	var steps []Step
	if op.keyHeader != "" {
		steps = append(all(op.keyHeader, unknownKey), refusal(op, "header "+op.keyHeader+"/joined by a comma", func(r *http.Request, _ *rand.Rand) {
			r.Header.Set(op.keyHeader, r.Header.Get(op.keyHeader)+", "+r.Header.Get(op.keyHeader))
		}))
	}
	for _, parameter := range op.parameters {
		if parameter.In != openapi3.ParameterInHeader {
			continue
		}
		steps = append(steps, refusal(op, "header "+parameter.Name+"/twice the same", func(r *http.Request, _ *rand.Rand) {
			r.Header[http.CanonicalHeaderKey(parameter.Name)] = []string{"contract", "contract"}
		}), refusal(op, "header "+parameter.Name+"/two", func(r *http.Request, random *rand.Rand) {
			r.Header[http.CanonicalHeaderKey(parameter.Name)] = []string{name(random), name(random)}
		}))
	}
	if bodySchema(op) != "" {
		steps = append(steps, all("Content-Type", "text/plain")[1:]...)
	}
	return steps
}

// parameters are values that the schema of a parameter refuses, and the longest that it takes.
func parameters(op *operation) []Step {
	var steps []Step
	for _, parameter := range op.parameters {
		schema := parameter.Schema.Value
		for _, one := range variants(schema) {
			put := func(r *http.Request, random *rand.Rand) {
				setParameter(r, parameter, fmt.Sprint(one.make(random, nil)))
			}
			label := parameter.In + " " + parameter.Name + "/" + one.name
			if !one.inside {
				steps = append(steps, derived(op, label, "400 "+string(api.CodeBadRequest), func(r *runner, random *rand.Rand) {
					r.at = unknown(r.f.Key)
					value := fmt.Sprint(one.make(random, nil))
					if value == "" && parameter.In == openapi3.ParameterInPath || strings.ContainsFunc(value, unicode.IsControl) {
						return // that is another path, or what no client sends
					}
					r.ask(op.OperationID, r.whole(op, func(request *http.Request) { setParameter(request, parameter, value) })).is(http.StatusBadRequest, api.CodeBadRequest)
				}, op.OperationID+" 400 "+string(api.CodeBadRequest)))
				continue
			}
			steps = append(steps, derived(op, label, "as with any other value", func(r *runner, random *rand.Rand) {
				r.same(op, noBody, func(request *http.Request) { put(request, random) })
			}))
		}
	}
	return steps
}

// setParameter writes a value where the parameter stands.
func setParameter(r *http.Request, parameter *openapi3.Parameter, value string) {
	switch parameter.In {
	case openapi3.ParameterInPath:
		id := map[string]string{clientParameter: unknownClient, requestParameter: unknownRequest}[parameter.Name]
		r.URL.RawPath = strings.Replace(r.URL.EscapedPath(), id, url.PathEscape(value), 1)
		r.URL.Path = strings.Replace(r.URL.Path, id, value, 1)
	case openapi3.ParameterInQuery:
		r.URL.RawQuery = url.Values{parameter.Name: {value}}.Encode()
	default:
		r.Header.Set(parameter.Name, value)
	}
}

// bounds are the values of a body just outside of what their schema takes, or just inside.
func bounds(op *operation, inside bool) []Step {
	var steps []Step
	for _, p := range spots(op) {
		if p.schema.Extensions["x-max-bytes"] != nil && inside {
			continue // a text of one letter is no photo
		}
		for _, one := range variants(p.schema) {
			if one.inside != inside {
				continue
			}
			label := p.String() + "/" + one.name
			if inside {
				steps = append(steps, derived(op, label, "no 400 "+string(api.CodeBadRequest), func(r *runner, random *rand.Rand) {
					a := r.ask(op.OperationID, r.whole(op, p.change(op, func(old any) any {
						value := one.make(random, old)
						if mail, ok := value.(string); ok && p.schema.Format == "email" {
							r.mails = append(r.mails, mail)
						}
						return value
					})))
					// What is more to say about a value than its schema does is answered with VAL.
					if a.status/100 != 2 && a.x.code() != api.CodeVal {
						a.unexpected("status", "no refusal of what is described")
					}
					a.failed = a.failed || len(a.x.findings) > 0 // such as a new client without an id
				}))
				continue
			}
			steps = append(steps, wrongValue(op, label, p, one))
		}
	}
	return steps
}

func types(op *operation) []Step {
	var steps []Step
	for _, p := range spots(op) {
		for _, one := range mistyped(p.schema) {
			steps = append(steps, wrongValue(op, p.String()+"/"+one.name, p, one))
		}
	}
	return steps
}

// wrongValue is refused with the name of its field, and without the value.
func wrongValue(op *operation, label string, p spot, one variant) Step {
	return derived(op, label, "400 "+string(api.CodeBadRequest)+", with the field's name", func(r *runner, random *rand.Rand) {
		var secret string
		a := r.ask(op.OperationID, r.whole(op, p.change(op, func(old any) any {
			value := one.make(random, old)
			if text, ok := value.(string); ok && len(text) >= 8 {
				secret = text
			}
			return value
		}))).is(http.StatusBadRequest, api.CodeBadRequest)
		if len(p.path) > 0 && !a.failed {
			named(p.name(), secret)(a)
		}
	}, op.OperationID+" 400 "+string(api.CodeBadRequest))
}

// leftOut is a body without something that is required.
func leftOut(op *operation) []Step {
	var steps []Step
	for _, p := range spots(op) {
		switch {
		case len(p.path) == 0 && op.RequestBody.Value.Required:
			steps = append(steps, refusal(op, "body/left out", func(r *http.Request, _ *rand.Rand) { noBody(r) }),
				refusal(op, "header Content-Type/left out", func(r *http.Request, _ *rand.Rand) { r.Header.Del("Content-Type") }))
		case p.required:
			around := spot{path: p.path[:len(p.path)-1]}
			steps = append(steps, refusal(op, p.String()+"/left out", func(r *http.Request, _ *rand.Rand) {
				around.change(op, func(old any) any {
					delete(old.(map[string]any), p.name())
					return old
				})(r)
			}, named(p.name(), "")))
		}
	}
	return steps
}

// unknownFields are those that an object does not have, one of them a field's name in another case.
func unknownFields(op *operation) []Step {
	var steps []Step
	for _, p := range spots(op) {
		if len(p.schema.Properties) == 0 || p.schema.AdditionalProperties.Has != nil && *p.schema.AdditionalProperties.Has {
			continue
		}
		add := func(label string, field func(*rand.Rand) string) {
			steps = append(steps, derived(op, p.String()+"/"+label, "400 "+string(api.CodeBadRequest)+", with the field's name", func(r *runner, random *rand.Rand) {
				field := field(random)
				a := r.ask(op.OperationID, r.whole(op, p.change(op, func(old any) any {
					old.(map[string]any)[field] = nonsense
					return old
				}))).is(http.StatusBadRequest, api.CodeBadRequest)
				if !a.failed {
					named(field, nonsense)(a)
				}
			}, op.OperationID+" 400 "+string(api.CodeBadRequest)))
		}
		add("an unknown field", name)
		add("a field in another case", func(random *rand.Rand) string { return strings.ToUpper(p.some(random)) })
	}
	return steps
}

// some is one of an object's fields.
func (p spot) some(random *rand.Rand) string {
	names := make([]string, 0, len(p.schema.Properties))
	for name := range p.schema.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	return names[random.IntN(len(names))]
}

// fieldsTwice have one field of an object twice with the same value, once with its name in another spelling.
func fieldsTwice(op *operation) []Step {
	var steps []Step
	for _, p := range spots(op) {
		if !p.schema.Type.Is(openapi3.TypeObject) {
			continue
		}
		for _, label := range []string{"a field twice", "a field twice, once escaped"} {
			steps = append(steps, refusal(op, p.String()+"/"+label, func(r *http.Request, random *rand.Rand) {
				p.change(op, func(old any) any {
					object := old.(map[string]any)
					names := make([]string, 0, len(object))
					for name := range object {
						names = append(names, name)
					}
					slices.Sort(names)
					return twice(object, names[random.IntN(len(names))], label != "a field twice")
				})(r)
			}))
		}
	}
	return steps
}
