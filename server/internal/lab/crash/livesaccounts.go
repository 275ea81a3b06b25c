package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
)

// account adds to the accounts where the database or the API don't agree with what the callers were told.
func (ls *lives) account(ctx context.Context, location string, f *fleet, key string, a *accounts) error {
	if err := ls.accountDatabase(ctx, location, a); err != nil {
		return err
	}
	c, err := f.client(key, http.DefaultTransport)
	if err != nil {
		return err
	}
	return ls.accountAPI(ctx, c, a)
}

func (ls *lives) accountDatabase(ctx context.Context, location string, a *accounts) error {
	db, err := open(location)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var ids, names, requests, records, documents, audit map[string][]string
	for query, to := range map[string]*map[string][]string{
		`SELECT lower(email), id FROM clients`:                                      &ids,
		`SELECT id, second_name FROM clients`:                                       &names,
		`SELECT client_id, id FROM requests`:                                        &requests,
		`SELECT client_id, 'record' FROM idempotency`:                               &records,
		`SELECT client_id, type FROM documents`:                                     &documents,
		`SELECT client_id, operation FROM audit WHERE operation <> 'submitProduct'`: &audit,
	} {
		if *to, err = pairs(ctx, db, query); err != nil {
			return err
		}
	}
	for _, l := range ls.all {
		there := one(l.id != "" && !l.deleted)
		requested := one(l.request != "")
		a.hold(l, "client of the e-mail", there, len(ids[strings.ToLower(l.born.Email)]))
		if l.id == "" {
			continue
		}
		a.hold(l, "client as last told", there, count(names[l.id], l.stored.SecondName))
		a.hold(l, "request", there*requested, len(requests[l.id]))
		a.hold(l, "request told", there*requested, count(requests[l.id], l.request))
		a.hold(l, "record under a key", there*(1+requested), len(records[l.id]))
		a.hold(l, "document", 0, len(documents[l.id]))
		a.hold(l, "audit row of createClient", 1, count(audit[l.id], "createClient"))
		a.hold(l, "audit row of requestProduct", requested, count(audit[l.id], "requestProduct"))
		a.hold(l, "audit row of deleteClient", one(l.deleted), count(audit[l.id], "deleteClient"))
		updates := count(audit[l.id], "updateClient") // an attempt without a response may have been one
		a.hold(l, "audit row of updateClient", min(max(updates, l.updates), l.sent), updates)
	}
	return nil
}

// accountAPI adds what the API now says wrongly.
func (ls *lives) accountAPI(ctx context.Context, c *client.Client, a *accounts) error {
	clients, err := c.Clients(ctx)
	if err != nil {
		return err
	}
	listed := make(map[string]api.ClientInput)
	for _, stored := range clients {
		listed[stored.ID] = stored.Input()
	}
	for _, l := range ls.all {
		if l.id == "" {
			a.tellWrong(l)
			continue
		}
		stored, there := listed[l.id]
		products, err := c.Products(ctx, l.id)
		if l.deleted {
			l.must(!there && errors.Is(err, client.ErrNotFound), "list of a deleted client", err)
		} else {
			l.must(there && stored == l.stored, "list of clients", nil)
			l.must(err == nil && len(products) == one(l.request != "") &&
				!slices.ContainsFunc(products, func(p api.Product) bool { return p.ID != l.request }), "list of products", err)
		}
		a.tellWrong(l)
	}
	return nil
}

// hold compares how many of a thing there must be with how many there are.
func (a *accounts) hold(l *life, thing string, must, are int) {
	switch {
	case are == must:
		return
	case are < must:
		a.lost++
	case must > 0:
		a.doubled++
	default:
		a.phantom++
	}
	fmt.Fprintf(os.Stderr, "crash: client %s (%s): %s: %d, must be %d\n", l.id, l.born.Email, thing, are, must)
}

func (a *accounts) tellWrong(l *life) {
	if l.wrong != "" {
		a.wronglyTold++
		fmt.Fprintf(os.Stderr, "crash: wrongly told of client %s (%s): %s\n", l.id, l.born.Email, l.wrong)
	}
}

// pairs returns all second columns by their first.
func pairs(ctx context.Context, db *sql.DB, query string) (_ map[string][]string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	result := make(map[string][]string)
	for rows.Next() {
		var first, second string
		if err := rows.Scan(&first, &second); err != nil {
			return nil, err
		}
		result[first] = append(result[first], second)
	}
	return result, rows.Err()
}

func count(list []string, value string) (n int) {
	for _, v := range list {
		n += one(v == value)
	}
	return n
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}
