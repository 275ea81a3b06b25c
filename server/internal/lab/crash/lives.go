package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/lab/process"
)

// product is what all clients ask for.
const product = api.CardsIndividuals

// lives are the clients that callers make, change and delete over HTTP.
type lives struct {
	done    atomic.Bool
	calls   atomic.Int64 // attempts
	unknown atomic.Int64

	mu  sync.Mutex
	all []*life
}

// life is what the only caller of a client was told of it.
type life struct {
	born   api.ClientInput // what it was created with
	stored api.ClientInput // the last that was told to be stored
	// id and request are empty until they are told.
	id, request string
	// updates are those told, sent the attempts of them.
	updates, sent int
	// documents are those told, and number is the last one's.
	documents int
	number    string
	deleted   bool
	// creation and asking are what was first told under the idempotency key of each.
	creation, asking []byte
	// wrong is why the caller was told something that can't be so; empty if it was not.
	wrong string
}

// living starts the callers, whom the group waits for.
func (ls *lives) living(ctx context.Context, f *fleet, key string) *sync.WaitGroup {
	var group sync.WaitGroup
	for range livingCallers {
		group.Go(func() {
			by := caller{ls, f, key, &http.Transport{MaxIdleConnsPerHost: 2}}
			defer by.transport.CloseIdleConnections()
			for ctx.Err() == nil && !ls.done.Load() {
				ls.next().live(ctx, by)
			}
		})
	}
	return &group
}

// enough has the callers finish the call they are at, until they know what became of it.
func (ls *lives) enough() { ls.done.Store(true) }

// String is how many of each operation were told to be done.
func (ls *lives) String() string {
	var created, requested, updated, documents, deleted int
	for _, l := range ls.all {
		created += one(l.id != "")
		requested += one(l.request != "")
		updated += l.updates
		documents += l.documents
		deleted += one(l.deleted)
	}
	return fmt.Sprintf("created=%d requested=%d updated=%d documents=%d deleted=%d", created, requested, updated, documents, deleted)
}

func (ls *lives) next() *life {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := &life{born: api.ClientInput{
		FirstName: "Crash", LastName: "Example", BirthDate: "1984-11-21", Email: fmt.Sprintf("Life%d@example.com", len(ls.all)),
		Address: api.AddressInput{StreetLine1: "Calle 1", City: "Del Viso", PostalCode: "1669", State: "ARG-B", Country: "ARG"},
	}}
	ls.all = append(ls.all, l)
	return l
}

// caller makes the calls of one life after the other.
type caller struct {
	lives     *lives
	fleet     *fleet
	key       string
	transport *http.Transport
}

// call makes a call of one attempt again and again until it is known what became of it, and returns that. It also tells
// whether an attempt before may have done it.
func (by caller) call(ctx context.Context, attempt func(*client.Client) error) (before bool, err error) {
	for ctx.Err() == nil {
		c, err := by.fleet.client(by.key, by.transport, client.WithRetry(client.RetryPolicy{MaxAttempts: 1}))
		if err == nil {
			by.lives.calls.Add(1)
			if err = attempt(c); known(err) {
				return before, err
			}
			if failed, ok := errors.AsType[*client.Error](err); ok && failed.Outcome == client.Unknown {
				by.lives.unknown.Add(1)
				before = true
			}
		}
		process.Pause(ctx, 20*time.Millisecond)
	}
	return before, ctx.Err()
}

// known tells whether it is clear what became of a call. Under a key that was named, the SDK calls a client or a request
// that is there already unknown: it may be of an attempt before. To the service it is a refusal, which no repeat undoes.
func known(err error) bool {
	failed, ok := errors.AsType[*client.Error](err)
	if ok && failed.StatusCode == http.StatusServiceUnavailable { // there is no place for another upload
		return false
	}
	return !ok || failed.Outcome == client.Refused ||
		errors.Is(err, client.ErrExists) || errors.Is(err, client.ErrActive) || errors.Is(err, client.ErrInvalidInput)
}

// live goes the way of a client from its creation, for as long as it is not enough and nothing was wrong.
func (l *life) live(ctx context.Context, by caller) {
	way := []func(context.Context, caller){
		l.create, l.update, l.ask, l.add, l.update, l.twice, l.create, l.ask, l.add, l.update, l.delete,
	}
	if rand.N(2) == 0 {
		way = way[:len(way)-1] // it stays
	}
	for _, step := range way {
		if by.lives.done.Load() || l.wrong != "" {
			return
		}
		step(ctx, by)
	}
}

