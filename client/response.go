package client

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/cryptomate-go/enablement/client/internal/secret"
	"github.com/cryptomate-go/enablement/client/internal/visible"
	"github.com/cryptomate-go/enablement/gen/api"
)

const (
	mediaType    = "application/json"
	traceHeader  = "X-Trace-Id"
	maxBody      = 1 << 20  // the most that is read of a success; the largest that is documented is some kilobytes
	maxListBody  = 64 << 20 // the same of a list, which has no pages: a hundred thousand clients
	maxErrorBody = 16 << 10 // the same of any other response
	maxOddities  = 20       // the most that is told of one response
)

// Response has more of a call than its result: see [WithResponse]. The API key is masked in it.
type Response struct {
	StatusCode     int         // of the last attempt, as Header, TraceID and Body; 0 where there was no response
	Header         http.Header // without Location
	TraceID        string
	IdempotencyKey string // what all attempts were sent under
	// Body is the JSON of a success as the server sent it, also with fields that this version of the package does not
	// know. For an error, it is [Error].Body.
	Body     []byte
	Attempts []Attempt // all, the successful one too
	// Oddities says in words how a success differs from the specification: a field that is missing or of another type, a
	// timestamp of another form, another media type. The result lacks what could not be read. [WithStrictResponses] turns
	// oddities into errors.
	Oddities []string
}

func (r *Response) fill(key secret.Secret, call *call, failed *Error) {
	*r = Response{
		StatusCode: call.received.status, Header: call.received.header.Clone(), IdempotencyKey: key.Mask(call.key), Attempts: call.attempts,
	}
	for _, values := range r.Header {
		for i, value := range values {
			values[i] = key.Mask(value)
		}
	}
	if failed != nil {
		r.TraceID, r.Body = failed.TraceID, failed.Body
		return
	}
	r.TraceID, r.Body = visible.Line(r.Header.Get(traceHeader)), key.MaskJSON(call.received.body)
	for _, oddity := range call.oddities {
		r.Oddities = append(r.Oddities, oneLine(key.Mask(oddity)))
	}
}

// received is what was read of a response.
type received struct {
	status int
	header http.Header
	body   []byte
	err    error // why there is no more of the body
}

var errRead = errors.New("the response could not be read to its end")

// limit is the most that is read of a response.
func (o operation) limit(status int) int {
	switch {
	case status != o.success:
		return maxErrorBody
	case o.list:
		return maxListBody
	}
	return maxBody
}

// result decodes a success, or tells what the response is instead.
func (call *call) result() *Error {
	r := call.received
	err := r.err
	switch {
	case r.status != call.success:
		if r.status < 300 || r.status > 599 {
			cut := err
			err = fmt.Errorf("%w: the API does not answer this status", ErrInvalidResponse)
			if cut != nil {
				err = fmt.Errorf("%w; %w: %w", err, errRead, cut)
			}
		}
		return call.failure(err)
	case err != nil:
		err = fmt.Errorf("%w: %w", errRead, err)
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return call.failure(err)
		}
	case len(r.body) > call.limit(r.status):
		err = fmt.Errorf("the body is larger than %d bytes", call.limit(r.status))
	default:
		if call.oddities, err = call.decode(); err == nil && call.strict && len(call.oddities) > 0 {
			err = errors.New(strings.Join(call.oddities, "; "))
		}
	}
	if err == nil {
		return nil
	}
	return call.failure(fmt.Errorf("%w: %w", ErrInvalidResponse, err))
}

// decode reads the one JSON value that a success must be; one of 204 is empty. What decides something is as the API
// describes it, or there is an error. Details may be odd, or missing.
func decode[T any](call *call, check func(*T) error) (result *T, oddities []string, err error) {
	r := call.received
	if call.success == http.StatusNoContent {
		if len(r.body) > 0 {
			err = errors.New("there is a body")
		}
		return new(T), nil, err
	}
	contentType := r.header.Get("Content-Type")
	// A parameter that can't be read is of no interest; the type is returned all the same.
	if got, _, _ := mime.ParseMediaType(contentType); got != mediaType {
		oddities = append(oddities, fmt.Sprintf("the media type is %q, not %s", contentType, mediaType))
	}
	result = new(T)
	details, err := api.DecodeLenientJSON(r.body, result)
	if err != nil {
		if len(oddities) > 0 { // it may be why
			err = fmt.Errorf("%s: %w; %s", oddities[0], err, checkBaseURL)
		}
		return nil, nil, err
	}
	for _, detail := range details {
		at := func(pattern string) bool { ok, _ := path.Match(pattern, detail.Pointer); return ok }
		if slices.ContainsFunc(call.decides, at) {
			return nil, nil, detail
		}
		oddities = append(oddities, detail.Error())
	}
	if err := check(result); err != nil || !call.strict && call.response == nil { // nobody asks for more
		return result, nil, err
	}
	for _, pointer := range missing(reflect.ValueOf(result).Elem()) {
		told := func(detail *api.JSONError) bool { return strings.HasPrefix(pointer, detail.Pointer) }
		if !slices.ContainsFunc(details, told) {
			oddities = append(oddities, pointer+": the field is missing")
		}
	}
	if more := len(oddities) - maxOddities; more > 0 {
		oddities = append(oddities[:maxOddities], fmt.Sprintf("and %d more", more))
	}
	return result, oddities, nil
}

// missing returns the required fields that a response left out, as JSON pointers: those that the generated type
// never omits. Elements of lists are not looked into, and false and 0 are values.
func missing(value reflect.Value) (pointers []string) {
	switch {
	case value.Kind() == reflect.Struct && value.Type() != reflect.TypeFor[api.Timestamp]():
	case value.IsZero() && slices.Contains([]reflect.Kind{reflect.String, reflect.Slice, reflect.Struct}, value.Kind()):
		return []string{""}
	default:
		return nil
	}
	for i := range value.NumField() {
		name, omitted, _ := strings.Cut(value.Type().Field(i).Tag.Get("json"), ",")
		if omitted == "" {
			for _, pointer := range missing(value.Field(i)) {
				pointers = append(pointers, "/"+name+pointer)
			}
		}
	}
	return pointers
}
