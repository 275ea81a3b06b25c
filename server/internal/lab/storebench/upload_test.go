package storebench

import (
	"context"
	"crypto/rand"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

// uploads are how many documents each side of BenchmarkUpload stores, in turns.
const uploads = 5

// BenchmarkUpload measures how much of photos a store keeps in a second, beside the driver alone, which writes the same
// bytes in the same chunks, each in a transaction of its own that is as durable. A document has two photos of the largest size.
func BenchmarkUpload(b *testing.B) {
	plain := map[string]func(testing.TB) func(store.Chunk) error{"sqlite": plainSQLite, "postgres": plainPostgres}
	photo := enablement.Photo{Content: noise(enablement.MaxPhotoSize), Size: enablement.MaxPhotoSize}
	upload := enablement.Upload{Type: "passport", Front: photo, Back: photo}
	for name, open := range engines {
		b.Run(name, func(b *testing.B) {
			db := open(b)
			require.NoError(b, db.Import(b.Context(), sample.Data(time.Now())))
			write := plain[name](b)
			sides := [2]func() error{
				func() error {
					_, err := db.Upload(b.Context(), sample.Company, sample.Cases[0].ClientID, upload, time.Now())
					return err
				},
				func() error {
					for chunk := range store.Chunks(upload) {
						if err := write(chunk); err != nil {
							return err
						}
					}
					return nil
				},
			}
			var took [2]time.Duration
			for range b.N * uploads {
				for i, run := range sides {
					began := time.Now()
					require.NoError(b, run())
					took[i] += time.Since(began)
				}
			}
			b.ReportMetric(0, "ns/op")
			for i, side := range [2]string{"ours", "theirs"} {
				b.ReportMetric(float64(b.N*uploads*2*enablement.MaxPhotoSize)/1e6/took[i].Seconds(), side+"-MB/s-"+name)
			}
		})
	}
}

// noise is a photo as far as a store knows. Nothing of it can be compressed.
func noise(size int) []byte {
	content := make([]byte, size)
	_, _ = rand.Read(content) // it never fails
	copy(content, "\xFF\xD8\xFF")
	return content
}

func plainSQLite(t testing.TB) func(store.Chunk) error {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "plain.db")+
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(t.Context(), `CREATE TABLE chunks (id INTEGER PRIMARY KEY, side TEXT NOT NULL, n INTEGER NOT NULL, content BLOB NOT NULL)`)
	require.NoError(t, err)
	insert, err := db.PrepareContext(t.Context(), `INSERT INTO chunks (side, n, content) VALUES (?, ?, ?)`)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, insert.Close()) })
	return func(c store.Chunk) error {
		_, err := insert.ExecContext(t.Context(), c.Side, c.N, c.Content)
		return err
	}
}

func plainPostgres(t testing.TB) func(store.Chunk) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pgtest.DSN(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) })
	_, err = conn.Exec(t.Context(), `
		CREATE TABLE chunks (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, side text NOT NULL, n integer NOT NULL, content bytea NOT NULL)`)
	require.NoError(t, err)
	return func(c store.Chunk) error {
		_, err := conn.Exec(t.Context(), `INSERT INTO chunks (side, n, content) VALUES ($1, $2, $3)`, c.Side, c.N, c.Content)
		return err
	}
}
