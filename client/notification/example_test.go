package notification_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/client/notification"
)

// A whole provider: what it takes is genuine, in time, and comes once while the program runs.
func Example_provider() {
	verifier, err := notification.New(strings.Fields(os.Getenv("WEBHOOK_SECRETS")))
	if err != nil {
		log.Print(err)
		return
	}
	http.Handle("/notifications", verifier.Handler(func(_ context.Context, n *notification.Notification) error {
		log.Printf("review request %s of client %s: %s", n.Data.ID, n.Data.ClientID, n.Data.Status)
		return nil // an error, and it comes again
	}))
	server := &http.Server{Addr: ":8082", ReadTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func ExampleVerifier_Handler() {
	const secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	verifier, err := notification.New([]string{secret})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := verifier.Handler(func(_ context.Context, n *notification.Notification) error {
		fmt.Println(n.Data.ID, "is", n.Data.Status)
		return nil
	})

	// Sign plays the sender, in tests.
	header, err := notification.Sign(secret, id, time.Now(), []byte(body))
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		r := httptest.NewRequest(http.MethodPost, "/notifications", strings.NewReader(body))
		r.Header = header
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh is in_kyc
	// 204
	// 204
}
