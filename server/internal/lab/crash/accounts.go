package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"time"

	// The drivers, under the names "pgx" and "sqlite".
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/lab/process"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

// company is whose the requests are.
const company = "cmp_crash"

func requestID(i int) string { return fmt.Sprintf("rq_%d", i) }

// clientID is whose a request is: some clients have many.
func clientID(request string) string {
	return fmt.Sprintf("cl_%d", len(request)*10+int(request[len(request)-1]-'0'))
}

// data is complete requests of some clients.
func data(requests int) *dataset.Dataset {
	sample := sample.Data(time.Now())
	d := &dataset.Dataset{Companies: []dataset.Company{{ID: company}}}
	seen := make(map[string]bool)
	for i := 1; i <= requests; i++ {
		id := requestID(i)
		owner := clientID(id)
		if !seen[owner] {
			seen[owner] = true
			client, document := sample.Clients[0], sample.Documents[0]
			client.ID, client.CompanyID, document.ClientID = owner, company, owner
			d.Clients = append(d.Clients, client)
			d.Documents = append(d.Documents, document)
		}
		d.Requests = append(d.Requests, dataset.Request{
			ID: id, ClientID: owner, Product: enablement.CardsIndividuals, Status: enablement.PendingDocumentation,
		})
	}
	return d
}

// accounts is where the three don't agree.
type accounts struct {
	// lost: told to be done, and the database or its audit doesn't say so.
	lost int
	// doubled: more than one client, request, transition, notification or audit row of what was done once.
	doubled int
	// undelivered: in KYC, and the provider doesn't know.
	undelivered int
	// stranded: pending, without a job that would deliver it.
	stranded int
	// phantom: the provider was told, and it isn't in KYC; or something is there of a client that was deleted.
	phantom int
	// wronglyTold: a caller was told what can't be so, or the API says other than it told.
	wronglyTold int
}

func (a accounts) agree() bool { return a == accounts{} }

// row is what the database says of a request.
type row struct {
	status        string
	transitions   int // audit rows into KYC
	notifications int
}

// settle waits until everything is delivered, or for as long as patience lasts, and compares.
func settle(ctx context.Context, location string, p *provider, t *told) (accounts, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	db, err := open(location)
	if err != nil {
		return accounts{}, err
	}
	defer func() { _ = db.Close() }()
	for {
		rows, err := read(context.WithoutCancel(ctx), db)
		if err != nil {
			return accounts{}, err
		}
		var pending int
		if err := db.QueryRowContext(context.WithoutCancel(ctx), `SELECT count(*) FROM notifications WHERE state = 'pending'`).Scan(&pending); err != nil {
			return accounts{}, err
		}
		a := compare(rows, p, t)
		if a.undelivered+pending == 0 || ctx.Err() != nil {
			err := db.QueryRowContext(context.WithoutCancel(ctx), stranded).Scan(&a.stranded)
			return a, err
		}
		process.Pause(ctx, time.Second)
	}
}

const stranded = `
	SELECT count(*) FROM notifications n WHERE n.state = 'pending' AND NOT EXISTS (
		SELECT 1 FROM river_job j WHERE j.kind = 'notification_deliver' AND j.state NOT IN ('cancelled', 'completed', 'discarded')
		AND (j.args ->> 'notification_id' = n.id OR j.args ->> 'others' LIKE '%"' || n.id || '"%'))`

func open(location string) (*sql.DB, error) {
	if strings.Contains(location, "://") {
		return sql.Open("pgx", location)
	}
	return sql.Open("sqlite", "file:"+location+"?mode=ro&_pragma=busy_timeout(10000)")
}

func read(ctx context.Context, db *sql.DB) (_ map[string]row, err error) {
	rows, err := db.QueryContext(ctx, `
		SELECT r.id, r.status,
		       (SELECT count(*) FROM audit a WHERE a.request_id = r.id AND a.to_status = 'in_kyc' AND a.from_status <> 'in_kyc'),
		       (SELECT count(*) FROM notifications n WHERE n.request_id = r.id)
		FROM requests r`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	result := make(map[string]row)
	for rows.Next() {
		var id string
		var r row
		if err := rows.Scan(&id, &r.status, &r.transitions, &r.notifications); err != nil {
			return nil, err
		}
		result[id] = r
	}
	return result, rows.Err()
}

func compare(rows map[string]row, p *provider, t *told) (a accounts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, r := range rows {
		inKYC := r.status == string(enablement.InKYC)
		delivered := p.of(id)
		fact := t.facts[id]
		if fact == nil {
			fact = &facts0
		}
		if (fact.inKYC || fact.notPending) && (!inKYC || r.transitions < 1 || r.notifications < 1) {
			a.lost++
		}
		if r.transitions > 1 || r.notifications > 1 || len(delivered) > 1 {
			a.doubled++
		}
		if inKYC && len(delivered) == 0 {
			a.undelivered++
		}
		if !inKYC && len(delivered) > 0 {
			a.phantom++
		}
		if fact.wrong != "" {
			a.wronglyTold++
			fmt.Fprintln(os.Stderr, "crash: wrongly told of", id+":", fact.wrong)
		}
	}
	for _, id := range p.known() {
		if _, ok := rows[id]; !ok {
			a.phantom++
		}
	}
	return a
}

// facts0 is of a request that nobody submitted.
var facts0 fact
