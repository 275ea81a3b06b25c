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

	"github.com/cryptomate-go/enablement/gen/api"
)

const (
	mediaType = "application/json"
	// maxReply is the most that is read of a 200, maxErrorReply of any other reply. The largest
	// documented reply is some kilobytes.
	maxReply      = 1 << 20
	maxErrorReply = 16 << 10
)

// readReply makes a submission or an error of a reply. What is within the limit is read to its end,
// so that the connection can be used again.
func readReply(ctx context.Context, resp *http.Response, clientID, productRequestID string) (*api.Submission, *Error) {
	limit := int64(maxErrorReply)
	if resp.StatusCode == http.StatusOK {
		limit = maxReply
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	tooLarge := int64(len(body)) > limit
	if err != nil {
		err = withContextError(ctx, err)
	}
	switch {
	case resp.StatusCode == http.StatusOK && err != nil:
		if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("%w: %w", ErrInvalidResponse, err)
		}
	case resp.StatusCode == http.StatusOK && tooLarge:
		err = fmt.Errorf("%w: the body is larger than %d bytes", ErrInvalidResponse, maxReply)
	case resp.StatusCode == http.StatusOK:
		submission, invalid := decodeSubmission(resp.Header.Get("Content-Type"), body, clientID, productRequestID)
		if invalid == nil {
			return submission, nil
		}
		err = fmt.Errorf("%w: %w", ErrInvalidResponse, invalid)
	case resp.StatusCode < 300 || resp.StatusCode > 599:
		err = errors.Join(fmt.Errorf("%w: the API does not answer this status", ErrInvalidResponse), err)
	}
	return nil, replyError(resp, body, err)
}

// decodeSubmission reads the one JSON object that a 200 must be, and holds it against what was asked.
func decodeSubmission(contentType string, body []byte, clientID, productRequestID string) (*api.Submission, error) {
	// A parameter that can't be read is of no interest; the type is returned all the same.
	if got, _, _ := mime.ParseMediaType(contentType); got != mediaType {
		return nil, fmt.Errorf("the media type is %q, not %s", contentType, mediaType)
	}
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil, errors.New("the body is empty")
	}
	var submission api.Submission
	if err := json.Unmarshal(body, &submission); err != nil {
		return nil, err
	}
	// Null is no error to the decoder, and neither is a missing field.
	switch product := submission.Product; {
	case product.ID == "":
		return nil, errors.New("product.id is missing")
	case product.Status == "":
		return nil, errors.New("product.status is missing")
	case product.ID != productRequestID:
		return nil, errors.New("product.id is not that of the submitted request")
	case product.ClientID != clientID:
		return nil, errors.New("product.client_id is not that of the submitted client")
	}
	return &submission, nil
}
