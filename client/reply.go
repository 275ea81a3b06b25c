package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
)

const (
	mediaType = "application/json"
	// maxReply is the most that is read of a 200, maxErrorReply of any other reply. The largest
	// documented reply is some kilobytes.
	maxReply      = 1 << 20
	maxErrorReply = 16 << 10
)

var (
	errReadReply  = errors.New("the reply could not be read to its end")
	errEmptyReply = errors.New("the body is empty")
)

// reply is what was read of a reply.
type reply struct {
	resp *http.Response
	body []byte
	// err is why there is no more of the body.
	err error
	// tooLarge: there is more than is read.
	tooLarge bool
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
func (r reply) result(call *call, now time.Time) (*api.Submission, *failure) {
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
		submission, invalid := decodeSubmission(r.resp.Header.Get("Content-Type"), r.body, call)
		if invalid == nil {
			return submission, nil
		}
		err = fmt.Errorf("%w: %w", ErrInvalidResponse, invalid)
	case status < 300 || status > 599:
		err = errors.Join(fmt.Errorf("%w: the API does not answer this status", ErrInvalidResponse), err)
	}
	return nil, r.failure(err, now)
}

// decodeSubmission reads the one JSON object that a 200 must be, and holds it against what was asked.
func decodeSubmission(contentType string, body []byte, call *call) (*api.Submission, error) {
	// A parameter that can't be read is of no interest; the type is returned all the same.
	if contentType != mediaType {
		if got, _, _ := mime.ParseMediaType(contentType); got != mediaType {
			return nil, fmt.Errorf("the media type is %q, not %s", contentType, mediaType)
		}
	}
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil, errEmptyReply
	}
	submission := new(api.Submission)
	if err := json.Unmarshal(body, submission); err != nil {
		return nil, err
	}
	// Null is no error to the decoder, and neither is a missing field. A missing list would read as
	// "nothing is missing".
	switch product := &submission.Product; {
	case product.ID == "":
		return nil, errors.New("product.id is missing")
	case product.Status == "":
		return nil, errors.New("product.status is missing")
	case product.ID != call.productRequestID:
		return nil, errors.New("product.id is not that of the submitted request")
	case product.ClientID != call.clientID:
		return nil, errors.New("product.client_id is not that of the submitted client")
	case product.MissingRequirements.Documents == nil:
		return nil, errors.New("product.missing_requirements.documents is missing")
	case product.MissingRequirements.Data == nil:
		return nil, errors.New("product.missing_requirements.data is missing")
	case submission.RejectedItems == nil:
		return nil, errors.New("rejected_items is missing")
	}
	return submission, nil
}
