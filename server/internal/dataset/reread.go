package dataset

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"

	"github.com/cryptomate-go/enablement/gen/api"
)

// rereadable is a text that can be read anywhere and more than once.
func rereadable(ctx context.Context, r io.Reader, progress *Progress) (*io.SectionReader, func() error, error) {
	if text, ok := sectionOf(r); ok {
		return text, func() error { return nil }, nil
	}
	head := bufio.NewReaderSize(r, headSize)
	first, err := head.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	if _, err := api.JSONStart(first); err != nil {
		return nil, nil, err
	}
	kept, err := os.CreateTemp("", "enablementd-import-")
	if err != nil {
		return nil, nil, err
	}
	if err := os.Remove(kept.Name()); err != nil { // it is gone with this process, however that ends
		return nil, nil, errors.Join(err, kept.Close())
	}
	size, err := io.Copy(kept, &counted{ctx, head, progress, 0})
	if err != nil {
		return nil, nil, errors.Join(err, kept.Close())
	}
	return io.NewSectionReader(kept, 0, size), kept.Close, nil
}

// sectionOf is what a file or a text in memory has from where it stands.
func sectionOf(r io.Reader) (*io.SectionReader, bool) {
	if file, ok := r.(*os.File); ok {
		if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
			return nil, false
		}
	}
	text, ok := r.(interface {
		io.ReaderAt
		io.Seeker
	})
	if !ok {
		return nil, false
	}
	begin, err := text.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, false
	}
	end, err := text.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, false
	}
	return io.NewSectionReader(text, begin, end-begin), true
}

// counted is a text that may be long.
type counted struct {
	ctx      context.Context
	r        io.Reader
	progress *Progress
	size     int64
}

// Read implements [io.Reader].
func (c *counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	if c.size += int64(n); c.size > maxFile {
		return 0, errFile
	}
	c.progress.tell("%d MB read", c.size>>20)
	return n, err
}
