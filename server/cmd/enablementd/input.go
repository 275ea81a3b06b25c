package main

import (
	"context"
	"errors"
	"io"
	"os"
)

var errInterrupted = errors.New("interrupted while it was read")

// untilEnded is a text that a terminal or a pipe may let wait: reading it ends with the context. A file stays one, as it
// can be read more than once.
func untilEnded(ctx context.Context, in io.Reader) io.Reader {
	if file, ok := in.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			return in
		}
	}
	return &waiting{ctx, in}
}

type waiting struct {
	ctx context.Context //nolint:containedctx // an io.Reader is given none
	in  io.Reader
}

// Read implements [io.Reader].
func (w *waiting) Read(p []byte) (int, error) {
	type result struct {
		text []byte
		err  error
	}
	read := make(chan result, 1)
	go func() {
		text := make([]byte, len(p)) // p is the caller's again when nobody waits any more
		n, err := w.in.Read(text)
		read <- result{text[:n], err}
	}()
	select {
	case r := <-read:
		return copy(p, r.text), r.err
	case <-w.ctx.Done():
		return 0, errInterrupted
	}
}
