package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

const (
	upsertClient = `
		INSERT INTO clients (id, company_id, status, first_name, second_name, last_name, email, birth_date,
		                     phone_country_code, phone_number, country, address, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET
		  first_name = excluded.first_name, second_name = excluded.second_name,
		  last_name = excluded.last_name, email = excluded.email, birth_date = excluded.birth_date,
		  phone_country_code = excluded.phone_country_code, phone_number = excluded.phone_number,
		  country = excluded.country, address = excluded.address, updated_at = max(created_at, excluded.updated_at)`
	sameCompany   = ` WHERE company_id = excluded.company_id`
	replaceClient = upsertClient + `, status = excluded.status` + sameCompany

	cancelNotifications = `
		UPDATE notifications SET state = 'cancelled'
		WHERE request_id IN (SELECT id FROM requests WHERE client_id = ?) AND state IN ('pending', 'dead') RETURNING id`
	// endJob leaves a job that is worked, and one that others share, to its worker, which finds the notification cancelled.
	endJob = `
		UPDATE river_job SET state = 'cancelled', finalized_at = datetime('now', 'subsec')
		WHERE ` + live + ` AND state <> 'running' AND args ->> 'notification_id' = ? AND args -> 'others' IS NULL`
)

// putClient creates a client, or replaces it by the statement, unless it is another company's. It tells how many it stored.
func putClient(ctx context.Context, tx *sql.Tx, statement string, c enablement.Client) (stored int64, err error) {
	address, err := json.Marshal(c.Address)
	if err != nil {
		return 0, err
	}
	result, err := tx.ExecContext(ctx, statement,
		c.ID, c.CompanyID, c.Status, c.FirstName, c.SecondName, c.LastName, c.Email, c.BirthDate,
		c.PhoneCountryCode, c.PhoneNumber, c.Address.Country, string(address), moment(c.CreatedAt), moment(c.UpdatedAt))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// deleteClient removes a client with all that is stored of it. What is kept for good has its ids alone: the audit, and
// its notifications, of which none is delivered any more. A response that a program of the version before recorded
// may be of no known client, and goes with its window.
func deleteClient(ctx context.Context, tx *sql.Tx, id string) error {
	cancelled, err := collect(ctx, tx, func(row row) (id string, err error) { return id, row.Scan(&id) }, cancelNotifications, id)
	if err != nil {
		return err
	}
	for _, notification := range cancelled {
		if _, err := tx.ExecContext(ctx, endJob, notification); err != nil {
			return err
		}
	}
	for _, statement := range []string{
		`DELETE FROM idempotency WHERE client_id = ?`,
		`DELETE FROM documents WHERE client_id = ?`, // and their photos
		`DELETE FROM requests WHERE client_id = ?`,  // and their reviews
		`DELETE FROM clients WHERE id = ?`,          // and the documents that are kept for it
	} {
		if _, err := tx.ExecContext(ctx, statement, id); err != nil {
			return err
		}
	}
	return nil
}
