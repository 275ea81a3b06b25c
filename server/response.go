package server

import (
	"maps"
	"net/http"
	"strconv"
)

// response is an [http.ResponseWriter] that keeps what is written, so that it can be checked, or
// replaced, before anything leaves.
type response struct {
	next   http.ResponseWriter
	status int // 0 while nothing was written
	header http.Header
	beside bool // the header is not the next writer's own
	body   []byte
	length [1]string // of the body, as a header's value
}

// newResponse keeps headers in the next writer's own, unless others set some there: those are neither
// to be checked nor to be taken back.
func newResponse(next http.ResponseWriter) response {
	p := response{next: next, header: next.Header()}
	if p.beside = len(p.header) > 0; p.beside {
		p.header = make(http.Header, 8)
	}
	return p
}

// Header implements [http.ResponseWriter].
func (p *response) Header() http.Header { return p.header }

// WriteHeader implements [http.ResponseWriter]. The first status counts. An informational one
// can't be sent ahead of a response that was not checked yet, and is dropped.
func (p *response) WriteHeader(status int) {
	if p.status == 0 && status/100 != 1 {
		p.status = status
	}
}

// Write implements [http.ResponseWriter].
func (p *response) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	p.body = append(p.body, b...)
	return len(b), nil
}

// reset forgets what was written.
func (p *response) reset() {
	p.status = 0
	clear(p.header)
	p.body = nil
}

// send lets the response go. net/http drops the body where the method or the status allows none, and
// where it can't be delivered the caller is gone: its error needs no response.
func (p *response) send(w http.ResponseWriter) {
	header := w.Header()
	if p.beside {
		maps.Copy(header, p.header)
	}
	if p.status != http.StatusNoContent { // RFC 9110, section 8.6
		p.length[0] = strconv.Itoa(len(p.body))
		header["Content-Length"] = p.length[:]
	}
	w.WriteHeader(p.status)
	_, _ = w.Write(p.body)
}
