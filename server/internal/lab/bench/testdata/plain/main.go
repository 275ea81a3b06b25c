// Command plain is a program that calls net/http already.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

func main() {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, os.Args[1], nil)
	if err != nil {
		panic(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		panic(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var response map[string]any
	fmt.Println(resp.Status, json.NewDecoder(resp.Body).Decode(&response), response)
}
