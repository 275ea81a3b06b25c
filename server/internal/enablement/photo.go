package enablement

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	_ "image/jpeg" // for DecodeConfig
	_ "image/png"  // for DecodeConfig
)

const (
	// MaxPhotoSize is upstream's: 10 MB, here counted in bytes of the photo itself (openapi.yaml, Image).
	MaxPhotoSize = 10 << 20
	// maxPhotoSide is in pixels (own rule): whoever opens a photo needs four bytes for each.
	maxPhotoSide = 12_000
)

// Photo is a photo of a document, with its bytes unchanged.
type Photo struct {
	// Content is empty if there is no photo, or if it was too large to keep.
	Content []byte
	// Size is in bytes.
	Size int64
}

// MediaType returns the type of the content: image/jpeg, image/png, or empty for anything else.
func (p Photo) MediaType() string {
	switch {
	case bytes.HasPrefix(p.Content, []byte("\xFF\xD8\xFF")):
		return "image/jpeg"
	case bytes.HasPrefix(p.Content, pngSignature):
		return "image/png"
	}
	return ""
}

// fault says what is wrong with a photo and what to do, empty if nothing is. What it shows is the provider's to judge.
func (p Photo) fault(side string) string {
	the := "The photo of the " + side
	if p.Size > MaxPhotoSize {
		return fmt.Sprintf("%s is larger than %d MiB. Send a smaller one.", the, MaxPhotoSize>>20)
	}
	media := p.MediaType()
	if media == "" {
		return the + foreign(p.Content) + ". Send a JPG or a PNG."
	}
	header, _, err := image.DecodeConfig(bytes.NewReader(p.Content))
	switch {
	case err != nil:
		return the + " is damaged. Send it again, as the camera took it."
	case max(header.Width, header.Height) > maxPhotoSide:
		return fmt.Sprintf("%s is more than %d pixels wide or high. Send a smaller one.", the, maxPhotoSide)
	case header.Width == 0 || header.Height == 0:
		return the + " is empty. Send it again, as the camera took it."
	case !whole(media, p.Content):
		return the + " is cut off. Send all of it."
	}
	return ""
}

// foreign names what else callers send, which upstream says is not processed.
func foreign(content []byte) string {
	switch {
	case bytes.HasPrefix(content, []byte("%PDF-")):
		return " is a PDF"
	case len(content) >= 12 && string(content[4:8]) == "ftyp":
		return " is a HEIC, or a film"
	}
	return " is neither a JPG nor a PNG"
}

var pngSignature = []byte("\x89PNG\r\n\x1a\n")

// whole tells whether a photo goes on to its end. Pixels are not looked at: that would take a hundred times as long.
func whole(media string, content []byte) bool {
	if media == "image/png" {
		return wholePNG(content[len(pngSignature):])
	}
	return wholeJPEG(content[2:])
}

// wholePNG goes from chunk to chunk until the last one (PNG, section 5.3). Text behind it is nobody's business.
func wholePNG(chunks []byte) bool {
	for len(chunks) >= 12 {
		length, kind := uint64(binary.BigEndian.Uint32(chunks)), string(chunks[4:8])
		if length+12 > uint64(len(chunks)) {
			return false
		}
		if kind == "IEND" {
			return true
		}
		chunks = chunks[length+12:]
	}
	return false
}

// wholeJPEG goes from segment to segment until the image's data begin, and looks for their end behind that (ISO
// 10918-1, B.1.1). A small picture within a segment has an end of its own, so the end alone proves nothing. Bytes
// between segments are passed over, as every decoder does: some cameras leave them there.
func wholeJPEG(segments []byte) bool {
	const startOfScan, endOfImage = 0xDA, "\xFF\xD9"
	for len(segments) >= 4 {
		marker := segments[1]
		if segments[0] != 0xFF || marker == 0xFF || marker == 0x00 {
			segments = segments[1:]
			continue
		}
		length := int(binary.BigEndian.Uint16(segments[2:])) + 2
		if length > len(segments) {
			return false
		}
		segments = segments[length:]
		if marker == startOfScan {
			return bytes.Contains(segments, []byte(endOfImage))
		}
	}
	return false
}
