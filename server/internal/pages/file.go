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
	"time"
)

// file serves one unchanging text or picture.
type file struct {
	mediaType, caching string
	hash               string
	plain, gzipped     []byte // gzipped is nil where there is none
}

func newFile(mediaType, caching string, plain []byte) *file {
	sum := sha256.Sum256(plain)
	return &file{mediaType: mediaType, caching: caching, hash: hex.EncodeToString(sum[:16]), plain: plain}
}

// newGzipped also keeps the text plain, for the few callers that take no gzip.
func newGzipped(mediaType, caching string, gzipped []byte) (*file, error) {
	reader, err := gzip.NewReader(bytes.NewReader(gzipped))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(reader)
	if err != nil {
		return nil, err
	}
	f := newFile(mediaType, caching, plain)
	f.gzipped = gzipped
	return f, nil
}

// ServeHTTP serves the whole file, a range of it, or 304 to a caller that has it.
func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Set("Cache-Control", f.caching)
	content, etag := f.plain, f.hash
	if f.gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if takesGzip(r) {
			h.Set("Content-Encoding", "gzip")
			content, etag = f.gzipped, f.hash+"-gzip"
		}
	}
	h.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
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
