package selftest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"

	"github.com/cryptomate-go/enablement/server/contract"
	"github.com/cryptomate-go/enablement/server/contract/internal/minimal"
)

// broken ends before its data does.
type broken struct{ io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func cutRun(opts []contract.Option, _ []contract.SuiteOption) ([]contract.Finding, error) {
	c, err := contract.New(opts...)
	if err != nil {
		return nil, err
	}
	ok := success(inKYC)
	r := call().WithContext(context.Background())
	answer := &http.Response{StatusCode: http.StatusOK, Header: ok.header, Request: r, Body: io.NopCloser(broken{strings.NewReader(inKYC[:100])})}
	return c.CheckResponse(r, answer), nil
}

// about is what a call of the suite is about.
type about struct {
	operation            string
	key, client, request string
	query, mediaType     string
	body                 string
	idempotencyKeys      []string
}

func aboutOf(r *http.Request) about {
	a := about{
		key: r.Header.Get("x-api-key"), query: r.URL.RawQuery, mediaType: r.Header.Get("Content-Type"), body: string(body(r)),
		idempotencyKeys: r.Header.Values("Idempotency-Key"),
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")[3:]
	if len(parts) > 0 {
		a.client = parts[0]
	}
	if len(parts) > 2 {
		a.request = parts[2]
	}
	a.operation = map[string]string{
		"POST 0": "createClient", "GET 0": "listClients", "GET 1": "getClient", "PUT 1": "updateClient", "DELETE 1": "deleteClient",
		"POST 2": "requestProduct", "GET 2": "listProducts", "POST 4 submit": "submitProduct", "POST 4 documentation": "completeDocumentation",
	}[strings.Join(append([]string{r.Method, strconv.Itoa(len(parts))}, parts[min(3, len(parts)):]...), " ")]
	return a
}

// nowhere is a call about nothing that is there, with nothing wrong but perhaps its key.
func (a about) nowhere() bool {
	return (a.client == "" || a.client == "contract_unknown_client") && a.query == "" && len(a.idempotencyKeys) == 0
}

// field is a field of the body.
func (a about) field(name string) any {
	var fields map[string]any
	_ = json.Unmarshal([]byte(a.body), &fields) // no JSON has none
	return fields[name]
}

// complete tells that the body has these fields.
func (a about) complete(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return a.field(name) == nil })
}

const busy = "SERVICE_UNAVAILABLE"

// situations are what is answered wrongly in a case that every operation has, and with what.
var situations = map[string]struct {
	is     func(about) bool
	status int
	code   string
}{
	"no key":           {func(a about) bool { return a.key == "" && a.nowhere() }, 401, "API_ERROR"},
	"unknown key":      {func(a about) bool { return a.key == "contract-unknown-key" }, 401, "API_ERROR"},
	"key nearly right": {func(a about) bool { return a.key == minimal.Key+"a" }, 401, "API_ERROR"},
	"revoked key":      {func(a about) bool { return a.key == minimal.RevokedKey }, 401, "API_ERROR"},
	"barred key":       {func(a about) bool { return a.key == minimal.BarredKey }, 401, "AUTH"},
	"low level":        {func(a about) bool { return a.key == minimal.LowLevelKey && a.nowhere() }, 401, "AUTH"},
	"unknown client":   {func(a about) bool { return a.key == minimal.Key && a.right() && a.client == "contract_unknown_client" }, 401, "API_ERROR"},
	"unknown request":  {func(a about) bool { return a.request == "contract_unknown_request" && !a.nowhere() && a.right() }, 409, "VAL"},
	"another company's": {func(a about) bool {
		return a.key == minimal.OtherKey && a.client != "" && !a.nowhere() && len(a.idempotencyKeys) == 0
	}, 401, "API_ERROR"},
	"unknown query":      {func(a about) bool { return a.query != "" }, 503, busy},
	"large body":         {func(a about) bool { return len(a.body) > 1000 }, 400, "BAD_REQUEST"},
	"body":               {func(a about) bool { return a.body == "{}" }, 503, busy},
	"another media type": {func(a about) bool { return a.mediaType == "text/plain" }, 503, busy},
	"no JSON": {func(a about) bool {
		return a.body != "" && !strings.Contains(a.body, "}\n") && !strings.Contains(a.body, "} ") && !json.Valid([]byte(a.body)) && len(a.body) < 1000
	}, 503, busy},
	"text after the body": {func(a about) bool { return strings.HasSuffix(a.body, " x") }, 503, busy},
	"value that can't be": {func(a about) bool {
		return a.field("birth_date") == "2025-02-30" || strings.Contains(a.body, `"image_front":"zorbulon!"`)
	}, 503, busy},
	"too many":      {func(a about) bool { return a.key == minimal.LimitedKey }, 503, busy},
	"server error":  {func(a about) bool { return a.key == minimal.FailingKey }, 503, busy},
	"unavailable":   {func(a about) bool { return a.key == minimal.BusyKey }, 500, "SERVER_ERROR"},
	"still running": {func(a about) bool { return len(a.idempotencyKeys) == 1 && a.idempotencyKeys[0] == "still-running" }, 503, busy},
}

