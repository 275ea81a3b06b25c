package faults

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"regexp"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
)

// failing is a documented error. The first of a status is what it has without a code.
type failing struct {
	code       api.ErrorCode
	message    string
	retryAfter string
}

// failures are the operations', with the texts of the specification's examples.
var failures = map[int][]failing{
	http.StatusBadRequest: {
		{code: api.CodeBadRequest, message: "The request is malformed"},
		{code: api.CodeVal, message: "Company client already exists for this company"},
	},
	http.StatusUnauthorized: {
		{code: api.CodeAuth, message: "Invalid API key"},
		{code: api.CodeAPIError, message: "Access denied. The API Key is not authorized to do this operation."},
	},
	http.StatusNotFound: {{code: api.CodeNotFound, message: "Company client not found"}},
	http.StatusConflict: {
		{code: api.CodeVal, message: "The enablement request is not pending documentation"},
		{code: api.CodeIdempotencyInProgress, message: "A call with this Idempotency-Key is still running", retryAfter: "1"},
	},
	http.StatusPreconditionFailed:    {{code: api.CodeVal, message: "Invalid product"}},
	http.StatusRequestEntityTooLarge: {{code: api.CodePayloadTooLarge, message: "The request body is larger than 65536 bytes"}},
	http.StatusUnprocessableEntity:   {{code: api.CodeIdempotencyMismatch, message: "This Idempotency-Key was used for another call"}},
	http.StatusTooManyRequests:       {{code: api.CodeTooManyRequests, message: "Rate limit exceeded. Retry after 1 seconds", retryAfter: "1"}},
	http.StatusInternalServerError:   {{code: api.CodeServerError, message: "Internal server error"}},
	http.StatusServiceUnavailable:    {{code: api.CodeServiceUnavailable, message: "The service is temporarily unavailable", retryAfter: "1"}},
}

// find returns the error of the status with the code, the first where that is empty.
func find(status int, code string) (failing, bool) {
	for _, e := range failures[status] {
		if code == "" || string(e.code) == code {
			return e, true
		}
	}
	return failing{}, false
}

func known(status int, code string) bool {
	_, ok := find(status, code)
	return ok
}

// documented returns the response of an error that is [known]; an empty message is the usual one.
func documented(status int, code, message string) *response {
	e, _ := find(status, code)
	if message == "" {
		message = e.message
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails (crypto/rand)
	traceID := hex.EncodeToString(id)

	a := newResponse()
	a.status = status
	a.header.Set("Content-Type", "application/json")
	a.header.Set("X-Trace-Id", traceID)
	if e.retryAfter != "" {
		a.header.Set("Retry-After", e.retryAfter)
	}
	body := api.Error{Code: e.code, Message: message, TraceID: traceID}
	if status == http.StatusTooManyRequests {
		body.ErrorCode = e.code
	}
	text, _ := json.Marshal(body) // strings only: it can't fail
	a.body.Write(text)
	return a
}

// becomeHTML is what a gateway with a login page answers.
func (a *response) becomeHTML() {
	a.status = http.StatusOK
	a.header = http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	a.body.Reset()
	a.body.WriteString("<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Sign in to continue</h1></body></html>\n")
}

// The fields that are altered, as the service writes them. Every other place where a name stands
// between quotes is a value, and a value's quotes are escaped.
var (
	statusField = regexp.MustCompile(`"status":"[a-z_]*"`)
	timeField   = regexp.MustCompile(`"(created_at|updated_at)":"([^"]*)"`)
	someObject  = regexp.MustCompile(`^\{"product":\{`)
)

// zone is not UTC, so that whoever ignores it is wrong.
var zone = time.FixedZone("", 2*60*60)

// alter changes the body of a 200.
func (a *response) alter(p plan) {
	body := bytes.TrimSpace(a.body.Bytes())
	if p.unknownStatus {
		body = statusField.ReplaceAll(body, []byte(`"status":"under_review"`))
	}
	if p.addedField {
		body = someObject.ReplaceAll(body, []byte(`{"sample_field":{"added":true},"product":{"sample_field":["added"],`))
	}
	if p.zonedTime {
		body = timeField.ReplaceAllFunc(body, func(field []byte) []byte {
			parts := timeField.FindSubmatch(field)
			at, err := api.ParseTimestamp(string(parts[2]))
			if err != nil {
				return field
			}
			return []byte(`"` + string(parts[1]) + `":"` + at.In(zone).Format(time.RFC3339) + `"`)
		})
	}
	altered := bytes.Clone(body) // the buffer is written over
	a.body.Reset()
	a.body.Write(altered)
}
