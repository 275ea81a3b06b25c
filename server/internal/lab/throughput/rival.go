package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
)

// besideRival measures both services. Each has a database of its own, or one would work the other's queue.
func (c config) besideRival(ctx context.Context) (err error) {
	other, drop, err := c.another(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drop(context.WithoutCancel(ctx))) }()
	ours, err := c.start(ctx, c.binary, c.db)
	if err != nil {
		return err
	}
	defer ours.kill()
	theirs, err := c.start(ctx, c.rival, other)
	if err != nil {
		return err
	}
	defer theirs.kill()
	measure := c.compare
	if c.paced {
		measure = func(ctx context.Context, ours *service, _ side) error { return c.pace(ctx, ours, theirs) }
	}
	if err := measure(ctx, ours, theirs); err != nil {
		return err
	}
	return errors.Join(ours.stop(), theirs.stop())
}

// another is a second database beside the first one: another file, or another database of the same server.
func (c config) another(ctx context.Context) (location string, drop func(context.Context) error, err error) {
	if c.engine() == "sqlite" {
		return c.db + ".rival", func(context.Context) error { return nil }, nil
	}
	address, err := url.Parse(c.db)
	if err != nil {
		return "", nil, errors.New("the database's URL can't be read") // the error would tell a password
	}
	const name = "throughput_rival"
	execute := func(ctx context.Context, statement string) error {
		db, err := sql.Open("pgx", c.db)
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		if _, err = db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
		return nil
	}
	drop = func(ctx context.Context) error { return execute(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") }
	if err := drop(ctx); err != nil {
		return "", nil, err
	}
	address.Path = "/" + name
	return address.String(), drop, execute(ctx, "CREATE DATABASE "+name+" ENCODING 'UTF8' TEMPLATE template0")
}
