package server_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
)

// uploads serves the operation that takes photos.
type uploads func(context.Context, api.DocumentInput)

func (u uploads) CompleteDocumentation(ctx context.Context, request api.CompleteDocumentationRequestObject) (api.CompleteDocumentationResponseObject, error) {
	u(ctx, request.Body.Document)
	return api.CompleteDocumentation200JSONResponse{DocumentationCompletedJSONResponse: api.DocumentationCompletedJSONResponse{Body: api.EvaluatedProduct{
		Product: api.Product{
			ID: request.ProductRequestID, ClientID: request.ClientID, Product: api.CardsIndividuals, Status: api.PendingDocumentation,
			MissingRequirements: api.MissingRequirements{Documents: []api.DocumentRequirement{}, Data: []api.DataRequirement{{ID: "a", Fields: []api.DataField{}}}},
			CreatedAt:           api.NewTimestamp(time.Now()), UpdatedAt: api.NewTimestamp(time.Now()),
		},
		RejectedItems: []api.RejectedItem{},
	}}}, nil
}

const (
	documentationPath = "/management/clients/individuals/client_1/products/request_1/documentation"
	mebibyte          = 1 << 20
)

func encoded(n int) string { return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", n))) }

func upload(front, rest string) string {
	return `{"document":{"document_type":"passport","image_front":"` + front + `"` + rest + `}}`
}

func uploadHandler(t *testing.T, u uploads, options ...server.Option) http.Handler {
	h, err := server.Handler(u, append(options, server.WithLogger(slog.New(slog.DiscardHandler)),
		server.WithAuthenticator(server.AuthenticatorFunc(func(_ context.Context, key string, _ netip.Addr) (server.Principal, error) {
			return server.Principal{CompanyID: key, AccessLevel: 3}, nil
		})))...)
	require.NoError(t, err)
	return h
}

func postUpload(h http.Handler, key string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, documentationPath, body)
	r.Header.Set("X-Api-Key", key)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// The implementation gets the photos in typed fields; what is not one is refused by name.
func TestUpload(t *testing.T) {
	t.Parallel()
	var got api.DocumentInput
	h := uploadHandler(t, func(_ context.Context, d api.DocumentInput) { got = d })
	w := postUpload(h, "key", strings.NewReader(upload("data:image/png;base64,"+encoded(5), `,"image_back":"`+encoded(3*mebibyte)+`","replace":true,"metadata":{"number":"A1"}`)))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Equal(t, api.DocumentInput{
		DocumentType: "passport", ImageFront: api.NewImage([]byte("xxxxx")),
		ImageBack: api.NewImage([]byte(strings.Repeat("x", 3*mebibyte))), Replace: true, Metadata: map[string]string{"number": "A1"},
	}, got)

	w = postUpload(h, "key", strings.NewReader(upload(encoded(10*mebibyte+1), "")))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Equal(t, api.Image{Size: 10*mebibyte + 1}, got.ImageFront, "the implementation says that it is too large")

	for name, test := range map[string]struct {
		body    string
		status  int
		message string
	}{
		"no base64":       {upload("canary!", ""), 400, "request body /document/image_front: is not base64, by itself or as a data URI"},
		"empty":           {upload("", ""), 400, "request body /document/image_front: is not base64, by itself or as a data URI"},
		"no text":         {strings.Replace(upload("", ""), `""`, "5", 1), 400, "request body /document/image_front: must be of type string"},
		"no photo":        {`{"document":{"document_type":"passport"}}`, 400, "request body /document/image_front: is missing"},
		"twice":           {upload("QUJD", `,"image_front":"QUJE"`), 400, "request body /document/image_front: this field stands twice"},
		"unknown":         {upload("QUJD", `,"image_frnt":"QUJE"`), 400, "request body /document/image_frnt: is not known"},
		"metadata number": {upload("QUJD", `,"metadata":{"number":5}`), 400, "request body /document/metadata/number: must be of type string"},
		"metadata's name": {upload("QUJD", `,"metadata":{"<b>\u001b/`+strings.Repeat("x", 99)+`":5}`), 400,
			"request body /document/metadata/?b??~1" + strings.Repeat("x", 26) + "...: must be of type string"},
		"33 of metadata": {upload("QUJD", `,"metadata":{"0":"x"`+fields(32)+`}`), 400, "request body /document/metadata: must have at most 32 fields"},
		"behind it":      {upload("QUJD", "") + "x", 400, "request body: this is not JSON"},
		"cut off":        {upload("QUJD", "")[:58], 400, ""},
		"a long rest":    {upload("QUJD", `,"metadata":{"number":"`+strings.Repeat("x", 65<<10)+`"}`), 413, "The request body without its photos is larger than 65536 bytes"},
		"a photo elsewhere": {strings.Replace(upload(encoded(mebibyte), ""), "image_front", "image", 1), 413,
			"The request body without its photos is larger than 65536 bytes"},
		"a mark before it":  {"\ufeff" + upload(encoded(mebibyte), ""), 400, "request body: the text begins with a byte order mark"},
		"UTF-16":            {"\xff\xfe{\x00" + upload(encoded(mebibyte), ""), 400, "request body: the text is UTF-16 or UTF-32; JSON is UTF-8"},
		"compressed":        {"\x1f\x8b\x08" + upload(encoded(mebibyte), ""), 400, "request body: this is not JSON"},
		"a word before it":  {"nil" + upload(encoded(mebibyte), ""), 400, "request body: this is not JSON"},
		"a value behind it": {upload(encoded(mebibyte), "") + upload(encoded(mebibyte), ""), 400, "request body: this is not JSON"},
		"29 MiB":            {upload(encoded(22*mebibyte), ""), 413, "The request body is larger than 29360128 bytes"},
	} {
		w := postUpload(h, "key", strings.NewReader(test.body))
		require.Equal(t, test.status, w.Code, "%s: %s", name, w.Body)
		require.Contains(t, w.Body.String(), test.message, name)
		require.NotContains(t, w.Body.String(), "canary")
		w = postUpload(h, "key", io.MultiReader(strings.NewReader(test.body))) // of no known length
		require.Equal(t, test.status, w.Code, "%s: %s", name, w.Body)
	}
}

// fields are so many more of an object.
func fields(count int) string {
	var s strings.Builder
	for i := range count {
		fmt.Fprintf(&s, `,"field_%d":"x"`, i)
	}
	return s.String()
}

// The same photo is the same call, however it is written.
func TestUpload_repeated(t *testing.T) {
	t.Parallel()
	calls := 0
	h := uploadHandler(t, func(context.Context, api.DocumentInput) { calls++ }, server.WithIdempotency(server.NewMemoryIdempotency()))
	post := func(photo string) int {
		r := httptest.NewRequest(http.MethodPost, documentationPath, strings.NewReader(upload(photo, "")))
		r.Header.Set("X-Api-Key", "key")
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "one")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	require.Equal(t, http.StatusOK, post("QUJDQQ=="))
	require.Equal(t, http.StatusOK, post("data:image/png;base64,QUJDQQ"))
	require.Equal(t, http.StatusUnprocessableEntity, post("QUJDQg=="))
	require.Equal(t, 1, calls)
}

// One upload more than is served at once is told so before its body is read, and only it.
func TestUpload_places(t *testing.T) {
	t.Parallel()
	begun, end := make(chan bool), make(chan bool)
	h := uploadHandler(t, func(context.Context, api.DocumentInput) { begun <- true; <-end }, server.WithUploads(1, 2))
	served := make(chan int)
	for _, company := range []string{"company_1", "company_2"} {
		go func() { served <- postUpload(h, company, strings.NewReader(upload("QUJD", ""))).Code }()
		<-begun
		w := postUpload(h, company, unread{t})
		require.Equal(t, http.StatusServiceUnavailable, w.Code, w.Body)
		require.Equal(t, "1", w.Header().Get("Retry-After"))
	}
	require.Equal(t, http.StatusServiceUnavailable, postUpload(h, "company_3", unread{t}).Code, "there are two in all")
	for range 2 {
		end <- true
		require.Equal(t, http.StatusOK, <-served)
	}
	go func() { <-begun; end <- true }()
	require.Equal(t, http.StatusOK, postUpload(h, "company_3", strings.NewReader(upload("QUJD", ""))).Code)
	for _, wrong := range [][2]int{{0, 1}, {2, 1}, {-1, -1}} {
		_, err := server.Handler(uploads(func(context.Context, api.DocumentInput) {}), server.WithUploads(wrong[0], wrong[1]))
		require.ErrorContains(t, err, "WithUploads")
	}
}

type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

// A slow line has the time that its body takes; one that sends nothing has the server's.
func TestUpload_slow(t *testing.T) {
	t.Parallel()
	const limit = 300 * time.Millisecond
	s := httptest.NewUnstartedServer(uploadHandler(t, func(context.Context, api.DocumentInput) {}))
	s.Config.ReadTimeout, s.Config.WriteTimeout = limit, limit
	s.Start()
	defer s.Close()
	send := func(part int, every time.Duration) (string, time.Duration) {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		body := upload(encoded(96<<10), "")
		started := time.Now()
		_, err = io.WriteString(conn, "POST "+documentationPath+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Api-Key: key\r\nContent-Type: application/json\r\nContent-Length: "+
			strconv.Itoa(len(body))+"\r\n\r\n")
		require.NoError(t, err)
		ticks := time.NewTicker(every)
		defer ticks.Stop()
		for rest := body; len(rest) > 0; <-ticks.C {
			n := min(part, len(rest))
			if _, err := io.WriteString(conn, rest[:n]); err != nil {
				break
			}
			rest = rest[n:]
		}
		response, _ := io.ReadAll(conn)
		return string(response), time.Since(started)
	}
	response, took := send(8<<10, 50*time.Millisecond)
	require.Contains(t, response, "HTTP/1.1 200", "%s", took)
	require.Greater(t, took, 2*limit)
	response, _ = send(1, 50*time.Millisecond)
	require.NotContains(t, response, "HTTP/1.1 200")
}
