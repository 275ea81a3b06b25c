package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"runtime/debug"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server/internal/wire"
)

// Handler serves impl as openapi.yaml describes it. The package comment shows the steps of a call to
// impl and back.
//
// impl has one or more methods of [api.StrictServerInterface]. Operations without a method get a 404, as
// an unknown path does. The log says what is served, at level Info if something is left out. A method
// that takes an operation's request, but under another name or with another signature, is an error. If
// you serve all operations, let the compiler check it: var _ api.StrictServerInterface = service{}.
//
// [WithAuthenticator] is required. Handler returns an error if it is missing, if impl or an option is
// nil or out of range, or if the specification asks for something that the chain doesn't enforce, such
// as an operation with security but without x-access-level.
//
// The handler starts no goroutine. It is safe for concurrent use if impl is. It matches paths from the
// root and ignores the specification's servers: to mount it below a prefix, wrap it in
// [http.StripPrefix]. Set the time limits for reading and writing in [http.Server], and the one for
// impl by [WithTimeout].
func Handler(impl any, opts ...Option) (http.Handler, error) {
	doc, err := spec.GetSpec() // a fresh copy, ours alone
	if err != nil {
		return nil, fmt.Errorf("server: load the specification: %w", err)
	}
	h, err := newHandler(doc, impl, opts)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return h, nil
}

// handler is the chain. It is built once and only read afterwards.
type handler struct {
	settings
	routes     *router
	validation *openapi3filter.Options
	tooLarge   *Error
	logPC      uintptr // in logCall, for loggers that show the source of a line
}

func newHandler(doc *openapi3.T, impl any, opts []Option) (*handler, error) {
	methods, err := methodsOf(impl, reflect.TypeFor[api.StrictServerInterface]())
	if err != nil {
		return nil, err
	}
	settings, err := settingsFrom(opts)
	if err != nil {
		return nil, err
	}
	operations, err := operationsOf(doc)
	if err != nil {
		return nil, err
	}
	tooLarge := bodyTooLarge(settings.maxBody)
	for _, op := range operations {
		op.tooLarge = tooLarge
		if op.maxBody == 0 {
			op.maxBody = settings.maxBody
		} else {
			op.tooLarge = bodyTooLarge(op.maxBody)
		}
		if err := settings.declared(op); err != nil {
			return nil, err
		}
		op.logger = settings.logger.With(slog.String("operation", op.id), slog.String("method", op.route.Method))
	}
	h := &handler{
		settings:   settings,
		validation: validationOptions(),
		tooLarge:   tooLarge,
		logPC:      reflect.ValueOf((*handler).logCall).Pointer() + 1, // a return address is one behind
	}
	h.routes = &router{mux: http.NewServeMux(), operations: operations, serves: methods.serve, wrap: h.wrap}
	var inside []api.StrictMiddlewareFunc // the last one is the outermost
	whole, ok := impl.(api.StrictServerInterface)
	if !ok {
		inside = append(inside, methods.call)
	}
	strict := api.NewStrictHandlerWithOptions(whole, append(inside, h.inTime, withPhotos), api.StrictHTTPServerOptions{
		RequestErrorHandlerFunc:  h.refuse,
		ResponseErrorHandlerFunc: h.fail,
	})
	api.HandlerWithOptions(strict, api.StdHTTPServerOptions{
		BaseRouter:       h.routes,
		ErrorHandlerFunc: h.refuse,
	})
	return h, h.routes.complete(settings.logger)
}

// ServeHTTP implements [http.Handler]. The log line is written before the response is sent, so that
// every trace id that a caller has is in the log.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := newCall(w, r)
	r = r.WithContext(c) //nolint:contextcheck // c holds the request's own
	aborted := h.respond(c, r)
	took := time.Since(c.started)
	h.logCall(c, r, took)
	h.observe(c, r, took)
	if aborted {
		panic(http.ErrAbortHandler)
	}
	c.stamp()
	if wire.EndUnclear(r, c.operation != nil && c.operation.takesBody()) {
		c.header.Set("Connection", "close")
	}
	c.send(w)
}

// respond fills c's response, whatever happens. It reports whether the call was aborted by a panic with
// [http.ErrAbortHandler], which closes the connection without a response.
func (h *handler) respond(c *call, r *http.Request) (aborted bool) {
	defer func() {
		switch value := recover(); value {
		case nil:
		case http.ErrAbortHandler:
			c.reset()
			aborted = true
		default:
			h.fail(c, r, &panicError{value: value, stack: debug.Stack()})
		}
	}()
	c.client, c.overTLS = h.proxies.ClientOf(r), r.TLS != nil
	if err := h.limits.allowAddress(c.client); err != nil {
		h.fail(c, r, err)
		return false
	}
	h.routes.ServeHTTP(c, r)
	if c.operation == nil {
		h.unrouted(c, r)
	}
	return false
}

// unrouted replaces what the mux wrote by itself: text, a redirect to a cleaned path, or a 400
// to "*".
func (h *handler) unrouted(c *call, r *http.Request) {
	if c.status != http.StatusMethodNotAllowed {
		h.fail(c, r, errNoRoute)
		return
	}
	allow := c.Header().Get("Allow")
	h.fail(c, r, errWrongMethod)
	c.Header().Set("Allow", allow)
}

// wrap puts the chain around an operation's generated handler.
func (h *handler) wrap(op *operation, generated http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := w.(*call)
		c.operation = op
		if err := h.serve(c, r, generated); err != nil {
			h.fail(c, r, err)
		}
	}
}

// serve takes a call through the steps of its operation.
func (h *handler) serve(c *call, r *http.Request, generated http.HandlerFunc) error {
	if r.ContentLength > c.operation.maxBody {
		return c.operation.tooLarge
	}
	if err := h.authenticate(c, r); err != nil {
		return err
	}
	if err := h.limits.allowCompany(c); err != nil {
		return err
	}
	if len(c.operation.photos) > 0 {
		done, err := h.uploads.begin(c.principal.CompanyID)
		if err != nil {
			return err
		}
		defer done()
	}
	if err := h.validateRequest(c, r); err != nil {
		return err
	}
	if err := h.identify(c, r); err != nil {
		return err
	}
	if h.idempotency != nil && c.key != nil {
		return h.once(c, r, generated)
	}
	return h.invoke(c, r, generated)
}

// invoke has the implementation respond.
func (h *handler) invoke(c *call, r *http.Request, generated http.HandlerFunc) error {
	generated(c, r)
	if c.failed {
		return nil
	}
	return h.validateResponse(c, r)
}
