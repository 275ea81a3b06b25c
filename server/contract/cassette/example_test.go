package cassette_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/cryptomate-go/enablement/server/contract/cassette"
)

// Traffic that was exported from a browser is held to the specification.
func ExampleReadHAR() {
	file, err := os.Open("testdata/browser.har")
	if err != nil {
		log.Fatal(err)
	}
	c, skipped, err := cassette.ReadHAR(file, "https://api.sandbox.cryptomate.me")
	if err != nil {
		log.Fatal(err)
	}
	findings, err := c.Check()
	if err != nil {
		log.Fatal(err)
	}
	_ = file.Close()
	fmt.Println(c.Len(), "exchange;", skipped.Elsewhere, "calls went elsewhere")
	for _, f := range findings {
		fmt.Println(f.Operation, f.Rule, f.Pointer)
	}
	// Output:
	// 1 exchange; 3 calls went elsewhere
	// getClient schema.required /email
}

// A cassette stands in for the server that was recorded.
func ExampleCassette_Player() {
	c, err := cassette.Load("testdata/client.cassette")
	if err != nil {
		log.Fatal(err)
	}
	player := c.Player()
	w := httptest.NewRecorder()
	player.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/management/clients/individuals/4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG", nil))
	fmt.Println(w.Code, player.Err())
	player.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/management/clients/individuals", nil))
	fmt.Println(player.Err())
	// Output:
	// 200 <nil>
	// cassette: GET /management/clients/individuals was not expected, but nothing, as the cassette is at its end
}
