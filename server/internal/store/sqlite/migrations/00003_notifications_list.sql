-- +goose Up
-- Lists by state and age, a page at a time, and counts by state.
CREATE INDEX notifications_state ON notifications (state, submitted_at, id);
DROP INDEX notifications_unsettled;

-- +goose Down
CREATE INDEX notifications_unsettled ON notifications (state) WHERE state <> 'delivered';
DROP INDEX notifications_state;
