-- Ids sort byte by byte, as in SQLite, whatever the database's own collation is.

-- +goose Up
CREATE TABLE companies (
    id         text COLLATE "C" PRIMARY KEY,
    name       text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE api_keys (
    id           text COLLATE "C" PRIMARY KEY,
    company_id   text COLLATE "C" NOT NULL REFERENCES companies (id),
    prefix       text NOT NULL,
    hash         bytea NOT NULL UNIQUE,
    level        integer NOT NULL CHECK (level >= 1),
    allow        text NOT NULL, -- address ranges, separated by spaces; empty: any
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);

CREATE TABLE clients (
    id                 text COLLATE "C" PRIMARY KEY,
    company_id         text COLLATE "C" NOT NULL REFERENCES companies (id),
    first_name         text NOT NULL,
    second_name        text NOT NULL,
    last_name          text NOT NULL,
    email              text NOT NULL,
    birth_date         text NOT NULL,
    phone_country_code bigint NOT NULL,
    phone_number       bigint NOT NULL,
    country            text NOT NULL,
    address            text NOT NULL, -- JSON, as it came
    created_at         timestamptz NOT NULL
);

CREATE TABLE documents (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_id  text COLLATE "C" NOT NULL REFERENCES clients (id),
    type       text COLLATE "C" NOT NULL,
    metadata   text NOT NULL, -- JSON
    created_at timestamptz NOT NULL,
    UNIQUE (client_id, type)
);

-- Apart from documents, so that an evaluation never reads the photos.
CREATE TABLE document_images (
    document_id bigint NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    side        text COLLATE "C" NOT NULL CHECK (side IN ('front', 'back')),
    media_type  text NOT NULL,
    content     bytea NOT NULL,
    PRIMARY KEY (document_id, side)
);

-- The room left on each page lets a request's new version stay on it, so that no index is written.
CREATE TABLE requests (
    id                    text COLLATE "C" PRIMARY KEY,
    client_id             text COLLATE "C" NOT NULL REFERENCES clients (id),
    product               text NOT NULL,
    status                text NOT NULL,
    evaluation            text NOT NULL, -- JSON, of the last evaluation; empty before the first
    rejection_code        text NOT NULL,
    rejection_description text NOT NULL,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL
) WITH (fillfactor = 80);

CREATE INDEX requests_client ON requests (client_id);

CREATE TABLE audit (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id  text COLLATE "C" NOT NULL REFERENCES requests (id),
    company_id  text NOT NULL,
    key_id      text NOT NULL,
    trace_id    text NOT NULL,
    from_status text NOT NULL,
    to_status   text NOT NULL,
    missing     integer NOT NULL, -- requirements left
    rejected    integer NOT NULL, -- items rejected
    at          timestamptz NOT NULL
);

CREATE INDEX audit_request ON audit (request_id);

CREATE TABLE idempotency (
    id          bytea PRIMARY KEY,   -- hash of company, operation and key: the key itself is not kept
    fingerprint bytea NOT NULL,      -- hash of what was asked
    reply       bytea NOT NULL,      -- the bytes that were answered
    created_at  timestamptz NOT NULL
);

CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE notifications (
    id           text COLLATE "C" PRIMARY KEY,
    request_id   text COLLATE "C" NOT NULL UNIQUE REFERENCES requests (id), -- one per request, ever
    client_id    text NOT NULL,
    company_id   text NOT NULL,
    product      text NOT NULL,
    status       text NOT NULL,
    submitted_at timestamptz NOT NULL,
    state        text COLLATE "C" NOT NULL CHECK (state IN ('pending', 'delivered', 'dead'))
);

CREATE INDEX notifications_unsettled ON notifications (state) WHERE state <> 'delivered';

CREATE TABLE deliveries (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notification_id text COLLATE "C" NOT NULL REFERENCES notifications (id),
    started_at      timestamptz NOT NULL,
    duration_us     bigint NOT NULL,
    status_code     integer NOT NULL, -- 0: no answer
    fault           text NOT NULL,
    process         text NOT NULL,
    state           text NOT NULL
);

-- With the id: else the planner may walk all deliveries backwards to find the last of one notification.
CREATE INDEX deliveries_notification ON deliveries (notification_id, id);
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
