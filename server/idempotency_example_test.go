package server_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/cryptomate-go/enablement/server"
)

// The second call gets the response of the first one; the third asks for something else under its key.
func ExampleWithIdempotency() {
	handler, err := server.Handler(service{},
		server.WithAuthenticator(server.AuthenticatorFunc(authenticate)),
		server.WithIdempotency(server.NewMemoryIdempotency()))
	if err != nil {
		log.Fatal(err)
	}
	var first string
	for _, request := range []string{"request_1", "request_1", "request_2"} {
		r := httptest.NewRequest(http.MethodPost, "/management/clients/individuals/client_1/products/"+request+"/submit", nil)
		r.Header.Set("x-api-key", "secret")
		r.Header.Set("Idempotency-Key", "0b0c7a0e-6f0b-4f3c-9d5e-0f6b6a1f2f11")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if first == "" {
			first = w.Body.String()
		}
		fmt.Println(w.Code, w.Body.String() == first)
	}
	// Output:
	// 200 true
	// 200 true
	// 422 false
}
