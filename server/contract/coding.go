package contract

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"slices"
	"strings"
)

// decode undoes the content codings of a body, which are the business of whoever sends it and whoever
// takes it: what is described is the body without them. It is false, with a finding, where that can't
// be done.
func (x *exchange) decode(m *message, header http.Header, where int) bool {
	codings := strings.Split(strings.ToLower(strings.Join(header.Values("Content-Encoding"), ",")), ",")
	for _, coding := range slices.Backward(codings) { // the last one was applied last
		coding = strings.TrimSpace(coding)
		if coding == "" || coding == "identity" || len(m.body) == 0 {
			continue
		}
		open := decoders[coding]
		if open == nil {
			x.find(ruleCoding, m.at("header Content-Encoding"), where, "gzip, deflate or identity, which this kit can read", coding)
			return false
		}
		body, err := decoded(open, m.body, m.most)
		if err != nil {
			x.find(ruleCoding, m.at(""), where, "a body in "+coding+", as Content-Encoding says", nil)
			return false
		}
		m.body = body
	}
	return true
}

// decoders are of the codings that net/http's programs use, under all their names.
var decoders = map[string]func(io.Reader) (io.ReadCloser, error){
	"gzip": openGzip, "x-gzip": openGzip, "deflate": zlib.NewReader,
}

func openGzip(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }

// decoded is as much of a body as is looked at.
func decoded(open func(io.Reader) (io.ReadCloser, error), body []byte, most int64) ([]byte, error) {
	reader, err := open(bytes.NewReader(body))
	if err == zlib.ErrHeader { //nolint:errorlint // as it is; many send deflate without zlib's frame (RFC 9110, section 8.4.1.2)
		reader, err = flate.NewReader(bytes.NewReader(body)), nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = reader.Close() }() // it has only a checksum to tell, and Read tells it
	return io.ReadAll(io.LimitReader(reader, most))
}
