package pages

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// file serves one unchanging text or picture.
type file struct {
	mediaType, caching string
	hash               string
	plain              func() ([]byte, error)
	gzipped            []byte // nil where there is none
}

func newFile(mediaType, caching string, plain []byte) *file {
	return &file{
		mediaType: mediaType, caching: caching, hash: hashOfText(plain),
		plain: func() ([]byte, error) { return plain, nil },
	}
}

// newGzipped unpacks the text for the first of the few callers that take no gzip, not while the
// service starts.
func newGzipped(mediaType, caching string, gzipped []byte) *file {
	return &file{
		mediaType: mediaType, caching: caching, hash: hashOfText(gzipped), gzipped: gzipped,
		plain: sync.OnceValues(func() ([]byte, error) {
			reader, err := gzip.NewReader(bytes.NewReader(gzipped))
			if err != nil {
				return nil, err
			}
			return io.ReadAll(reader)
		}),
	}
}

func hashOfText(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// ServeHTTP serves the whole file, a range of it, or 304 to a caller that has it.
func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Set("Cache-Control", f.caching)
	if f.gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if takesGzip(r) {
			h.Set("Content-Encoding", "gzip")
			h.Set("ETag", `"`+f.hash+`-gzip"`)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.gzipped))
			return
		}
	}
	plain, err := f.plain()
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h.Set("ETag", `"`+f.hash+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(plain))
}

// takesGzip reports whether a request names gzip among the encodings it takes, and not with the
// weight zero, which refuses it. Who only says "anything" gets the text plain.
func takesGzip(r *http.Request) bool {
	for entry := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, parameters, _ := strings.Cut(entry, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		weight, weighted := strings.CutPrefix(strings.ToLower(strings.TrimSpace(parameters)), "q=")
		if !weighted {
			return true
		}
		q, err := strconv.ParseFloat(weight, 64)
		return err == nil && q > 0
	}
	return false
}

// hashOf is a name for the contents of all files together.
func hashOf(files map[string]*file) string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		_, _ = io.WriteString(sum, name+" "+files[name].hash+"\n") // never fails
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
