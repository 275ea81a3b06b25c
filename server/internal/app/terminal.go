package app

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// forTerminals indents JSON for whoever calls by hand: curl, where it was not told what to accept. Programs get
// the service's own bytes. What is indented was checked, recorded and altered by faults before.
func forTerminals(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.UserAgent(), "curl/") || r.Header.Get("Accept") != "*/*" {
			next.ServeHTTP(w, r)
			return
		}
		indenting := &indenting{ResponseWriter: w}
		next.ServeHTTP(indenting, r)
		indenting.begin()
	})
}

// indenting holds the status back until the length of the body is known.
type indenting struct {
	http.ResponseWriter
	status int // 0: nothing is held back
}

// Unwrap lets [http.ResponseController] flush.
func (w *indenting) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (w *indenting) WriteHeader(status int) { w.status = status }

// Write implements [http.ResponseWriter]. A part of a body, as of one that is cut, stays as it is.
func (w *indenting) Write(b []byte) (int, error) {
	header := w.Header()
	if header.Get("Content-Length") != strconv.Itoa(len(b)) || header.Get("Content-Type") != "application/json" {
		w.begin()
		return w.ResponseWriter.Write(b)
	}
	var text bytes.Buffer
	if err := json.Indent(&text, bytes.TrimSpace(b), "", "  "); err != nil {
		w.begin()
		return w.ResponseWriter.Write(b)
	}
	text.WriteByte('\n')
	header.Set("Content-Length", strconv.Itoa(text.Len()))
	w.begin()
	_, err := w.ResponseWriter.Write(text.Bytes())
	return len(b), err
}

func (w *indenting) begin() {
	if w.status != 0 {
		w.ResponseWriter.WriteHeader(w.status)
		w.status = 0
	}
}
