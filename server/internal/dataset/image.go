package dataset

import (
	"encoding/json"
	"errors"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// Image is a photo of a document, a JPG or a PNG. In JSON it is base64, bare or as a data URI.
type Image struct {
	MediaType string
	Content   []byte
}

// IsZero tells whether there is no photo.
func (i Image) IsZero() bool { return len(i.Content) == 0 }

// MarshalJSON writes a data URI.
func (i Image) MarshalJSON() ([]byte, error) { return json.Marshal(api.NewImage(i.Content)) }

// UnmarshalJSON reads base64, bare or as a data URI. What the bytes are is read off them, not
// believed.
func (i *Image) UnmarshalJSON(data []byte) error {
	var read api.Image
	if err := json.Unmarshal(data, &read); err != nil {
		return errors.New("is not base64, by itself or as a data URI of the form data:image/jpeg;base64,…; leave the field out where there is no photo")
	}
	photo := enablement.Photo(read)
	mediaType := photo.MediaType()
	switch {
	case photo.Size > enablement.MaxPhotoSize:
		return errors.New("is larger than 10 MB")
	case mediaType == "":
		return errors.New("is neither a JPG nor a PNG")
	}
	*i = Image{MediaType: mediaType, Content: photo.Content}
	return nil
}
