package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/cryptomate-go/enablement/gen/api"
)

// Ids and a key that no server has.
const (
	unknownClient  = "contract_unknown_client"
	unknownRequest = "contract_unknown_request"
	unknownKey     = "contract-unknown-key"
)

func unknown(key string) Subject {
	return Subject{ClientID: unknownClient, RequestID: unknownRequest, Key: key}
}

// situations are those of every operation: what it refuses whatever it is for.
func situations(op *operation) []Case {
	return slices.Concat(access(op), malformed(op), bodies(op), trouble(op))
}

// nowhere is a call as described about nothing that is there.
func nowhere(op *operation, key func(Fixtures) string, edit func(*http.Request)) func(*runner) call {
	return func(r *runner) call {
		return call{Subject: unknown(key(r.f)), body: r.bodyOf(op), edit: edit}
	}
}

// bodyOf is a body that the operation takes; nil where it takes none.
func (r *runner) bodyOf(op *operation) any {
	switch bodySchema(op) {
	case "":
		return nil
	case "ClientInput":
		return r.person()
	case "DocumentationInput":
		return passport()(r).body
	default:
		return api.ProductInput{Subproduct: string(api.CardsIndividuals)}
	}
}

// bodySchema is the component that the body is of.
func bodySchema(op *operation) string {
	if op.RequestBody == nil {
		return ""
	}
	return component(op.RequestBody.Value.Content["application/json"].Schema)
}

func normalKey(f Fixtures) string { return f.Key }

// one is a case of one call that changes nothing.
func one(op *operation, name, words string, status int, code api.ErrorCode, needs []string, make func(*runner) call) Case {
	return Case{
		Name: op.OperationID + ": " + name, SetUp: "nothing", Needs: needs, ReadSafe: true,
		Steps: []Step{does(op.OperationID, words, status, code, "", make)},
	}
}

func access(op *operation) []Case {
	refused := func(name, words, fixture string, code api.ErrorCode, key func(Fixtures) string) Case {
		var needs []string
		if fixture != "" {
			needs = []string{fixture}
		}
		return one(op, name, words, 401, code, needs, nowhere(op, key, nil))
	}
	all := []Case{
		refused("no key", "without an API key", "", api.CodeAuth, func(Fixtures) string { return "" }),
		refused("unknown key", "with a key that was never issued", "", api.CodeAuth, func(Fixtures) string { return unknownKey }),
		refused("revoked key", "with a key that was revoked or expired", "RevokedKey", api.CodeAuth, func(f Fixtures) string { return f.RevokedKey }),
		refused("barred key", "with a key for another address", "BarredKey", api.CodeAPIError, func(f Fixtures) string { return f.BarredKey }),
	}
	all = append(all, nearly(op))
	if op.level > 1 {
		all = append(all, refused("low level", "with a key whose level is too low", "LowLevelKey", api.CodeAPIError, func(f Fixtures) string { return f.LowLevelKey }))
	}
	if !slices.Contains(op.segments, "{"+clientParameter+"}") {
		return all
	}
	all = append(all, one(op, "unknown client", "for a client that isn't there", 404, api.CodeNotFound, []string{"Key"}, nowhere(op, normalKey, nil)))
	steps := []Step{create()}
	if slices.Contains(op.segments, "{"+requestParameter+"}") {
		all = append(all, Case{Name: op.OperationID + ": unknown request", SetUp: "nothing", Needs: []string{"Key"}, Steps: []Step{
			create(), does(op.OperationID, "for a request that the client doesn't have", 404, api.CodeNotFound, "", func(r *runner) call {
				return call{Subject: Subject{ClientID: r.at.ClientID, RequestID: unknownRequest, Key: r.f.Key}, body: r.bodyOf(op)}
			}),
		}})
		steps = append(steps, request(api.CardsIndividuals))
	}
	steps = append(steps,
		does(op.OperationID, "with a key of another company, for a client that isn't there", 404, api.CodeNotFound, "", nowhere(op, func(f Fixtures) string { return f.OtherCompanyKey }, nil)),
		does(op.OperationID, "with that key, for this client", 404, api.CodeNotFound, "in the same words", func(r *runner) call {
			c := asOther(r)
			c.body = r.bodyOf(op)
			return c
		}, func(a *answer) {
			before := a.r.before[len(a.r.before)-2]
			if a.worded(a.r.at) != before.worded(unknown("")) {
				a.x.find(ruleLeak, "/message", a.line(), "the words for a client that isn't there", nil)
			}
		}))
	return append(all, Case{Name: op.OperationID + ": another company's", SetUp: "a key of another company", Needs: []string{"Key", "OtherCompanyKey"}, Steps: steps})
}

// nearly has keys that are nearly right: whoever compares a part of them, or without regard to their case, takes them.
func nearly(op *operation) Case {
	one := Case{Name: op.OperationID + ": key nearly right", SetUp: "nothing", Needs: []string{"Key"}, ReadSafe: true}
	for _, change := range []struct {
		words string
		key   func(string) string
	}{
		{"with a key and a letter more", func(key string) string { return key + "a" }},
		{"with a key but its last letter", func(key string) string { return key[:len(key)-1] }},
		{"with a key in the other case", otherCase},
	} {
		one.Steps = append(one.Steps, does(op.OperationID, change.words, 401, api.CodeAuth, "", nowhere(op, func(f Fixtures) string { return change.key(f.Key) }, nil)))
	}
	return one
}

