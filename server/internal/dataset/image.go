package dataset

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// MaxImageBytes is the largest photo the API takes (upstream, KYC image guidelines). It counts the
// decoded bytes.
const MaxImageBytes = 10 << 20

// Image is a photo of a document, a JPG or a PNG. In JSON it is base64, bare or as a data URI.
type Image struct {
	MediaType string
	Content   []byte
}

// IsZero tells whether there is no photo.
func (i Image) IsZero() bool { return len(i.Content) == 0 }

// MarshalJSON writes a data URI.
func (i Image) MarshalJSON() ([]byte, error) {
	return json.Marshal("data:" + i.MediaType + ";base64," + base64.StdEncoding.EncodeToString(i.Content))
}

// UnmarshalJSON reads base64, bare or as a data URI. What the bytes are is read off them, not
// believed.
func (i *Image) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return errors.New("must be a string of base64")
	}
	if rest, ok := strings.CutPrefix(text, "data:"); ok {
		_, text, ok = strings.Cut(rest, ";base64,")
		if !ok {
			return errors.New("must be a data URI of the form data:image/jpeg;base64,…")
		}
	}
	if base64.StdEncoding.DecodedLen(len(text)) > MaxImageBytes+3 {
		return errors.New("is larger than 10 MB")
	}
	content, err := base64.StdEncoding.DecodeString(text)
	switch {
	case err != nil:
		return errors.New("is not base64")
	case len(content) == 0:
		return errors.New("is empty; leave the field out where there is no photo")
	case len(content) > MaxImageBytes:
		return errors.New("is larger than 10 MB")
	}
	mediaType := http.DetectContentType(content)
	if mediaType != "image/jpeg" && mediaType != "image/png" {
		return errors.New("is neither a JPG nor a PNG")
	}
	*i = Image{MediaType: mediaType, Content: content}
	return nil
}
