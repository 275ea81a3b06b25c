package httpapi

import "net/http"

// response is what is written already: what is recorded under an idempotency key is what was sent, byte for byte.
type response struct {
	status int
	body   []byte
}

func (r response) write(w http.ResponseWriter) error {
	if r.body != nil {
		w.Header()["Content-Type"] = []string{"application/json"}
	}
	w.WriteHeader(r.status)
	_, err := w.Write(r.body)
	return err
}

// It implements the generated response interfaces of all operations.

func (r response) VisitCreateClientResponse(w http.ResponseWriter) error          { return r.write(w) }
func (r response) VisitListClientsResponse(w http.ResponseWriter) error           { return r.write(w) }
func (r response) VisitGetClientResponse(w http.ResponseWriter) error             { return r.write(w) }
func (r response) VisitUpdateClientResponse(w http.ResponseWriter) error          { return r.write(w) }
func (r response) VisitDeleteClientResponse(w http.ResponseWriter) error          { return r.write(w) }
func (r response) VisitRequestProductResponse(w http.ResponseWriter) error        { return r.write(w) }
func (r response) VisitListProductsResponse(w http.ResponseWriter) error          { return r.write(w) }
func (r response) VisitSubmitProductResponse(w http.ResponseWriter) error         { return r.write(w) }
func (r response) VisitCompleteDocumentationResponse(w http.ResponseWriter) error { return r.write(w) }