// otherCase has upper case for lower, and the other way round. A key without letters is another one by one more.
func otherCase(key string) string {
	other := strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, key)
	if other == key {
		return key + "A"
	}
	return other
}

// bad is a call that is not as described.
func bad(op *operation, name, words string, edit func(*http.Request)) Case {
	return one(op, name, words, 400, api.CodeBadRequest, []string{"Key"}, nowhere(op, normalKey, edit))
}

func malformed(op *operation) []Case {
	size := 256 << 10
	if op.maxBody > 0 {
		size = int(op.maxBody) + 1<<20
	}
	return []Case{
		bad(op, "unknown query", "with a query parameter that the operation doesn't have", func(r *http.Request) { r.URL.RawQuery = "contract=1" }),
		one(op, "large body", fmt.Sprintf("with a body of %d KiB", size>>10), 413, api.CodePayloadTooLarge, []string{"Key"}, nowhere(op, normalKey, func(r *http.Request) {
			body := bytes.Repeat([]byte(" "), size)
			body[0], body[size-1] = '{', '}'
			setBody(r, body)
		})),
	}
}

// bodies are those that the operation does not take.
func bodies(op *operation) []Case {
	name := bodySchema(op)
	if name == "" {
		return []Case{bad(op, "body", "with a body", func(r *http.Request) { setBody(r, []byte("{}")) })}
	}
	all := []Case{
		bad(op, "another media type", "with a body that says to be text", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }),
		bad(op, "no JSON", "with a body that ends early", written(func(body string) string { return body[:len(body)-2] })),
		bad(op, "text after the body", "with something after it", written(func(body string) string { return body + " x" })),
	}
	if unfit[name] == nil {
		return all
	}
	// What only the service can judge, it may judge once it found what the call is about.
	steps := []Step{create()}
	if slices.Contains(op.segments, "{"+requestParameter+"}") {
		steps = append(steps, request(api.CardsIndividuals))
	}
	for _, value := range unfit[name] {
		steps = append(steps, does(op.OperationID, value.words, 400, api.CodeBadRequest, "", func(r *runner) call {
			return call{Subject: r.at, body: r.bodyOf(op), edit: fields(value.edit)}
		}, named(value.field, value.secret)))
	}
	return append(all, Case{Name: op.OperationID + ": value that can't be", SetUp: "nothing", Needs: []string{"Key"}, Steps: steps})
}

// unfit are values that a body can't have, by its schema. The error names the field, and has nothing of the secret.
var unfit = map[string][]struct {
	words         string
	edit          func(map[string]any)
	field, secret string
}{
	"ClientInput": {
		{"born on a day that never was", set("birth_date", "2025-02-30"), "birth_date", "2025-02-30"},
		{"with a calling code alone", unset("phone_number"), "phone_", ""},
		{"with a phone number alone", unset("phone_country_code"), "phone_", "91123456789"},
		{"with an e-mail address that is none", set("email", nonsense), "email", nonsense},
		{"with a field that is read only", set("status", nonsense), "status", nonsense},
	},
	"DocumentationInput": {
		{"with a photo that isn't base64", in("document", set("image_front", nonsense+"!")), "image_front", nonsense},
		{"with a photo whose padding is wrong", in("document", set("image_front", strings.TrimSuffix(pixel, "="))), "image_front", pixel[:16]},
		{"with a data URI that isn't of base64", in("document", set("image_front", "data:image/png,"+pixel)), "image_front", pixel[:16]},
	},
}

func set(field string, value any) func(map[string]any) {
	return func(fields map[string]any) { fields[field] = value }
}

func unset(field string) func(map[string]any) {
	return func(fields map[string]any) { delete(fields, field) }
}

// in edits an object within a body.
func in(field string, edit func(map[string]any)) func(map[string]any) {
	return func(fields map[string]any) { edit(fields[field].(map[string]any)) }
}

// written changes the body as text.
func written(edit func(string) string) func(*http.Request) {
	return func(r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // it is in memory
		}
		setBody(r, []byte(edit(string(body))))
	}
}

// fields changes the fields of the body.
func fields(edit func(map[string]any)) func(*http.Request) {
	return written(func(body string) string {
		var object map[string]any
		_ = json.Unmarshal([]byte(body), &object) // it was written by json.Marshal
		edit(object)
		changed, _ := json.Marshal(object) // it came from JSON
		return string(changed)
	})
}

func trouble(op *operation) []Case {
	in := func(name, fixture, words string, status int, code api.ErrorCode) Case {
		c := one(op, name, words, status, code, []string{fixture}, func(r *runner) call {
			s := r.f.subject(fixture)
			if s.ClientID == "" {
				s.ClientID, s.RequestID = unknownClient, unknownRequest
			}
			return call{Subject: s, body: r.bodyOf(op)}
		})
		c.ReadSafe = false // who knows how the server is made to do so
		return c
	}
	all := []Case{
		in("too many", "Limited", "over the rate limit", 429, api.CodeTooManyRequests),
		in("server error", "Failing", "to a server that fails", 500, api.CodeServerError),
		in("unavailable", "Unavailable", "to a server that can't take the call", 503, api.CodeServiceUnavailable),
	}
	if op.takes(idempotencyHeader) {
		all = append(all, in("still running", "Running", "with an Idempotency-Key with which a call is under way", 409, api.CodeIdempotencyInProgress))
	}
	return all
}
