-- Clients are created, changed and deleted. What is kept for good of one that was deleted holds ids alone, so it refers
-- to no table.
--
-- Others work meanwhile: a statement locks tables for a moment, in the order in which a submission does, and indexes are
-- built while others write. Each can be made again after an interruption.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE clients
    ADD COLUMN IF NOT EXISTS status text NOT NULL DEFAULT 'pending',
    ADD COLUMN IF NOT EXISTS updated_at timestamptz; -- NULL: as it was created
UPDATE clients SET status = 'active' WHERE id IN (SELECT client_id FROM requests WHERE status = 'enabled');

-- Newest first, and whether an e-mail is taken. lower folds ASCII alone, as in SQLite.
DROP INDEX CONCURRENTLY IF EXISTS clients_company;
CREATE INDEX CONCURRENTLY clients_company ON clients (company_id, created_at, id);
DROP INDEX CONCURRENTLY IF EXISTS clients_email;
CREATE INDEX CONCURRENTLY clients_email ON clients (company_id, lower(email COLLATE "C"));

-- Whose data the reply holds. Where a program of the version before did not say, it is forgotten with its window.
ALTER TABLE idempotency ADD COLUMN IF NOT EXISTS client_id text COLLATE "C" NOT NULL DEFAULT '';
UPDATE idempotency SET client_id = coalesce(substring(convert_from(reply, 'UTF8') FROM '"client_id":"([A-Za-z0-9_-]{1,64})"'), '')
WHERE client_id = '';
DROP INDEX CONCURRENTLY IF EXISTS idempotency_client;
CREATE INDEX CONCURRENTLY idempotency_client ON idempotency (client_id);

-- request_id is empty where the call was about none, client_id in rows from before.
ALTER TABLE audit
    ADD COLUMN IF NOT EXISTS operation text NOT NULL DEFAULT 'submitProduct',
    ADD COLUMN IF NOT EXISTS client_id text COLLATE "C" NOT NULL DEFAULT '';
DROP INDEX CONCURRENTLY IF EXISTS audit_client;
CREATE INDEX CONCURRENTLY audit_client ON audit (client_id) WHERE client_id <> '';

-- +goose StatementBegin
DO $$ BEGIN
    LOCK TABLE requests;
    ALTER TABLE audit DROP CONSTRAINT IF EXISTS audit_request_id_fkey;
    ALTER TABLE notifications
        DROP CONSTRAINT IF EXISTS notifications_request_id_fkey,
        DROP CONSTRAINT IF EXISTS notifications_state_check,
        ADD CONSTRAINT notifications_state_check CHECK (state IN ('pending', 'delivered', 'dead', 'cancelled')) NOT VALID;
END $$;
-- +goose StatementEnd
ALTER TABLE notifications VALIDATE CONSTRAINT notifications_state_check;

-- There is no way down: the tables before can't hold what is kept of a client that was deleted.