// create creates the client, or asks for it once more under the same key.
func (l *life) create(ctx context.Context, by caller) {
	var created *api.Client
	var response client.Response
	_, err := by.call(ctx, func(c *client.Client) (err error) {
		created, err = c.CreateClient(ctx, l.born, client.WithIdempotencyKey(l.born.Email), client.WithResponse(&response))
		return err
	})
	if l.must(err == nil && l.sameBytes(&l.creation, response.Body), "create", err) && l.id == "" {
		l.id, l.stored = created.ID, created.Input()
		l.must(l.stored == l.born, "what was created", nil)
	}
}

// ask asks for the product, or once more under the same key.
func (l *life) ask(ctx context.Context, by caller) {
	var requested *api.Product
	var response client.Response
	_, err := by.call(ctx, func(c *client.Client) (err error) {
		requested, err = c.RequestProduct(ctx, l.id, product, client.WithIdempotencyKey(l.born.Email), client.WithResponse(&response))
		return err
	})
	if l.must(err == nil && l.sameBytes(&l.asking, response.Body), "request", err) && l.request == "" {
		l.request = requested.ID
	}
}

// twice asks for what there is, under other keys.
func (l *life) twice(ctx context.Context, by caller) {
	twin := l.born
	twin.Email = strings.ToUpper(twin.Email)
	_, err := by.call(ctx, func(c *client.Client) error {
		_, err := c.CreateClient(ctx, twin)
		return err
	})
	l.must(errors.Is(err, client.ErrExists), "create with an e-mail in use", err)
	_, err = by.call(ctx, func(c *client.Client) error {
		_, err := c.RequestProduct(ctx, l.id, product)
		return err
	})
	l.must(errors.Is(err, client.ErrActive), "request beside an active one", err)
}

// update puts the next number into two fields, which must never part.
func (l *life) update(ctx context.Context, by caller) {
	next := l.stored
	next.SecondName = fmt.Sprint("Update ", l.updates+1)
	next.Address.StreetLine2 = next.SecondName
	_, err := by.call(ctx, func(c *client.Client) error {
		l.sent++
		updated, err := c.UpdateClient(ctx, l.id, next)
		if err == nil {
			l.stored = updated.Input()
		}
		return err
	})
	if l.must(err == nil && l.stored == next, "update", err) {
		l.updates++
	}
}

// photoSize is that of each photo: large, so that many kills come in the middle of one.
const photoSize = 2 << 20

// photo is of any picture; what is behind its end nobody looks at.
var photo = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil) // to memory: can't fail
	return append(b.Bytes(), make([]byte, photoSize-b.Len())...)
})

// add adds a document of the next number, which takes the place of the one before. It is the client's alone when the whole
// of it is stored.
func (l *life) add(ctx context.Context, by caller) {
	number := fmt.Sprint("LIFE", l.documents+1)
	front := client.PhotoReader(bytes.NewReader(photo()))
	var evaluated *api.EvaluatedProduct
	_, err := by.call(ctx, func(c *client.Client) (err error) {
		evaluated, err = c.CompleteDocumentation(ctx, l.id, l.request, client.Document{
			Type: "national_id", Front: front, Back: client.PhotoReader(bytes.NewReader(photo())), Replace: true,
			Metadata: map[string]string{"number": number, "issuing_country": "ARG", "expiration_date": "2036-01-31"},
		}, client.WithIdempotencyKey(l.born.Email+number))
		return err
	})
	if l.must(err == nil && len(evaluated.RejectedItems) == 0 && !evaluated.Product.Misses("national_id"), "document", err) {
		l.documents++
		l.number = number
	}
}

// delete ends the life. That there is nothing to delete is right only after an attempt that may have deleted it.
func (l *life) delete(ctx context.Context, by caller) {
	before, err := by.call(ctx, func(c *client.Client) error { return c.DeleteClient(ctx, l.id) })
	l.deleted = l.must(err == nil || before && errors.Is(err, client.ErrNotFound), "delete", err)
}

// sameBytes tells whether a response is the one that was first told under its key.
func (l *life) sameBytes(first *[]byte, response []byte) bool {
	if *first == nil {
		*first = response
	}
	return bytes.Equal(*first, response)
}

// must notes what was told wrongly.
func (l *life) must(right bool, of string, err error) bool {
	if !right && l.wrong == "" {
		l.wrong = fmt.Sprintf("%s: not as it must be, error: %v", of, err)
	}
	return right
}
