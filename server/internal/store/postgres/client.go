package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

const (
	upsertClient = `
		INSERT INTO clients (id, company_id, status, first_name, second_name, last_name, email, birth_date,
		                     phone_country_code, phone_number, country, address, created_at, updated_at)
		SELECT $1, id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 FROM companies WHERE id = $2
		ON CONFLICT (id) DO UPDATE SET
		  first_name = excluded.first_name, second_name = excluded.second_name,
		  last_name = excluded.last_name, email = excluded.email, birth_date = excluded.birth_date,
		  phone_country_code = excluded.phone_country_code, phone_number = excluded.phone_number,
		  country = excluded.country, address = excluded.address, updated_at = greatest(clients.created_at, excluded.updated_at)`
	sameCompany   = ` WHERE clients.company_id = excluded.company_id`
	replaceClient = upsertClient + `, status = excluded.status` + sameCompany

	// lockRequestsOf waits for submissions: what they wrote is seen behind it.
	lockRequestsOf      = `SELECT 1 FROM requests WHERE client_id = $1 ORDER BY id FOR UPDATE`
	cancelNotifications = `
		UPDATE notifications SET state = 'cancelled'
		WHERE request_id IN (SELECT id FROM requests WHERE client_id = $1) AND state IN ('pending', 'dead') RETURNING id`
	// endJobs leaves a job that is worked, and one that others share, to its worker, which finds the notification cancelled.
	endJobs = `
		UPDATE river_job SET state = 'cancelled', finalized_at = now()
		WHERE kind || '' = 'notification_deliver' AND state IN ('available', 'pending', 'retryable', 'scheduled')
		  AND args ->> 'notification_id' = ANY ($1) AND args -> 'others' IS NULL`
)

// clientValues are the arguments of a statement that stores a client.
func clientValues(c enablement.Client, address []byte) []any {
	return []any{
		c.ID, c.CompanyID, string(c.Status), c.FirstName, c.SecondName, c.LastName, c.Email, c.BirthDate,
		c.PhoneCountryCode, c.PhoneNumber, c.Address.Country, string(address), c.CreatedAt, c.UpdatedAt,
	}
}

// deleteClient removes a client with all that is stored of it. What is kept for good has its ids alone: the audit, and
// its notifications, of which none is delivered any more. A response that a program of the version before recorded
// may be of no known client, and goes with its window.
func deleteClient(ctx context.Context, tx *pipeline, id string) error {
	tx.hold(lockRequestsOf, id)
	rows, err := tx.Query(ctx, cancelNotifications, id)
	if err != nil {
		return err
	}
	cancelled, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	if len(cancelled) > 0 {
		tx.hold(endJobs, cancelled)
	}
	tx.hold(`DELETE FROM idempotency WHERE client_id = $1`, id)
	tx.hold(`DELETE FROM documents WHERE client_id = $1`, id) // and their photos
	tx.hold(`DELETE FROM requests WHERE client_id = $1`, id)  // and their reviews
	tx.hold(`DELETE FROM clients WHERE id = $1`, id)          // and the documents that are kept for it
	return nil
}
