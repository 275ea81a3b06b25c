-- Clients are created, changed and deleted. What is kept for good of one that was deleted holds ids alone, so it refers
-- to no table. SQLite can't take a reference or a check off a table: its rows move to a new one.

-- +goose Up
ALTER TABLE clients ADD COLUMN status TEXT NOT NULL DEFAULT 'pending';
ALTER TABLE clients ADD COLUMN updated_at DATETIME; -- NULL: as it was created
UPDATE clients SET status = 'active' WHERE id IN (SELECT client_id FROM requests WHERE status = 'enabled');

-- Newest first, and whether an e-mail is taken. lower folds ASCII alone.
CREATE INDEX clients_company ON clients (company_id, created_at, id);
CREATE INDEX clients_email ON clients (company_id, lower(email));

-- Whose data the reply holds. Where a program of the version before did not say, it is forgotten with its window.
ALTER TABLE idempotency ADD COLUMN client_id TEXT NOT NULL DEFAULT '';
UPDATE idempotency SET client_id = coalesce(json_extract(CAST(reply AS TEXT), '$.product.client_id'), '')
WHERE json_valid(CAST(reply AS TEXT));
CREATE INDEX idempotency_client ON idempotency (client_id);

CREATE TABLE audit_3 (
    id          INTEGER PRIMARY KEY,
    operation   TEXT NOT NULL DEFAULT 'submitProduct',
    client_id   TEXT NOT NULL DEFAULT '', -- empty in rows from before
    request_id  TEXT NOT NULL,            -- empty where the call was about none
    company_id  TEXT NOT NULL,
    key_id      TEXT NOT NULL,
    trace_id    TEXT NOT NULL,
    from_status TEXT NOT NULL,
    to_status   TEXT NOT NULL,
    missing     INTEGER NOT NULL, -- requirements left
    rejected    INTEGER NOT NULL, -- items rejected
    at          DATETIME NOT NULL
);
INSERT INTO audit_3 (id, request_id, company_id, key_id, trace_id, from_status, to_status, missing, rejected, at)
SELECT id, request_id, company_id, key_id, trace_id, from_status, to_status, missing, rejected, at FROM audit;
DROP TABLE audit;
ALTER TABLE audit_3 RENAME TO audit;
CREATE INDEX audit_request ON audit (request_id);
CREATE INDEX audit_client ON audit (client_id) WHERE client_id <> '';

CREATE TABLE notifications_3 (
    id           TEXT PRIMARY KEY,
    request_id   TEXT NOT NULL UNIQUE, -- one per request, ever
    client_id    TEXT NOT NULL,
    company_id   TEXT NOT NULL,
    product      TEXT NOT NULL,
    status       TEXT NOT NULL,
    submitted_at DATETIME NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead', 'cancelled'))
);
INSERT INTO notifications_3 (id, request_id, client_id, company_id, product, status, submitted_at, state)
SELECT id, request_id, client_id, company_id, product, status, submitted_at, state FROM notifications;

-- Its rows refer to the table that goes, so they move along.
CREATE TABLE deliveries_3 (
    id              INTEGER PRIMARY KEY,
    notification_id TEXT NOT NULL REFERENCES notifications_3 (id),
    started_at      DATETIME NOT NULL,
    duration_us     INTEGER NOT NULL,
    status_code     INTEGER NOT NULL, -- 0: no answer
    fault           TEXT NOT NULL,
    process         TEXT NOT NULL,
    state           TEXT NOT NULL
);
INSERT INTO deliveries_3 (id, notification_id, started_at, duration_us, status_code, fault, process, state)
SELECT id, notification_id, started_at, duration_us, status_code, fault, process, state FROM deliveries;
DROP TABLE deliveries;
DROP TABLE notifications;
ALTER TABLE notifications_3 RENAME TO notifications;
ALTER TABLE deliveries_3 RENAME TO deliveries;
CREATE INDEX notifications_state ON notifications (state, submitted_at, id);
CREATE INDEX deliveries_notification ON deliveries (notification_id);
CREATE INDEX deliveries_age ON deliveries (started_at);

-- There is no way down: the tables before can't hold what is kept of a client that was deleted.
