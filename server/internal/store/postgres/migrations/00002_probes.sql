-- A row is written here and removed at once, to see whether anything can be written.

-- +goose Up
CREATE TABLE probes (
    content text NOT NULL
);

-- +goose Down
DROP TABLE probes;
