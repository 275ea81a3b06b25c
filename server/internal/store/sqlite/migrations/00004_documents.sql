-- Documents come over the API, in chunks, and are kept as they were submitted until they are decided on and longer.

-- +goose Up
-- A document is a client's, or else kept for one: it is being stored, or another one superseded it.
ALTER TABLE documents ALTER COLUMN client_id DROP NOT NULL;
ALTER TABLE documents ADD COLUMN kept_for TEXT REFERENCES clients (id) ON DELETE CASCADE;
ALTER TABLE documents ADD COLUMN superseded_at DATETIME;
ALTER TABLE documents ADD CONSTRAINT documents_of_one CHECK ((client_id IS NULL) <> (kept_for IS NULL));
CREATE INDEX documents_kept_for ON documents (kept_for) WHERE kept_for IS NOT NULL;
CREATE INDEX documents_age ON documents (coalesce(superseded_at, created_at), id) WHERE kept_for IS NOT NULL;

-- What of a photo comes behind the chunk that stands in document_images.
CREATE TABLE document_chunks (
    document_id INTEGER NOT NULL,
    side        TEXT NOT NULL,
    n           INTEGER NOT NULL, -- from 1
    content     BLOB NOT NULL,
    PRIMARY KEY (document_id, side, n),
    FOREIGN KEY (document_id, side) REFERENCES document_images (document_id, side) ON DELETE CASCADE
);

-- What the provider decides on.
CREATE TABLE reviews (
    request_id   TEXT PRIMARY KEY REFERENCES requests (id) ON DELETE CASCADE,
    submitted_at DATETIME NOT NULL,
    client       TEXT, -- JSON, as it was submitted; NULL where that was not recorded
    documents    TEXT, -- JSON, the ids of those that were submitted; NULL where that was not recorded
    decided_at   DATETIME
);
CREATE INDEX reviews_undecided ON reviews (submitted_at, request_id) WHERE decided_at IS NULL;
INSERT INTO reviews (request_id, submitted_at) SELECT id, updated_at FROM requests WHERE status = 'in_kyc';

-- There is no way down: the tables before can't hold a document that was superseded.
