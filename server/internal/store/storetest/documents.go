package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
)

const (
	mebibyte = 1 << 20
	// perMebibyte is how many chunks it is stored in.
	perMebibyte = 4

	// What is not superseded.
	currentDocuments = `documents WHERE client_id IS NOT NULL`
	currentImages    = `document_images WHERE document_id IN (SELECT id FROM ` + currentDocuments + `)`
)

// photo is a good one that is larger by so many bytes than it has to be. No two are the same.
func photo(larger int) enablement.Photo {
	content := sample.Data(now).Documents[0].Front.Content
	behind := make([]byte, larger+8)
	for i := range behind {
		behind[i] = byte(rand.Uint32())
	}
	content = append(content[:len(content):len(content)], behind...)
	return enablement.Photo{Content: content, Size: int64(len(content))}
}

// passport is an upload that takes the place of whatever is there.
func passport(number string, larger int) enablement.Upload {
	d := sample.Data(now).Documents[0]
	d.Metadata["number"] = number
	return enablement.Upload{Type: d.Type, Front: photo(larger), Metadata: d.Metadata, Replace: true}
}

// upload begins to store a document.
func upload(t *testing.T, f Fixture, clientID string, u enablement.Upload, at time.Time) int64 {
	t.Helper()
	id, err := f.Upload(t.Context(), sample.Company, clientID, u, at)
	require.NoError(t, err)
	return id
}

// link completes the documentation of a request with an upload that is stored.
func link(t *testing.T, f Fixture, c sample.Case, u enablement.Upload, id int64, at time.Time) (enablement.Change, error) {
	t.Helper()
	call := callOf("completeDocumentation", c.ClientID, "")
	call.RequestID = c.RequestID
	return f.Change(t.Context(), call, func(file enablement.File) (enablement.Change, error) {
		change, err := enablement.CompleteDocumentation(file, u, at)
		if change.Document != nil {
			change.Document.ID = id
		}
		return change, err
	})
}

// complete uploads a document and makes it the client's.
func complete(t *testing.T, f Fixture, c sample.Case, u enablement.Upload, at time.Time) int64 {
	t.Helper()
	id := upload(t, f, c.ClientID, u, at)
	_, err := link(t, f, c, u, id, at)
	require.NoError(t, err)
	return id
}

func documentsOf(t *testing.T, f Fixture, clientID string) []enablement.Document {
	t.Helper()
	file, err := f.File(t.Context(), sample.Company, clientID)
	require.NoError(t, err)
	return file.Documents
}

func requirePhoto(t *testing.T, f Fixture, documentID int64, side string, want enablement.Photo) {
	t.Helper()
	got, err := f.Photo(t.Context(), documentID, side)
	require.NoError(t, err)
	require.Equal(t, want.Size, got.Size)
	require.Equal(t, string(want.Content), string(got.Content))
}

func pruneDocuments(t *testing.T, f Fixture, before time.Time) int64 {
	t.Helper()
	n, err := f.PruneDocuments(t.Context(), before)
	require.NoError(t, err)
	return n
}

