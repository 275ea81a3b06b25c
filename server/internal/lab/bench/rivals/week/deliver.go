package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/riverqueue/river"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

const (
	selectNotification = `
		SELECT id, request_id, client_id, company_id, product, status, submitted_at, state FROM notifications WHERE id = $1`
	insertDelivery = `
		INSERT INTO deliveries (notification_id, started_at, duration_us, status_code, fault, process, state)
		VALUES ($1, $2, $3, $4, $5, 'week', $6)`
	updateNotification = `UPDATE notifications SET state = $1 WHERE id = $2 AND state = 'pending'`
)

// answerTimeout is how long the provider may take (openapi.yaml, notifyProvider).
const answerTimeout = 15 * time.Second

// jobArgs is the job in the queue.
type jobArgs struct {
	NotificationID string `json:"notification_id"`
}

// Kind implements [river.JobArgs].
func (jobArgs) Kind() string { return "notify" }

// deliveries signs notifications and posts them to the provider.
type deliveries struct {
	river.WorkerDefaults[jobArgs]
	db      database
	url     string
	webhook *standardwebhooks.Webhook
	client  *http.Client
}

func newDeliveries(db database, url, secret string) (*deliveries, error) {
	webhook, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return nil, fmt.Errorf("provider secret: %w", err)
	}
	return &deliveries{db: db, url: url, webhook: webhook, client: &http.Client{
		Timeout:   answerTimeout,
		Transport: &http.Transport{MaxIdleConnsPerHost: workers}, // or the workers dial anew all day
	}}, nil
}

// Work implements [river.Worker]. River repeats what fails.
func (d *deliveries) Work(ctx context.Context, job *river.Job[jobArgs]) error {
	var n enablement.Notification
	var state enablement.NotificationState
	if err := d.db.each(ctx, func(r row) error {
		return r.Scan(&n.ID, &n.RequestID, &n.ClientID, &n.CompanyID, &n.Product, &n.Status, &n.SubmittedAt, &state)
	}, selectNotification, job.Args.NotificationID); err != nil {
		return err
	}
	if state != enablement.NotificationPending {
		return nil
	}
	started := time.Now()
	status, failed := d.post(ctx, n)
	fault, state := "", enablement.NotificationDelivered
	if failed != nil {
		fault, state = failed.Error(), enablement.NotificationPending
	}
	if err := d.db.transact(ctx, func(tx transaction) error {
		if err := tx.exec(ctx, insertDelivery, n.ID, started.UTC().Truncate(time.Microsecond), time.Since(started).Microseconds(),
			status, fault, string(state)); err != nil {
			return err
		}
		return tx.exec(ctx, updateNotification, string(state), n.ID)
	}); err != nil {
		return err
	}
	return failed
}

// post makes one attempt.
func (d *deliveries) post(ctx context.Context, n enablement.Notification) (status int, err error) {
	body, err := json.Marshal(api.Notification{
		Type:      api.NotificationProductInKyc,
		Timestamp: api.NewTimestamp(n.SubmittedAt),
		Data: api.NotificationData{
			ID: n.RequestID, ClientID: n.ClientID, CompanyID: n.CompanyID, Product: api.ProductType(n.Product),
			Status: api.ProductStatus(n.Status), SubmittedAt: api.NewTimestamp(n.SubmittedAt),
		},
	})
	if err != nil {
		return 0, err
	}
	now := time.Now()
	signature, err := d.webhook.Sign(n.ID, now, body)
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("webhook-id", n.ID)
	request.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	request.Header.Set("webhook-signature", signature)
	response, err := d.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10) // so that the connection can be used again
	if response.StatusCode/100 != 2 {
		return response.StatusCode, fmt.Errorf("the provider answered %d", response.StatusCode)
	}
	return response.StatusCode, nil
}
