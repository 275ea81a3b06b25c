package sample

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/wire"
)

// root is where the stand-in's own API is.
const root = "/sample/"

const (
	// callTimeout is far above what a call takes.
	callTimeout = 10 * time.Second
	// The longest bodies. Larger imports are the command's.
	maxBody, maxImport = 64 << 10, 32 << 20
)

// Specification is where the service has the specification of the stand-in's own API.
const Specification = "sample/openapi.yaml"

//go:embed standin.yaml
var specification string

// standIn is the API for teams whose tests have no Go in them: standin.yaml describes it.
type standIn struct {
	db     store.Store
	clock  *Clock
	calls  *Calls
	logger *slog.Logger
}

// text is a result that is no JSON.
type text string

// With puts the stand-in's own API before a handler.
func (s *Sample) With(next http.Handler, db store.Store) http.Handler {
	api := s.Handler(db)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.EscapedPath(), root) {
			api.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Handler serves the stand-in's own API, below /sample/. It asks for no key, so that a page of another place must not be
// able to call it from a visitor's browser; who calls by other means says nothing of where from.
func (s *Sample) Handler(db store.Store) http.Handler {
	a := &standIn{db, s.Clock, s.Calls, s.logger}
	mux := http.NewServeMux()
	for pattern, operation := range map[string]func(*http.Request) (any, error){
		"POST " + ResetPath:                       a.reset,
		"POST " + root + "import":                 a.importData,
		"GET " + root + "calls":                   a.listCalls,
		"DELETE " + root + "calls":                a.forgetCalls,
		"GET " + root + "notifications":           a.listNotifications,
		"POST " + root + "requests/{id}/decision": a.decide,
		"GET " + root + "clock":                   a.getClock,
		"PUT " + root + "clock":                   a.setClock,
		"POST " + root + "clock":                  a.forwardClock,
	} {
		mux.Handle(pattern, a.serve(operation))
	}
	mux.HandleFunc("GET /"+Specification, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = io.WriteString(w, specification) // whoever asked is gone
	})
	guarded := wire.Errors(http.NewCrossOriginProtection().Handler(mux), s.logger)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if wire.EndUnclear(r, true) {
			w.Header().Set("Connection", "close")
		}
		guarded.ServeHTTP(w, r)
	})
}

func (s *standIn) serve(operation func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
		defer cancel()
		result, err := operation(r.WithContext(ctx))
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		switch result := result.(type) {
		case nil:
			w.WriteHeader(http.StatusNoContent)
		case text:
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = io.WriteString(w, string(result)) // whoever asked is gone
		default:
			writeJSON(w, http.StatusOK, result)
		}
	})
}

// writeJSON writes what people read as often as programs.
func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(body) // whoever asked is gone
}

// refusal is an error of the caller's.
type refusal struct {
	status  int
	message string
}

func (e *refusal) Error() string { return e.message }

// refuse has [wire.Errors] give the error the API's form.
func (s *standIn) refuse(w http.ResponseWriter, r *http.Request, err error) {
	refused, isRefusal := errors.AsType[*refusal](err)
	_, isField := errors.AsType[*enablement.FieldError](err)
	_, isJSON := errors.AsType[*api.JSONError](err)
	faulty, isFaulty := errors.AsType[*faultyImport](err)
	status, message := http.StatusInternalServerError, "Internal server error"
	switch {
	case isFaulty:
		faulty.write(w, r)
		return
	case isRefusal:
		status, message = refused.status, refused.message
	case isField, isJSON:
		status, message = http.StatusBadRequest, "request body: "+err.Error()
	case errors.Is(err, enablement.ErrRequestNotFound), errors.Is(err, enablement.ErrClientNotFound):
		status, message = http.StatusNotFound, "There is no such product enablement request"
	case errors.Is(err, enablement.ErrNotInKYC):
		status, message = http.StatusConflict, "The enablement request is not in KYC, or was decided otherwise"
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		s.logger.WarnContext(r.Context(), "the stand-in could not do what was asked", "err", err)
		w.Header().Set("Retry-After", "1")
		status, message = http.StatusServiceUnavailable, "The service is temporarily unavailable"
	default:
		s.logger.ErrorContext(r.Context(), "the stand-in could not do what was asked", "err", err)
	}
	http.Error(w, message, status)
}

// body reads a body of JSON, strictly, into v.
func body(r *http.Request, v any) error {
	data, err := read(r, maxBody)
	if err != nil {
		return err
	}
	return api.DecodeClosedJSON(data, v)
}

// read reads a body that is said to be JSON: another one is what a page of another place can send, too.
func read(r *http.Request, most int64) ([]byte, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, &refusal{http.StatusBadRequest, "Send the body as JSON, with Content-Type: application/json"}
	}
	data, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, most))
	if _, isLarge := errors.AsType[*http.MaxBytesError](err); isLarge {
		return nil, &refusal{http.StatusRequestEntityTooLarge, "The request body is too large"}
	}
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, "The request body ended early"}
	}
	return data, nil
}
