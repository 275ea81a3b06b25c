package telemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

const (
	protobufType = "application/x-protobuf"
	// emptyAnswer is how long an answer is at most that tells nothing: the tag and the length of a message.
	emptyAnswer = 2
	// longestAnswer is how much of one is read.
	longestAnswer = 64 << 10
)

// sending sends spans to a collector, by OTLP over HTTP. The SDK has such a client, which brings gRPC along: 2 MB of the program.
type sending struct {
	url     string
	headers map[string]string
	client  *http.Client
	stopped context.Context //nolint:containedctx // it ends the requests of all callers
	stop    context.CancelFunc
}

func newSending(url string, headers map[string]string, client *http.Client) *sending {
	stopped, stop := context.WithCancel(context.Background())
	return &sending{url, headers, client, stopped, stop}
}

// Start implements [otlptrace.Client].
func (*sending) Start(context.Context) error { return nil }

// Stop implements [otlptrace.Client]. It cuts a request that is under way.
func (c *sending) Stop(context.Context) error {
	c.stop()
	return nil
}

// UploadTraces implements [otlptrace.Client]. It asks again where the collector says that this may help.
func (c *sending) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	body, err := pack(spans)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.stopped, cancel)() //nolint:contextcheck // the one of all requests
	started := time.Now()
	for wait := retryFirst; ; wait = min(2*wait, retryLongest) {
		again, after, err := c.send(ctx, body)
		pause := max(wait/2+rand.N(wait/2), after) // so that processes don't come all at once
		if err == nil || !again || time.Since(started)+pause > retryTotal {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

// pack makes the body. TracesData is, byte for byte, the request of the service, whose package needs gRPC.
func pack(spans []*tracepb.ResourceSpans) ([]byte, error) {
	text, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(text); err != nil {
		return nil, err
	}
	err = writer.Close()
	return packed.Bytes(), err
}

// send tells, of a request that failed, whether to make it again, and after which time at the earliest.
func (c *sending) send(ctx context.Context, body []byte) (again bool, after time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return false, 0, err
	}
	for name, value := range c.headers {
		request.Header.Set(name, value)
	}
	request.Header.Set("Content-Type", protobufType)
	request.Header.Set("Content-Encoding", "gzip")
	response, err := c.client.Do(request)
	if err != nil {
		failure, ok := errors.AsType[*url.Error](err)
		return ok && failure.Timeout(), 0, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, longestAnswer))
	if err != nil {
		return false, 0, err
	}
	if response.StatusCode/100 == 2 {
		// An answer that is longer than an empty message says in words what was not taken.
		if response.Header.Get("Content-Type") == protobufType && len(answer) > emptyAnswer {
			return false, 0, fmt.Errorf("%s did not take all spans: %q", c.url, answer)
		}
		return false, 0, nil
	}
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After")) // a date is none
	again = slices.Contains([]int{
		http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
	}, response.StatusCode)
	return again, time.Duration(seconds) * time.Second, fmt.Errorf("%s: %s: %s", c.url, response.Status, answer)
}
