package selftest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/cryptomate-go/enablement/server/contract/internal/minimal"
)

// repair makes a call as described of one that isn't, and tells whether it had to.
type repair func(r *http.Request, a about) bool

// tolerances are servers that take one kind of call that isn't described, by the case that must find it.
var tolerances = map[string]struct {
	name   string
	repair repair
}{
	"other methods": {"obeys X-HTTP-Method-Override", func(r *http.Request, _ about) bool {
		method := r.Header.Get("X-HTTP-Method-Override")
		if method != "" {
			r.Method = method
		}
		return method != ""
	}},
	"key out of place": {"takes the key as a bearer token", func(r *http.Request, a about) bool {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if ok {
			r.Header.Set("x-api-key", token)
		}
		return ok && a.key == ""
	}},
	"headers twice": {"takes the last of two keys", func(r *http.Request, _ about) bool {
		keys := r.Header.Values("x-api-key")
		if len(keys) > 1 {
			r.Header["X-Api-Key"] = keys[len(keys)-1:]
		}
		return len(keys) > 1
	}},
	"parameters": {"cuts what is too long", func(r *http.Request, a about) bool {
		switch {
		case len(a.idempotencyKeys) == 1 && len(a.idempotencyKeys[0]) > 255:
			r.Header.Set("Idempotency-Key", a.idempotencyKeys[0][:255])
			return true
		case len(a.client) > 64:
			r.URL.Path = strings.Replace(r.URL.Path, a.client, a.client[:64], 1)
			return true
		}
		return false
	}},
	"values out of bounds": {"cuts a text that is too long", ofFields(func(object map[string]any) bool {
		for name, most := range map[string]int{"first_name": 50, "subproduct": 64, "document_type": 64} {
			if text, _ := object[name].(string); utf8.RuneCountInString(text) > most {
				object[name] = string([]rune(text)[:most])
				return true
			}
		}
		return false
	})},
	"values of another type": {"takes a number as a text", ofFields(func(object map[string]any) bool {
		for _, name := range []string{"first_name", "subproduct", "document_type"} {
			if _, number := object[name].(json.Number); number {
				object[name] = "contract"
				return true
			}
		}
		return false
	})},
	"something left out": {"does without a field", ofFields(func(object map[string]any) bool {
		absent := func(name string) bool {
			_, there := object[name]
			return !there
		}
		switch {
		case object["first_name"] != nil && absent("last_name"):
			object["last_name"] = "contract"
		case len(object) == 0:
			object["subproduct"] = "contract"
		case object["image_front"] != nil && absent("document_type"):
			object["document_type"] = "contract"
		default:
			return false
		}
		return true
	})},
	"unknown fields": {"passes over a field that it doesn't know", ofFields(func(object map[string]any) bool {
		before := len(object)
		if object["number"] != nil {
			return false // metadata has any names
		}
		for name := range object {
			if strings.HasPrefix(name, "contract_") {
				delete(object, name)
			}
		}
		return len(object) < before
	})},
	"fields twice": {"takes the last of two fields", func(r *http.Request, a about) bool {
		fields, ok := decoded(a.body)
		if !ok {
			return false
		}
		once, _ := json.Marshal(fields) // it came from JSON
		var compact bytes.Buffer
		_ = json.Compact(&compact, []byte(a.body)) // it is JSON
		setBody(r, once)
		return len(once) < compact.Len()
	}},
}

// ofFields repairs an object of a body, the outermost that it can.
func ofFields(change func(object map[string]any) bool) repair {
	return func(r *http.Request, a about) bool {
		body, ok := decoded(a.body)
		if !ok || len(a.body) > 10_000 || !anywhere(body, change) {
			return false
		}
		changed, _ := json.Marshal(body) // it came from JSON
		setBody(r, changed)
		return true
	}
}

func anywhere(value any, change func(object map[string]any) bool) bool {
	object, ok := value.(map[string]any)
	if !ok {
		return false
	}
	if change(object) {
		return true
	}
	for _, below := range object {
		if anywhere(below, change) {
			return true
		}
	}
	return false
}

func decoded(body string) (value any, ok bool) {
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.UseNumber()
	err := decoder.Decode(&value)
	return value, err == nil && json.Valid([]byte(body))
}

func setBody(r *http.Request, body []byte) {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
}

// tolerant is the minimal service that takes from one operation what isn't described.
func tolerant(operation, class string) Fault {
	tolerance := tolerances[class]
	inCase := operation + ": " + class
	return service(operation+" "+tolerance.name, "case.expectation", inCase, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent, a := r.Clone(r.Context()), aboutOf(r)
			sent.Body = io.NopCloser(strings.NewReader(a.body))
			if tolerance.repair(sent, a) && aboutOf(sent).operation == operation {
				next.ServeHTTP(w, sent)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
}

// narrow is the minimal service that refuses what is just inside of the bounds.
func narrow(operation string) Fault {
	inCase := operation + ": values at their bounds"
	return service(operation+" is off by one", "case.expectation", inCase, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a := aboutOf(r)
			body, _ := decoded(a.body)
			longest := anywhere(body, func(object map[string]any) bool {
				first, _ := object["first_name"].(string)
				subproduct, _ := object["subproduct"].(string)
				kind, _ := object["document_type"].(string)
				return utf8.RuneCountInString(first) == 50 || utf8.RuneCountInString(subproduct) == 64 || utf8.RuneCountInString(kind) == 64
			})
			if a.operation == operation && a.key == minimal.Key && longest {
				send(w, refusal(400, "BAD_REQUEST"))
				return
			}
			next.ServeHTTP(w, r)
		})
	})
}
