-- Documents come over the API, in chunks, and are kept as they were submitted until they are decided on and longer.
--
-- Others work meanwhile, as in 00003_clients.sql. A program of the version before sees a client's documents alone, and
-- of a photo its first chunk: it asks no more than whether there is one.

-- +goose NO TRANSACTION
-- +goose Up
-- A document is a client's, or else kept for one: it is being stored, or another one superseded it. Whoever has a lock
-- on documents has one on clients, so that one comes first.
-- +goose StatementBegin
DO $$ BEGIN
    LOCK TABLE clients;
    ALTER TABLE documents
        ALTER COLUMN client_id DROP NOT NULL,
        ADD COLUMN IF NOT EXISTS kept_for text COLLATE "C" REFERENCES clients (id) ON DELETE CASCADE,
        ADD COLUMN IF NOT EXISTS superseded_at timestamptz,
        DROP CONSTRAINT IF EXISTS documents_of_one,
        ADD CONSTRAINT documents_of_one CHECK ((client_id IS NULL) <> (kept_for IS NULL)) NOT VALID;
END $$;
-- +goose StatementEnd
ALTER TABLE documents VALIDATE CONSTRAINT documents_of_one;
DROP INDEX CONCURRENTLY IF EXISTS documents_kept_for;
CREATE INDEX CONCURRENTLY documents_kept_for ON documents (kept_for) WHERE kept_for IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS documents_age;
CREATE INDEX CONCURRENTLY documents_age ON documents (coalesce(superseded_at, created_at), id) WHERE kept_for IS NOT NULL;

-- What of a photo comes behind the chunk that stands in document_images.
CREATE TABLE IF NOT EXISTS document_chunks (
    document_id bigint NOT NULL,
    side        text COLLATE "C" NOT NULL,
    n           integer NOT NULL, -- from 1
    content     bytea NOT NULL,
    PRIMARY KEY (document_id, side, n),
    FOREIGN KEY (document_id, side) REFERENCES document_images (document_id, side) ON DELETE CASCADE
);

-- What the provider decides on.
CREATE TABLE IF NOT EXISTS reviews (
    request_id   text COLLATE "C" PRIMARY KEY REFERENCES requests (id) ON DELETE CASCADE,
    submitted_at timestamptz NOT NULL,
    client       text,     -- JSON, as it was submitted; NULL where that was not recorded
    documents    bigint[], -- the ids of those that were submitted; NULL where that was not recorded
    decided_at   timestamptz
);
CREATE INDEX IF NOT EXISTS reviews_undecided ON reviews (submitted_at, request_id) WHERE decided_at IS NULL;
INSERT INTO reviews (request_id, submitted_at)
SELECT id, updated_at FROM requests WHERE status = 'in_kyc' FOR KEY SHARE ON CONFLICT DO NOTHING;

-- There is no way down: the tables before can't hold a document that was superseded.
