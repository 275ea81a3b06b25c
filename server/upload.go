package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/upload"
)

const (
	defaultUploads        = 4
	defaultCompanyUploads = 2
	// slowestUpload is how many bytes a second keep an upload going, a quarter of what a line of 1 Mbit/s carries.
	slowestUpload = 32 << 10
)

// WithUploads sets how many calls with photos are served at once, for one company and in all; the defaults are 2 and 4.
// Each call holds its photos in memory, up to 21 MiB for the body of 28 MiB that openapi.yaml allows. One call more gets a
// 503 with Retry-After, after its key and its rate were checked and before its body is read.
//
// Such a call may take the ReadTimeout of [http.Server], and as much longer as its body takes at 32 KiB a second. Its
// WriteTimeout starts after that.
func WithUploads(ofCompany, inAll int) Option {
	return func(s *settings) error {
		if ofCompany < 1 || inAll < ofCompany {
			return fmt.Errorf("WithUploads: %d of a company and %d in all: must be at least 1, and in all no fewer than of a company", ofCompany, inAll)
		}
		s.uploads = newUploads(ofCompany, inAll)
		return nil
	}
}

// uploads counts the calls with photos that are served.
type uploads struct {
	ofCompany, inAll int

	mu        sync.Mutex
	all       int
	companies map[string]int
}

func newUploads(ofCompany, inAll int) *uploads {
	return &uploads{ofCompany: ofCompany, inAll: inAll, companies: make(map[string]int)}
}

// begin takes a place, until done is called.
func (u *uploads) begin(companyID string) (done func(), err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all == u.inAll || u.companies[companyID] == u.ofCompany {
		return nil, Unavailable(time.Second, errors.New("as many uploads as are served at once are under way"))
	}
	u.all++
	u.companies[companyID]++
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.all--
		if u.companies[companyID]--; u.companies[companyID] == 0 {
			delete(u.companies, companyID)
		}
	}, nil
}

// photosOf are the photos in an operation's body: how many bytes each may have, by its JSON pointer.
func photosOf(operation *openapi3.Operation) (map[string]int64, error) {
	if operation.RequestBody == nil || operation.RequestBody.Value.Content[jsonType] == nil {
		return nil, nil
	}
	photos := make(map[string]int64)
	err := findPhotos("", operation.RequestBody.Value.Content[jsonType].Schema.Value, photos)
	return photos, err
}

func findPhotos(pointer string, schema *openapi3.Schema, found map[string]int64) error {
	if most, ok := schema.Extensions["x-max-bytes"]; ok {
		limit, err := wholeNumber(most)
		if err != nil {
			return fmt.Errorf("x-max-bytes of %s: %w", pointer, err)
		}
		found[pointer] = int64(limit)
	}
	for name, property := range schema.Properties {
		if err := findPhotos(pointer+"/"+name, property.Value, found); err != nil {
			return err
		}
	}
	return nil
}

// readPhotos reads a body with photos, and returns the rest of it. The photos stay with the call until the
// implementation is asked.
func (h *handler) readPhotos(c *call, r *http.Request) ([]byte, error) {
	body, err := upload.Read(c.patient(r), r.ContentLength, c.operation.photos, int(h.maxBody))
	if wrong, ok := errors.AsType[*upload.PhotoError](err); ok {
		return nil, badRequest("request body "+wrong.Error(), nil)
	}
	if errors.Is(err, upload.ErrRestTooLong) {
		return nil, restTooLarge(h.maxBody)
	}
	c.photos = body.Photos
	return body.Rest, err
}

// patient is the request's body, which may take longer the longer it is. Where the server has no time limits, it has none.
func (c *call) patient(r *http.Request) io.Reader {
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	if server == nil || server.ReadTimeout <= 0 {
		return r.Body
	}
	return &patientReader{
		Reader: r.Body, controller: http.NewResponseController(c.next),
		until: c.started.Add(server.ReadTimeout), writeTimeout: server.WriteTimeout,
	}
}

type patientReader struct {
	io.Reader
	controller   *http.ResponseController
	until        time.Time
	writeTimeout time.Duration
}

// Read implements [io.Reader].
func (p *patientReader) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	p.until = p.until.Add(time.Duration(n) * time.Second / slowestUpload)
	// A writer that can't be told has its own limits, which hold.
	_ = p.controller.SetReadDeadline(p.until)
	if p.writeTimeout > 0 {
		_ = p.controller.SetWriteDeadline(p.until.Add(p.writeTimeout))
	}
	return n, err
}

// withPhotos is a generated middleware that puts the photos of the call in the places of the texts that stand for them.
func withPhotos(next api.StrictHandlerFunc, _ string) api.StrictHandlerFunc {
	return func(ctx context.Context, w http.ResponseWriter, r *http.Request, request any) (any, error) {
		if c := callFrom(ctx); c != nil && c.photos != nil {
			c.fill(reflect.ValueOf(request))
		}
		return next(ctx, w, r, request)
	}
}

// fill goes through what the generated code has decoded.
func (c *call) fill(value reflect.Value) {
	switch value.Kind() {
	case reflect.Pointer:
		if !value.IsNil() {
			c.fill(value.Elem())
		}
	case reflect.Struct:
		if photo, ok := value.Interface().(api.Image); ok {
			if len(photo.Content) == sha256.Size {
				value.Set(reflect.ValueOf(c.photos[[sha256.Size]byte(photo.Content)]))
			}
			return
		}
		for i := range value.NumField() {
			if value.Type().Field(i).IsExported() {
				c.fill(value.Field(i))
			}
		}
	}
}
