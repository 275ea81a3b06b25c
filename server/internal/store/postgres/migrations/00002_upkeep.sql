-- Indexes are built while others write. What an interrupted build left behind is dropped first.

-- +goose NO TRANSACTION
-- +goose Up
-- A row is written here and removed at once, to see whether anything can be written.
CREATE TABLE IF NOT EXISTS probes (
    content text NOT NULL
);

-- Lists by state and age, a page at a time, and counts by state.
DROP INDEX CONCURRENTLY IF EXISTS notifications_state;
CREATE INDEX CONCURRENTLY notifications_state ON notifications (state, submitted_at, id);
DROP INDEX CONCURRENTLY IF EXISTS notifications_unsettled;

-- Goes through old deliveries by age, even where many were made at the same moment.
DROP INDEX CONCURRENTLY IF EXISTS deliveries_age_id;
CREATE INDEX CONCURRENTLY deliveries_age_id ON deliveries (started_at, id);
DROP INDEX CONCURRENTLY IF EXISTS deliveries_age;

-- +goose Down
DROP INDEX CONCURRENTLY IF EXISTS deliveries_age;
CREATE INDEX CONCURRENTLY deliveries_age ON deliveries (started_at);
DROP INDEX CONCURRENTLY IF EXISTS deliveries_age_id;
DROP INDEX CONCURRENTLY IF EXISTS notifications_unsettled;
CREATE INDEX CONCURRENTLY notifications_unsettled ON notifications (state) WHERE state <> 'delivered';
DROP INDEX CONCURRENTLY IF EXISTS notifications_state;
DROP TABLE IF EXISTS probes;
