package selftest

import (
	"context"
	"io"
	"net/http"
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
	key, client, request string
	plain                bool // POST to submit, with no query, body and Idempotency-Key
	post, submit         bool
	query                string
	body                 int
	idempotencyKeys      []string
	method               string
}

func aboutOf(r *http.Request) about {
	parts := strings.Split(r.URL.Path, "/")
	a := about{
		key: r.Header.Get("x-api-key"), method: r.Method, query: r.URL.RawQuery, body: len(body(r)),
		idempotencyKeys: r.Header.Values("Idempotency-Key"), post: r.Method == http.MethodPost,
	}
	if len(parts) == 8 {
		a.client, a.request, a.submit = parts[4], parts[6], parts[7] == "submit"
	}
	a.plain = a.post && a.submit && a.query == "" && a.body == 0 && len(a.idempotencyKeys) == 0
	return a
}

// services are the minimal service with one answer that is wrong only for what was asked: each response is
// as described, so that nothing but its case can tell.
func services() []Fault {
	// Where is matches, the answer is another one that the specification has.
	answers := func(name, inCase string, is func(about) bool, status int, code string) Fault {
		return service(name, "case.expectation", inCase, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !is(aboutOf(r)) {
					next.ServeHTTP(w, r)
					return
				}
				write(w, r, status, code)
			})
		})
	}
	of := func(request string) func(about) bool {
		return func(a about) bool { return a.request == request && a.plain }
	}
	nowhere := func(key string) func(about) bool {
		return func(a about) bool {
			return a.client == "contract_unknown_client" && a.request == "contract_unknown_request" && a.plain && a.key == key
		}
	}
	return []Fault{
		answers("complete, but not found", "complete", of("complete"), 404, "NOT_FOUND"),
		answers("product unknown", "product ramps_cards", of("ramps_cards"), 404, "NOT_FOUND"),
		answers("other product unknown", "product ramps_pix", of("ramps_pix"), 404, "NOT_FOUND"),
		answers("requested is not pending", "requested", of("requested"), 409, "VAL"),
		answers("conflict though something is missing", "incomplete", func(a about) bool {
			return of("incomplete")(a) && a.key == minimal.Key
		}, 409, "VAL"),
		answers("conflict though a document was rejected", "rejected document", of("rejected_document"), 409, "VAL"),
		answers("conflict though data was rejected", "rejected data", of("rejected_data"), 409, "VAL"),
		answers("200 on a conflict", "already in_kyc", func(a about) bool { return of("in_kyc")(a) && a.key == minimal.Key }, 200, "in_kyc"),
		answers("enabled again", "already enabled", of("enabled"), 200, "in_kyc"),
		answers("rejected again", "already rejected", of("rejected"), 200, "in_kyc"),
		answers("replay forgotten", "repeated", func(a about) bool { return a.request == "repeated" && len(a.idempotencyKeys) > 0 }, 409, "VAL"),
		answers("key of another submission is a conflict", "key of another submission", func(a about) bool {
			return a.request == "rejected_document" && len(a.idempotencyKeys) > 0
		}, 409, "VAL"),
		answers("second call at once", "still running", func(a about) bool { return a.request == "running" }, 409, "VAL"),
		answers("unknown client is no access", "unknown client", nowhere(minimal.Key), 401, "API_ERROR"),
		answers("unknown request is a conflict", "unknown request", func(a about) bool {
			return a.request == "contract_unknown_request" && a.client != "contract_unknown_client" && a.plain && a.key == minimal.Key && !strings.Contains(a.client, " ")
		}, 409, "VAL"),
		answers("another company's request is submitted", "another company's", func(a about) bool { return a.key == minimal.OtherKey && a.request == "in_kyc" }, 200, "in_kyc"),
		answers("another company's request is no access", "another company's", func(a about) bool { return a.key == minimal.OtherKey && a.request == "in_kyc" }, 401, "API_ERROR"),
		answers("no key is no access", "no key", nowhere(""), 401, "API_ERROR"),
		answers("unknown key let in", "unknown key", nowhere("contract-unknown-key"), 404, "NOT_FOUND"),
		answers("revoked key let in", "revoked key", nowhere(minimal.RevokedKey), 404, "NOT_FOUND"),
		answers("level not enforced", "low level", nowhere(minimal.LowLevelKey), 404, "NOT_FOUND"),
		answers("bad client id not found", "bad client id", func(a about) bool { return a.client == "a b" }, 404, "NOT_FOUND"),
		answers("bad request id not found", "bad request id", func(a about) bool { return len(a.request) == 65 }, 404, "NOT_FOUND"),
		answers("query ignored", "unknown query", func(a about) bool { return a.query != "" }, 404, "NOT_FOUND"),
		answers("Idempotency-Key not checked", "bad Idempotency-Key", func(a about) bool { return len(a.idempotencyKeys) == 1 && a.idempotencyKeys[0] == "a b" }, 404, "NOT_FOUND"),
		answers("first of two Idempotency-Keys taken", "two Idempotency-Keys", func(a about) bool { return len(a.idempotencyKeys) == 2 }, 404, "NOT_FOUND"),
		answers("body ignored", "body", func(a about) bool { return a.body == 2 }, 404, "NOT_FOUND"),
		answers("large body read", "large body", func(a about) bool { return a.body > 1000 }, 400, "BAD_REQUEST"),
		answers("wrong method is busy", "wrong method", func(a about) bool { return !a.post }, 503, "SERVICE_UNAVAILABLE"),
		answers("unknown path is busy", "unknown path", func(a about) bool { return a.client != "" && !a.submit }, 503, "SERVICE_UNAVAILABLE"),
		answers("limit not enforced", "too many", func(a about) bool { return a.request == "incomplete" && strings.Contains(a.key, "limited") }, 404, "NOT_FOUND"),
		answers("failure hidden", "server error", of("failing"), 404, "NOT_FOUND"),
		answers("failure instead of a refusal", "unavailable", func(a about) bool { return strings.Contains(a.key, "unavailable") }, 500, "SERVER_ERROR"),
		service("404 tells that it is another company's", "case.leak", "another company's", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if a := aboutOf(r); a.key == minimal.OtherKey && a.request == "in_kyc" {
					answer := failure(404, "NOT_FOUND")
					answer.body = swap(answer.body, `"no"`, `"Not yours"`)
					send(w, answer)
					return
				}
				next.ServeHTTP(w, r)
			})
		}),
		service("second submission loses the first", "case.expectation", "incomplete", func(next http.Handler) http.Handler {
			seen := 0
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if a := aboutOf(r); of("incomplete")(a) && a.key == minimal.Key {
					if seen++; seen%2 == 0 {
						write(w, r, 404, "NOT_FOUND")
						return
					}
				}
				next.ServeHTTP(w, r)
			})
		}),
	}
}

// write answers as described: success for a status of a product, else an error.
func write(w http.ResponseWriter, r *http.Request, status int, code string) {
	if status == http.StatusOK {
		a := aboutOf(r)
		text := strings.NewReplacer(request, a.request, client, a.client).Replace(inKYC)
		send(w, success(text))
		return
	}
	answer := failure(status, code)
	if status == http.StatusServiceUnavailable {
		answer.header.Set("Retry-After", strconv.Itoa(1))
	}
	send(w, answer)
}

func send(w http.ResponseWriter, answer response) {
	for name, values := range answer.header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body)
}
