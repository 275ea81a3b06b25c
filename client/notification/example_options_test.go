package notification_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/client/notification"
)

// deliver plays the sender: it signs the example's notification, at that time, and prints the answer.
func deliver(at time.Time, handle func(ctx context.Context, n *notification.Notification) error, opts ...notification.Option) {
	verifier, err := notification.New([]string{secret}, opts...)
	if err != nil {
		fmt.Println(err)
		return
	}
	header, err := notification.Sign(secret, id, at, []byte(body))
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest(http.MethodPost, "/notifications", strings.NewReader(body))
	r.Header = header
	w := httptest.NewRecorder()
	verifier.Handler(handle).ServeHTTP(w, r)
	fmt.Println(w.Code, http.StatusText(w.Code))
}

func accept(context.Context, *notification.Notification) error { return nil }

func ExampleWithTolerance() {
	tenMinutesAgo := time.Now().Add(-10 * time.Minute)
	deliver(tenMinutesAgo, accept)
	deliver(tenMinutesAgo, accept, notification.WithTolerance(15*time.Minute, time.Minute))
	// Output:
	// 400 Bad Request
	// 204 No Content
}

func ExampleWithClock() {
	at := time.Date(2026, time.April, 16, 9, 20, 0, 0, time.UTC)
	deliver(at, accept, notification.WithClock(func() time.Time { return at.Add(time.Minute) }))
	// Output: 204 No Content
}

func ExampleWithLogger() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	fails := func(context.Context, *notification.Notification) error { return fmt.Errorf("the queue is full") }
	deliver(time.Now(), fails, notification.WithLogger(logger))
	// Output:
	// level=ERROR msg="notification not handled; it will come again" id=ntf_2VvyMx6rNLRB1W9euCyJGe46 error="the queue is full"
	// 500 Internal Server Error
}

// What the handler writes through Tx commits together with the record that the notification was
// handled: once, also over crashes.
func ExampleWithSeen() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", "file:example?mode=memory&cache=shared") // or PostgreSQL
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, notification.Schema+"; CREATE TABLE reviews (request TEXT)"); err != nil {
		fmt.Println(err)
		return
	}
	review := func(ctx context.Context, n *notification.Notification) error {
		tx, err := notification.Tx(ctx)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO reviews (request) VALUES ($1)", n.Data.ID)
		return err
	}
	for range 2 {
		deliver(time.Now(), review, notification.WithSeen(notification.NewDatabase(db)))
	}
	var reviews int
	fmt.Println(db.QueryRowContext(ctx, "SELECT count(*) FROM reviews").Scan(&reviews), reviews)
	// Output:
	// 204 No Content
	// 204 No Content
	// <nil> 1
}
