package store

import (
	"bytes"
	"iter"
	"slices"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// chunkSize is how much of a photo is stored in one transaction, in bytes. Submissions on SQLite wait so long.
const chunkSize = 256 << 10

// Chunk is a part of a photo. N other parts come before it.
type Chunk struct {
	Side, MediaType string
	N               int
	Content         []byte
}

// Chunks returns the photos of an upload in chunks, in the order in which they are stored.
func Chunks(u enablement.Upload) iter.Seq[Chunk] {
	return func(yield func(Chunk) bool) {
		for _, photo := range []struct {
			side string
			enablement.Photo
		}{{"front", u.Front}, {"back", u.Back}} {
			n := 0
			for content := range slices.Chunk(photo.Content, chunkSize) {
				if !yield(Chunk{photo.side, photo.MediaType(), n, content}) {
					return
				}
				n++
			}
		}
	}
}

// Photo joins the chunks of a photo.
func Photo(chunks [][]byte) enablement.Photo {
	content := bytes.Join(chunks, nil)
	return enablement.Photo{Content: content, Size: int64(len(content))}
}