func exerciseDocuments(t *testing.T, open Open) {
	first, incomplete := sample.Cases[0], sample.Cases[1]

	t.Run("upload", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		images := f.Count("document_images")
		before := current(t, f, incomplete)
		u := passport("NEW1", 3*mebibyte)
		u.Back = photo(0)
		id := upload(t, f, incomplete.ClientID, u, now)
		require.Equal(t, images+2, f.Count("document_images"))
		require.Equal(t, 3*perMebibyte, f.Count("document_chunks"))
		require.Empty(t, documentsOf(t, f, incomplete.ClientID), "it is nobody's yet")
		answered, err := submit(t, f, submissionOf(incomplete))
		require.NoError(t, err)
		require.NotEmpty(t, answered.Evaluation.Missing.Documents)

		change, err := link(t, f, incomplete, u, id, now)
		require.NoError(t, err)
		require.Empty(t, change.Request.Evaluation.Missing.Documents)
		require.Equal(t, []enablement.Document{{ID: id, Type: u.Type, FrontImage: true, BackImage: true, Metadata: u.Metadata}},
			documentsOf(t, f, incomplete.ClientID))
		stored := current(t, f, incomplete)
		require.Equal(t, change.Request, stored)
		require.Equal(t, before.Status, stored.Status)
		require.Equal(t, 1, f.Count(`audit WHERE operation = 'completeDocumentation' AND request_id = '`+incomplete.RequestID+`'
			AND client_id = '`+incomplete.ClientID+`' AND missing = 1 AND rejected = 0`))
		requirePhoto(t, f, id, "front", u.Front)
		requirePhoto(t, f, id, "back", u.Back)
		require.Equal(t, 2, f.Count(fmt.Sprintf(`document_images WHERE document_id = %d AND media_type = 'image/png'`, id)))
		requirePhoto(t, f, id, "nonsense", enablement.Photo{})
		requirePhoto(t, f, id+1000, "front", enablement.Photo{})
		require.Zero(t, pruneDocuments(t, f, now.Add(time.Hour)), "it is the client's")
	})

	t.Run("another", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		old := documentsOf(t, f, first.ClientID)
		u := passport("NEW1", 2*mebibyte)
		later := now.Add(time.Minute)
		id := complete(t, f, first, u, later)
		list := documentsOf(t, f, first.ClientID)
		require.Len(t, list, 1, "the one before is not evaluated any more")
		require.Equal(t, id, list[0].ID)
		require.Equal(t, "NEW1", list[0].Metadata["number"])
		require.Equal(t, 1, f.Count(fmt.Sprintf(`documents WHERE id = %d AND client_id IS NULL AND kept_for = '%s'`, old[0].ID, first.ClientID)))

		require.Zero(t, pruneDocuments(t, f, later.Add(-time.Microsecond)))
		require.EqualValues(t, 1, pruneDocuments(t, f, later))
		requirePhoto(t, f, old[0].ID, "front", enablement.Photo{})
		requirePhoto(t, f, id, "front", u.Front)
		require.Equal(t, list, documentsOf(t, f, first.ClientID))
	})

	t.Run("rejected", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		before := documentsOf(t, f, first.ClientID)
		u := passport("", 0)
		change, err := link(t, f, first, u, 0, now)
		require.NoError(t, err)
		require.Len(t, change.Rejected, 1)
		require.Equal(t, before, documentsOf(t, f, first.ClientID))
		require.Equal(t, 1, f.Count(`audit WHERE operation = 'completeDocumentation' AND missing = 0 AND rejected = 1`))
	})

	t.Run("not there", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		u := passport("NEW1", 0)
		others := upload(t, f, incomplete.ClientID, u, now)
		pruned := upload(t, f, first.ClientID, u, now.Add(-time.Hour))
		require.EqualValues(t, 1, pruneDocuments(t, f, now.Add(-time.Hour)))
		superseded := complete(t, f, first, u, now)
		linked := complete(t, f, first, u, now)
		other := u
		other.Type = "national_id"
		ofOtherType := upload(t, f, first.ClientID, other, now)
		file, err := f.File(t.Context(), sample.Company, first.ClientID)
		require.NoError(t, err)
		after := written(f)
		for what, id := range map[string]int64{
			"another client's": others, "pruned": pruned, "superseded": superseded, "linked": linked, "never": 0, "of another type": ofOtherType,
		} {
			_, err := link(t, f, first, u, id, now.Add(time.Hour))
			require.ErrorIs(t, err, batch.ErrUploadGone, what)
		}
		same, err := f.File(t.Context(), sample.Company, first.ClientID)
		require.NoError(t, err)
		require.Equal(t, file, same)
		require.Equal(t, after, written(f))
	})

	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		documents := f.Count("documents")
		for _, ids := range [][2]string{
			{sample.OtherCompany, first.ClientID}, {"nowhere", first.ClientID}, {sample.Company, "nobody"}, {sample.Company, "%"},
			{sample.Company, ""}, {sample.Company, first.ClientID + "\x00"}, {sample.Company, first.ClientID + "\xff"}, {"\x00", first.ClientID},
		} {
			_, err := f.Upload(t.Context(), ids[0], ids[1], passport("NEW1", 0), now)
			require.ErrorIs(t, err, enablement.ErrClientNotFound, "%q", ids)
		}
		require.Equal(t, documents, f.Count("documents"))
		for _, id := range []string{incomplete.RequestID, "nothing", "\x00", "%"} {
			_, err := link(t, f, sample.Case{ClientID: first.ClientID, RequestID: id}, passport("NEW1", 0), 0, now)
			require.ErrorIs(t, err, enablement.ErrRequestNotFound, "%q", id)
		}
		require.Equal(t, rows(0, 0, 0), written(f))
	})

	// during runs f when some of an upload is stored, and returns what became of the upload.
	during := func(t *testing.T, ctx context.Context, f Fixture, clientID string, do func()) error {
		t.Helper()
		chunks := f.Count("document_chunks")
		ended := make(chan error, 1)
		go func() {
			u := passport("NEW1", 9*mebibyte)
			u.Back = u.Front
			_, err := f.Upload(ctx, sample.Company, clientID, u, now)
			ended <- err
		}()
		for f.Count("document_chunks") == chunks {
			select {
			case err := <-ended:
				require.NoError(t, err)
				ended <- err
			default:
			}
		}
		do()
		return <-ended
	}

	t.Run("half of it", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		documents, images := f.Count("documents"), f.Count("document_images")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		require.ErrorIs(t, during(t, ctx, f, incomplete.ClientID, cancel), context.Canceled)
		require.Equal(t, documents+1, f.Count("documents"))
		require.Empty(t, documentsOf(t, f, incomplete.ClientID))
		require.Zero(t, pruneDocuments(t, f, now.Add(-time.Microsecond)), "it may go on")
		require.Positive(t, f.Count("document_chunks"))
		require.EqualValues(t, 1, pruneDocuments(t, f, now))
		require.Equal(t, documents, f.Count("documents"))
		require.Equal(t, images, f.Count("document_images"))
		require.Zero(t, f.Count("document_chunks"))
	})

	t.Run("client deleted meanwhile", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		err := during(t, t.Context(), f, incomplete.ClientID, func() { require.NoError(t, remove(t, f, incomplete.ClientID)) })
		if err != nil { // else all was stored before the client went
			require.ErrorIs(t, err, enablement.ErrClientNotFound)
		}
		require.Zero(t, f.Count(`documents WHERE client_id IS NULL`))
		require.Zero(t, f.Count("document_chunks"))
	})

	t.Run("pruned meanwhile", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		err := during(t, t.Context(), f, incomplete.ClientID, func() { require.EqualValues(t, 1, pruneDocuments(t, f, now)) })
		if err != nil { // else all was stored before the document went
			require.ErrorIs(t, err, enablement.ErrClientNotFound)
		}
		require.Zero(t, f.Count("document_chunks"))
	})

	// A submission that comes at the same time waits for one chunk at most, so that many get in between.
	t.Run("submissions get in between", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, nil)
		submitted := 0
		require.NoError(t, during(t, t.Context(), f, first.ClientID, func() {
			for chunks := 0; chunks < 14*perMebibyte; chunks = f.Count("document_chunks") {
				_, err := submit(t, f, submissionOf(incomplete))
				require.NoError(t, err)
				submitted++
				require.Less(t, submitted, 10_000, "the upload goes on")
			}
		}))
		require.Greater(t, submitted, 3)
	})

	// A document becomes the client's whole, or not at all.
	t.Run("linked and pruned at once", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		for range 10 {
			u := passport("NEW1", 3*mebibyte)
			id := upload(t, fixtures[0], first.ClientID, u, now.Add(-time.Hour))
			var group sync.WaitGroup
			var linked error
			group.Go(func() { _, linked = link(t, fixtures[0], first, u, id, now) })
			for _, f := range fixtures {
				group.Go(func() { _, err := f.PruneDocuments(t.Context(), now.Add(-time.Minute)); require.NoError(t, err) })
			}
			group.Wait()
			if linked != nil {
				require.ErrorIs(t, linked, batch.ErrUploadGone)
				requirePhoto(t, fixtures[0], id, "front", enablement.Photo{})
				continue
			}
			require.Equal(t, id, documentsOf(t, fixtures[0], first.ClientID)[0].ID)
			requirePhoto(t, fixtures[0], id, "front", u.Front)
		}
	})

	t.Run("pruned by several processes", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		for i := range 10 {
			upload(t, fixtures[0], sample.Cases[i%len(sample.Cases)].ClientID, passport("NEW1", i*mebibyte), now.Add(time.Duration(i)*time.Second))
		}
		pruned, errs := make([]int64, len(fixtures)), make([]error, len(fixtures))
		together(len(fixtures), func(i int) { pruned[i], errs[i] = fixtures[i].PruneDocuments(t.Context(), now.Add(8*time.Second)) })
		total := int64(0)
		for i := range fixtures {
			require.NoError(t, errs[i])
			total += pruned[i]
		}
		require.EqualValues(t, 9, total, "none is counted twice")
		require.Equal(t, 1, fixtures[0].Count(`documents WHERE client_id IS NULL`))
		require.Equal(t, 9*perMebibyte, fixtures[0].Count("document_chunks"))
	})

	// Of a document and a submission at the same moment, each sees the other one or comes before it.
	t.Run("documents and submissions", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		f := fixtures[0]
		inKYC := 0
		for i := range 20 {
			client, err := create(t, f, input(fmt.Sprintf("%d@example.com", i)), now)
			require.NoError(t, err)
			r, err := request(t, f, client.ID, enablement.CardsIndividuals, now)
			require.NoError(t, err)
			c := sample.Case{ClientID: client.ID, RequestID: r.ID}
			u := passport("NEW1", 0)
			id := upload(t, f, client.ID, u, now)
			for _, err := range all(fixtures, 4, func(f Fixture, i int) error {
				if i == 1 {
					_, err := link(t, f, c, u, id, now)
					return err
				}
				_, err := submit(t, f, submissionOf(c))
				return err
			}) {
				if err != nil {
					require.ErrorIs(t, err, enablement.ErrNotPending)
				}
			}
			after := current(t, f, c)
			require.Len(t, documentsOf(t, f, client.ID), 1)
			require.True(t, after.Evaluation.Complete(), "the document is evaluated, whoever came last")
			if after.Status == enablement.InKYC {
				inKYC++
				submitted, err := f.Submitted(t.Context(), r.ID)
				require.NoError(t, err)
				require.Len(t, submitted.Documents, 1)
			}
		}
		require.Equal(t, inKYC, f.Count("reviews"))
		require.Equal(t, inKYC, f.Count("notifications"))
	})

	t.Run("documents at once", func(t *testing.T) {
		t.Parallel()
		fixtures := several(t, open)
		uploads := make([]enablement.Upload, 8)
		for i := range uploads {
			uploads[i] = passport(strings.Repeat("A", i+4), i*mebibyte/4)
		}
		for _, err := range all(fixtures, len(uploads), func(f Fixture, i int) error {
			id, err := f.Upload(t.Context(), sample.Company, first.ClientID, uploads[i], now)
			if err == nil {
				_, err = link(t, f, first, uploads[i], id, now)
			}
			return err
		}) {
			require.NoError(t, err)
		}
		list := documentsOf(t, fixtures[0], first.ClientID)
		require.Len(t, list, 1)
		requirePhoto(t, fixtures[0], list[0].ID, "front", uploads[len(list[0].Metadata["number"])-4].Front)
		require.EqualValues(t, len(uploads), pruneDocuments(t, fixtures[0], now))
	})
}
