package api

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// Image is a photo of a document, with its bytes unchanged. In JSON it is base64. It is read with and without
// padding, with line breaks, and as a data URI. It is written as a data URI.
type Image struct {
	// Content are the bytes of the photo.
	Content []byte
	// Size is the number of bytes. It is for a server: of a photo over the limit of openapi.yaml, it keeps only
	// the Size, to tell the caller. Leave it 0 to send a photo.
	Size int64
}

// NewImage returns a photo with these bytes.
func NewImage(content []byte) Image { return Image{content, int64(len(content))} }

// MarshalJSON implements [json.Marshaler].
func (i Image) MarshalJSON() ([]byte, error) {
	return json.Marshal("data:" + http.DetectContentType(i.Content) + ";base64," + base64.StdEncoding.EncodeToString(i.Content))
}

// UnmarshalJSON implements [json.Unmarshaler].
func (i *Image) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return errImage
	}
	if uri, ok := strings.CutPrefix(text, "data:"); ok {
		if _, text, ok = strings.Cut(uri, ";base64,"); !ok {
			return errImage
		}
	}
	text = strings.NewReplacer("\r", "", "\n", "").Replace(text)
	bare := strings.TrimRight(text, "=")
	if padded := len(text) - len(bare); padded > 0 && (padded > 2 || len(text)%4 != 0) {
		return errImage
	}
	content, err := base64.RawStdEncoding.DecodeString(bare)
	if err != nil || len(content) == 0 {
		return errImage
	}
	*i = NewImage(content)
	return nil
}

var errImage = errors.New("image is not base64, by itself or as a data URI")
