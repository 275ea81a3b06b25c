-- +goose Up
-- A row is written here and removed at once, to see whether anything can be written.
CREATE TABLE probes (
    content TEXT NOT NULL
);

-- Lists by state and age, a page at a time, and counts by state.
CREATE INDEX notifications_state ON notifications (state, submitted_at, id);
DROP INDEX notifications_unsettled;

-- +goose Down
CREATE INDEX notifications_unsettled ON notifications (state) WHERE state <> 'delivered';
DROP INDEX notifications_state;
DROP TABLE probes;
