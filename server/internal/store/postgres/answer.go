package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cryptomate-go/enablement/server/internal/store"
)

// inTime runs f, which waits for the server, for no longer than [store.AnswerTimeout].
func inTime(ctx context.Context, f func(context.Context) error) error {
	return classify(ctx, store.InTime(ctx, f))
}

// whileAnswering returns a context that ends when the server answers no more: a migration may take as long as it
// needs, but not wait for a server that is gone. Nobody else uses the connection until done is called, which returns
// what was wrong with the server.
func whileAnswering(ctx context.Context, conn *pgx.Conn) (answering context.Context, done func() error) {
	answering, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		defer cancel()
		ticker := time.NewTicker(store.AnswerTimeout / 3)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				// Not cut by done, which would cost the connection.
				if err := inTime(context.WithoutCancel(ctx), conn.Ping); err != nil {
					ended <- err
					return
				}
			case <-answering.Done():
				ended <- nil
				return
			}
		}
	}()
	return answering, func() error { cancel(); return <-ended }
}
