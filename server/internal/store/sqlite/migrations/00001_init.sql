-- +goose Up
CREATE TABLE companies (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    created_at DATETIME NOT NULL
);

CREATE TABLE api_keys (
    id         TEXT PRIMARY KEY,
    company_id TEXT NOT NULL REFERENCES companies (id),
    prefix     TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    level      INTEGER NOT NULL CHECK (level >= 1),
    allow      TEXT NOT NULL, -- address ranges, separated by spaces; empty: any
    created_at DATETIME NOT NULL,
    expires_at DATETIME,
    revoked_at DATETIME,
    last_used_at DATETIME
);

CREATE TABLE clients (
    id                 TEXT PRIMARY KEY,
    company_id         TEXT NOT NULL REFERENCES companies (id),
    first_name         TEXT NOT NULL,
    second_name        TEXT NOT NULL,
    last_name          TEXT NOT NULL,
    email              TEXT NOT NULL,
    birth_date         TEXT NOT NULL,
    phone_country_code INTEGER NOT NULL,
    phone_number       INTEGER NOT NULL,
    country            TEXT NOT NULL,
    address            TEXT NOT NULL, -- JSON, as it came
    created_at         DATETIME NOT NULL
);

CREATE TABLE documents (
    id         INTEGER PRIMARY KEY,
    client_id  TEXT NOT NULL REFERENCES clients (id),
    type       TEXT NOT NULL,
    metadata   TEXT NOT NULL, -- JSON
    created_at DATETIME NOT NULL,
    UNIQUE (client_id, type)
);

-- Apart from documents, so that an evaluation never reads the photos.
CREATE TABLE document_images (
    document_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    side        TEXT NOT NULL CHECK (side IN ('front', 'back')),
    media_type  TEXT NOT NULL,
    content     BLOB NOT NULL,
    PRIMARY KEY (document_id, side)
);

CREATE TABLE requests (
    id                    TEXT PRIMARY KEY,
    client_id             TEXT NOT NULL REFERENCES clients (id),
    product               TEXT NOT NULL,
    status                TEXT NOT NULL,
    evaluation            TEXT NOT NULL, -- JSON, of the last evaluation; empty before the first
    rejection_code        TEXT NOT NULL,
    rejection_description TEXT NOT NULL,
    created_at            DATETIME NOT NULL,
    updated_at            DATETIME NOT NULL
);

CREATE INDEX requests_client ON requests (client_id);

CREATE TABLE audit (
    id          INTEGER PRIMARY KEY,
    request_id  TEXT NOT NULL REFERENCES requests (id),
    company_id  TEXT NOT NULL,
    key_id      TEXT NOT NULL,
    trace_id    TEXT NOT NULL,
    from_status TEXT NOT NULL,
    to_status   TEXT NOT NULL,
    missing     INTEGER NOT NULL, -- requirements left
    rejected    INTEGER NOT NULL, -- items rejected
    at          DATETIME NOT NULL
);

CREATE INDEX audit_request ON audit (request_id);

CREATE TABLE idempotency (
    id          BLOB PRIMARY KEY, -- hash of company, operation and key: the key itself is not kept
    fingerprint BLOB NOT NULL,    -- hash of what was asked
    reply       BLOB NOT NULL,    -- the bytes that were answered
    created_at  DATETIME NOT NULL
);

CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE notifications (
    id           TEXT PRIMARY KEY,
    request_id   TEXT NOT NULL UNIQUE REFERENCES requests (id), -- one per request, ever
    client_id    TEXT NOT NULL,
    company_id   TEXT NOT NULL,
    product      TEXT NOT NULL,
    status       TEXT NOT NULL,
    submitted_at DATETIME NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead'))
);

CREATE INDEX notifications_unsettled ON notifications (state) WHERE state <> 'delivered';

CREATE TABLE deliveries (
    id              INTEGER PRIMARY KEY,
    notification_id TEXT NOT NULL REFERENCES notifications (id),
    started_at      DATETIME NOT NULL,
    duration_us     INTEGER NOT NULL,
    status_code     INTEGER NOT NULL, -- 0: no answer
    fault           TEXT NOT NULL,
    process         TEXT NOT NULL,
    state           TEXT NOT NULL
);

CREATE INDEX deliveries_notification ON deliveries (notification_id);
CREATE INDEX deliveries_age ON deliveries (started_at);

-- +goose Down
DROP TABLE deliveries;
DROP TABLE notifications;
DROP TABLE idempotency;
DROP TABLE audit;
DROP TABLE requests;
DROP TABLE document_images;
DROP TABLE documents;
DROP TABLE clients;
DROP TABLE api_keys;
DROP TABLE companies;
