package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
)

const (
	mediaType = "application/json"
	// maxReply is the most that is read of a 200, maxErrorReply of any other reply. The largest
	// documented reply is some kilobytes.
	maxReply      = 1 << 20
	maxErrorReply = 16 << 10
	// maxOddities is the most that is told of one response.
	maxOddities = 20
)

var errReadReply = errors.New("the reply could not be read to its end")

// reply is what was read of a reply.
type reply struct {
	resp *http.Response
	body []byte
	// err is why there is no more of the body.
	err error
	// tooLarge: there is more than is read.
	tooLarge bool
	// oddities is what a success is told with.
	oddities []string
}

// readReply reads the body up to a limit. What is within it is read to its end, so that the
// connection can be used again.
func readReply(ctx context.Context, resp *http.Response) reply {
	limit := int64(maxErrorReply)
	if resp.StatusCode == http.StatusOK {
		limit = maxReply
	}
	r := reply{resp: resp}
	var buffer bytes.Buffer
	if 0 < resp.ContentLength && resp.ContentLength <= limit {
		buffer.Grow(int(resp.ContentLength) + bytes.MinRead) // or it would grow for the end of the body
	}
	_, err := buffer.ReadFrom(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		r.err = withContextError(ctx, err)
	}
	r.body = buffer.Bytes()
	r.tooLarge = int64(len(r.body)) > limit
	return r
}

// result makes a submission or an error of a reply.
func (r *reply) result(call *call, now time.Time) (*api.Submission, *failure) {
	err := r.err
	switch status := r.resp.StatusCode; {
	case status == http.StatusOK && err != nil:
		err = fmt.Errorf("%w: %w", errReadReply, err)
		if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("%w: %w", ErrInvalidResponse, err)
		}
	case status == http.StatusOK && r.tooLarge:
		err = fmt.Errorf("%w: the body is larger than %d bytes", ErrInvalidResponse, maxReply)
	case status == http.StatusOK:
		submission, oddities, invalid := decodeSubmission(r.resp.Header.Get("Content-Type"), r.body, call)
		if invalid == nil {
			r.oddities = oddities
			return submission, nil
		}
		err = fmt.Errorf("%w: %w", ErrInvalidResponse, invalid)
	case status < 300 || status > 599:
		err = errors.Join(fmt.Errorf("%w: the API does not answer this status", ErrInvalidResponse), err)
	}
	return nil, r.failure(err, now)
}

// decodeSubmission reads the one JSON object that a 200 must be, and holds it against what was asked. What
// decides something is as the API describes it, or there is an error. Details may be odd, or missing.
func decodeSubmission(contentType string, body []byte, call *call) (submission *api.Submission, oddities []string, err error) {
	// A parameter that can't be read is of no interest; the type is returned all the same.
	if got, _, _ := mime.ParseMediaType(contentType); got != mediaType {
		oddities = append(oddities, fmt.Sprintf("the media type is %q, not %s", contentType, mediaType))
	}
	submission = new(api.Submission)
	details, err := api.DecodeLenientJSON(body, submission)
	if err != nil {
		if len(oddities) > 0 { // it may be why
			err = fmt.Errorf("%s: %w; %s", oddities[0], err, checkBaseURL)
		}
		return nil, nil, err
	}
	for _, detail := range details {
		switch detail.Pointer {
		case "", "/product", "/product/id", "/product/client_id", "/product/status":
			return nil, nil, detail
		}
		oddities = append(oddities, detail.Error())
	}
	product := &submission.Product
	switch {
	case product.ID == "":
		return nil, nil, errors.New("product.id is missing")
	case product.Status == "":
		return nil, nil, errors.New("product.status is missing")
	case product.ID != call.productRequestID:
		return nil, nil, errors.New("product.id is not that of the submitted request")
	case product.ClientID != "" && product.ClientID != call.clientID:
		return nil, nil, errors.New("product.client_id is not that of the submitted client")
	}
	for _, field := range [...]struct {
		pointer string
		missing bool
	}{
		{"/product/client_id", product.ClientID == ""},
		{"/product/product", product.Product == ""},
		{"/product/missing_requirements/documents", product.MissingRequirements.Documents == nil},
		{"/product/missing_requirements/data", product.MissingRequirements.Data == nil},
		{"/product/created_at", product.CreatedAt.IsZero()},
		{"/product/updated_at", product.UpdatedAt.IsZero()},
		{"/rejected_items", submission.RejectedItems == nil},
	} {
		told := func(detail *api.JSONError) bool { return strings.HasPrefix(field.pointer, detail.Pointer) }
		if field.missing && !slices.ContainsFunc(details, told) {
			oddities = append(oddities, field.pointer+": the field is missing")
		}
	}
	if more := len(oddities) - maxOddities; more > 0 {
		oddities = append(oddities[:maxOddities], fmt.Sprintf("and %d more", more))
	}
	if call.strict && len(oddities) > 0 {
		return nil, nil, errors.New(strings.Join(oddities, "; "))
	}
	return submission, oddities, nil
}