// right tells that nothing is wrong with a call but what it is about.
func (a about) right() bool {
	if a.query != "" || len(a.idempotencyKeys) > 0 || len(a.client) == 65 || len(a.request) == 65 || a.mediaType == "text/plain" || strings.Contains(a.body, "zorbulon") {
		return false
	}
	switch a.operation {
	case "createClient", "updateClient":
		return a.complete("first_name", "last_name", "email", "birth_date", "address")
	case "requestProduct":
		return a.complete("subproduct")
	case "completeDocumentation":
		return a.complete("document")
	default:
		return a.body == ""
	}
}

// services are the minimal service with one response that is wrong only for what was asked: each response is
// as described, so that nothing but its case can tell.
func services() []Fault {
	faults := stories()
	for _, one := range contract.Cases() {
		operation, name, ok := strings.Cut(one.Name, ": ")
		if !ok {
			continue
		}
		if one.Derived {
			if name == "values at their bounds" {
				faults = append(faults, narrow(operation))
			} else {
				faults = append(faults, tolerant(operation, name))
			}
			continue
		}
		wrong, known := situations[name]
		if !known {
			panic("no server is wrong in the case " + one.Name)
		}
		faults = append(faults, service(one.Name, "case.expectation", one.Name, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if a := aboutOf(r); a.operation != operation || !wrong.is(a) {
					next.ServeHTTP(w, r)
					return
				}
				send(w, refusal(wrong.status, wrong.code))
			})
		}))
	}
	leak := func(operation string) Fault {
		return service("404 of "+operation+" tells that it is another company's", "case.leak", operation+": another company's", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if a := aboutOf(r); a.operation != operation || !situations["another company's"].is(a) {
					next.ServeHTTP(w, r)
					return
				}
				answer := failure(404, "NOT_FOUND")
				answer.body = swap(answer.body, `"no"`, `"Not yours"`)
				send(w, answer)
			})
		})
	}
	return append(faults, leak("getClient"), leak("submitProduct"),
		astray("unknown path is busy", "unknown path", func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/nothing") }))
}

func astray(name, inCase string, is func(*http.Request) bool) Fault {
	return service(name, "case.expectation", inCase, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if is(r) {
				send(w, refusal(503, busy))
				return
			}
			next.ServeHTTP(w, r)
		})
	})
}

// refusal is an error as described.
func refusal(status int, code string) response {
	r := failure(status, code)
	if status == http.StatusServiceUnavailable {
		r.header.Set("Retry-After", "1")
	}
	return r
}

func send(w http.ResponseWriter, answer response) {
	for name, values := range answer.header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body)
}

// recorded is what next answers.
func recorded(next http.Handler, r *http.Request) response {
	w := httptest.NewRecorder()
	next.ServeHTTP(w, r)
	return response{w.Code, w.Header(), w.Body.String()}
}

// fieldOf is a field of a body that is text.
func fieldOf(body, name string) string { return text(about{body: body}.field(name)) }

func text(value any) string {
	text, _ := value.(string)
	return text
}
