package minimal

import (
	"bytes"
	"context"
	"image"
	_ "image/jpeg" // for Decode
	_ "image/png"  // for Decode
	"net/http"
	"slices"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
)

// kinds are the documents that any product takes.
var kinds = []api.ValidDocument{
	{ID: "passport", Name: "Passport", RequireImage: true, Metadata: metadata},
	{ID: "national_id", Name: "National identity card", RequireImage: true, RequireBackImage: true, Metadata: metadata},
}

var metadata = []api.MetadataField{
	{ID: "number", Name: "Document Number", DataType: api.DataTypeString, Required: true},
	{ID: "issuing_country", Name: "Issuing Country", DataType: api.DataTypeString, Required: true},
	{ID: "expiration_date", Name: "Expiration Date", DataType: api.DataTypeString, Required: true},
}

// CompleteDocumentation implements [api.StrictServerInterface].
func (s *Service) CompleteDocumentation(ctx context.Context, call api.CompleteDocumentationRequestObject) (api.CompleteDocumentationResponseObject, error) {
	c, r, leave, err := s.pending(ctx, call.ClientID, call.ProductRequestID)
	if err != nil {
		return nil, err
	}
	defer leave()
	sent, rejected := call.Body.Document, []api.RejectedItem{}
	i := slices.IndexFunc(kinds, func(kind api.ValidDocument) bool { return kind.ID == sent.DocumentType })
	if i < 0 {
		return nil, &server.Error{Status: http.StatusPreconditionFailed, Code: api.CodeVal, Message: "Invalid document type"}
	}
	reason := s.judge(kinds[i], sent)
	if reason == "" && slices.Contains(c.documents, sent.DocumentType) && !sent.Replace {
		reason = "A good one is stored already. Send replace with true to store this one in its place."
	}
	if reason != "" {
		rejected = []api.RejectedItem{{Type: api.RejectedDocument, Key: sent.DocumentType, Reason: reason}}
	} else {
		c.documents = append(c.documents, sent.DocumentType)
		r.UpdatedAt = api.NewTimestamp(s.now)
	}
	c.evaluate(r)
	return api.CompleteDocumentation200JSONResponse{DocumentationCompletedJSONResponse: api.DocumentationCompletedJSONResponse{Body: api.EvaluatedProduct{
		Product: *r, RejectedItems: rejected,
	}}}, nil
}

// judge says what is wrong with a document; empty if nothing is.
func (s *Service) judge(kind api.ValidDocument, sent api.DocumentInput) string {
	for _, field := range kind.Metadata {
		if sent.Metadata[field.ID] == "" {
			return field.Name + " is missing."
		}
	}
	expires, err := time.Parse(time.DateOnly, sent.Metadata["expiration_date"])
	switch back := sent.ImageBack.Size > 0; {
	case err != nil:
		return "Expiration Date must be written yyyy-mm-dd."
	case expires.Before(s.now):
		return "The document expired."
	case kind.RequireBackImage && !back:
		return "The photo of the back is missing."
	case back && fault(sent.ImageBack) != "":
		return fault(sent.ImageBack)
	}
	return fault(sent.ImageFront)
}

// fault says what is wrong with a photo; empty if nothing is.
func fault(photo api.Image) string {
	header, _, err := image.DecodeConfig(bytes.NewReader(photo.Content))
	switch {
	case photo.Size > 10<<20:
		return "The photo is larger than 10 MiB."
	case err != nil:
		return "The photo is neither a JPG nor a PNG."
	case max(header.Width, header.Height) > 12_000:
		return "The photo is more than 12000 pixels wide or high."
	}
	if _, _, err := image.Decode(bytes.NewReader(photo.Content)); err != nil {
		return "The photo is damaged."
	}
	return ""
}
