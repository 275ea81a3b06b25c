package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/app"
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
	var ids, names, requests, records, documents, kept, photos, audit map[string][]string
	for query, to := range map[string]*map[string][]string{
		`SELECT lower(email), id FROM clients`:                                  &ids,
		`SELECT id, second_name FROM clients`:                                   &names,
		`SELECT client_id, id FROM requests`:                                    &requests,
		`SELECT client_id, 'record' FROM idempotency`:                           &records,
		`SELECT client_id, metadata FROM documents WHERE client_id IS NOT NULL`: &documents,
		`SELECT kept_for, metadata FROM documents WHERE kept_for IS NOT NULL`:   &kept,
		wholePhotos: &photos,
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
		a.hold(l, "record under a key", there*(1+requested+l.documents), len(records[l.id]))
		a.hold(l, "document", there*one(l.documents > 0), len(documents[l.id]))
		a.hold(l, "document as last told", there*one(l.documents > 0), countIn(documents[l.id], `"`+l.number+`"`))
		a.hold(l, "photo of the document, whole", there*2*one(l.documents > 0), len(photos[l.id]))
		if l.deleted {
			a.hold(l, "document of a client that is gone", 0, len(kept[l.id]))
		}
		a.hold(l, "audit row of createClient", 1, count(audit[l.id], "createClient"))
		a.hold(l, "audit row of requestProduct", requested, count(audit[l.id], "requestProduct"))
		a.hold(l, "audit row of deleteClient", one(l.deleted), count(audit[l.id], "deleteClient"))
		a.hold(l, "audit row of completeDocumentation", l.documents, count(audit[l.id], "completeDocumentation"))
		updates := count(audit[l.id], "updateClient") // an attempt without a response may have been one
		a.hold(l, "audit row of updateClient", min(max(updates, l.updates), l.sent), updates)
	}
	return nil
}

// pruneUploads tells how many uploads a kill broke off, and removes them, as the upkeep does after an hour. None may stay.
func pruneUploads(ctx context.Context, location string, a *accounts) (broken int, err error) {
	db, err := open(location)
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	counted := func() (n int, err error) {
		return n, db.QueryRowContext(ctx, `SELECT count(*) FROM documents WHERE client_id IS NULL AND superseded_at IS NULL`).Scan(&n)
	}
	if broken, err = counted(); err != nil {
		return 0, err
	}
	store, err := app.OpenExisting(ctx, location, slog.New(slog.DiscardHandler))
	if err != nil {
		return 0, err
	}
	_, err = store.PruneDocuments(ctx, time.Now())
	if err = errors.Join(err, store.Close()); err != nil {
		return 0, err
	}
	left, err := counted()
	a.phantom += left
	return broken, err
}

// wholePhotos are the photos of clients' documents of which no byte is missing.
var wholePhotos = fmt.Sprintf(`
	SELECT d.client_id, i.side FROM documents d JOIN document_images i ON i.document_id = d.id
	WHERE d.client_id IS NOT NULL AND d.type = 'national_id' AND length(i.content) + coalesce((
		SELECT sum(length(content)) FROM document_chunks c WHERE c.document_id = i.document_id AND c.side = i.side), 0) = %d`, photoSize)

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
				!slices.ContainsFunc(products, func(p api.Product) bool {
					return p.ID != l.request || p.Misses("national_id") != (l.documents == 0)
				}), "list of products", err)
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

func countIn(list []string, part string) (n int) {
	for _, v := range list {
		n += one(strings.Contains(v, part))
	}
	return n
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}
