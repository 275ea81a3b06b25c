package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cryptomate-go/enablement/server/internal/store"
)

// The errors of PostgreSQL that mean something here (its manual, appendix A).
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"
	featureNotSupported  = "0A000"
	queryCanceled        = "57014"
	notInRepertoire      = "22021"
	protocolViolation    = "08P01" // also all that PgBouncer says

	severityError = "ERROR" // above it, the connection has ended
)

// passing are the errors that end a statement for a reason that is not its own, and that may be gone the next
// time. Each is listed: their classes have others, which come again however often one tries.
var passing = []string{
	lockNotAvailable,
	queryCanceled, // it took too long
	"53000",       // too few resources
	"53100",       // the disk is full
	"53200",       // out of memory
	"58030",       // the disk fails
	"25006",       // read-only, as a server is that stands by for another one
}

// classify makes it known that an error is the database's being away, not the statement's fault.
func classify(ctx context.Context, err error) error {
	switch {
	case err == nil, ctx.Err() != nil, !away(err), errors.Is(err, store.ErrUnavailable):
		return err
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}

func away(err error) bool {
	var refused *pgconn.ConnectError
	return errors.As(err, &refused) || lost(err)
}

// lost tells whether the error ended the connection, or the server's patience.
func lost(err error) bool {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return answer.SeverityUnlocalized != severityError || slices.Contains(passing, answer.Code)
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}

// refusal is what a server says to a user, a password, a database or a parameter that it does not take, and ""
// of any other error.
func refusal(err error) string {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return ""
	}
	switch class := answer.Code[:min(2, len(answer.Code))]; class {
	case "28", "3D", "42", "22": // authorization, database name, names, values
		return answer.Message
	}
	for _, words := range []string{"unsupported startup parameter", "no such ", "bouncer config error"} {
		if answer.Code == protocolViolation && strings.HasPrefix(answer.Message, words) {
			return answer.Message
		}
	}
	return ""
}

// repeatable tells whether the transaction can be made again: the server rolled it back for the sake
// of another one, or because a table has changed since the statement was prepared.
func repeatable(err error) bool {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.Code {
	case serializationFailure, deadlockDetected:
		return true
	case featureNotSupported:
		return answer.Routine == "RevalidateCachedQuery"
	}
	return false
}

// broken tells whether the connection broke under a transaction; where it was not being committed, it
// can be made again on another one. A server that can't be reached at all is not asked again.
func broken(err error) bool {
	var answer *pgconn.PgError
	if errors.As(err, &answer) && answer.SeverityUnlocalized == severityError {
		return false
	}
	var refused *pgconn.ConnectError
	return !errors.As(err, &refused) && lost(err)
}

// unconfirmed tells whether a transaction may be committed although its commit ended in an error. Only the
// server can say that it is not; one that dies says nothing of it, whatever its last words are.
func unconfirmed(err error) bool {
	var answer *pgconn.PgError
	switch {
	case err == nil, errors.Is(err, pgx.ErrTxCommitRollback):
		return false
	case errors.As(err, &answer):
		return answer.SeverityUnlocalized != severityError
	}
	return true
}

// absent tells whether a query found no row. What can't be written in the database's encoding is not in
// it either.
func absent(err error) bool {
	var answer *pgconn.PgError
	return errors.Is(err, pgx.ErrNoRows) || errors.As(err, &answer) && answer.Code == notInRepertoire
}

// storable tells whether PostgreSQL can hold the text: UTF-8 without a zero byte.
func storable(text string) bool {
	return utf8.ValidString(text) && !strings.Contains(text, "\x00")
}

// clean makes a text storable that is for people to read.
func clean(text string) string {
	if storable(text) {
		return text
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
