package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
)

func ExampleClient_SubmitProduct() {
	server := httptest.NewServer(playedAPI()) // for the example; leave WithBaseURL out to call the real API
	defer server.Close()

	c, err := client.New("sk_example", client.WithBaseURL(server.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		submission, err := c.SubmitProduct(context.Background(), "4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG", "2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh")
		var failed *client.Error
		switch {
		case errors.Is(err, client.ErrNotPending):
			fmt.Println("It was submitted before:", err)
		case errors.As(err, &failed):
			fmt.Println("It failed with status", failed.StatusCode, "and trace id", failed.TraceID)
		case submission.Product.Status == api.InKyc:
			fmt.Println("It is with the provider.")
		case submission.Product.Status.Pending():
			for _, group := range submission.Product.MissingRequirements.Data {
				fmt.Println("It is pending. Missing:", group.Name, group.Fields)
			}
		default:
			fmt.Println("Its status is", submission.Product.Status)
		}
	}
	// Output:
	// It is pending. Missing: Personal information [{phone PHONE true}]
	// It is with the provider.
	// It was submitted before: submit product: 409 VAL: The enablement request is not pending documentation (trace 4bf92f3577b34da6a3ce929d0e0e4736)
}

// playedAPI answers as the API does: first the phone number is missing, then nothing is, and then the
// request is not pending any more.
func playedAPI() http.Handler {
	const response = `{"product":{"id":"2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh","client_id":"4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG",
		"product":"cards_individuals","status":"%s","missing_requirements":{"documents":[],"data":[%s]},
		"created_at":"2026-04-15T10:30:00","updated_at":"2026-04-16T09:20:00"},"rejected_items":[]}`
	const phone = `{"id":"personal_information","name":"Personal information","required":true,
		"fields":[{"key":"phone","data_type":"PHONE","required":true}]}`
	calls := 0
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("Content-Type", "application/json")
		switch calls {
		case 1:
			_, _ = fmt.Fprintf(w, response, "pending_documentation", phone)
		case 2:
			_, _ = fmt.Fprintf(w, response, "in_kyc", "")
		default:
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"code":"VAL","message":"The enablement request is not pending documentation",
				"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}`)
		}
	})
}
