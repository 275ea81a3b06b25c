package enablement_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

func photo(content []byte) enablement.Photo {
	return enablement.Photo{Content: content, Size: int64(len(content))}
}

// pngOf returns a picture of a size, all of one colour.
func pngOf(width, height int) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.Black})); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func jpegOf(width, height int) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// withThumbnail puts a picture of its own into a segment of a JPEG, as cameras do.
func withThumbnail(picture []byte) []byte {
	inner := jpegOf(2, 2)
	segment := binary.BigEndian.AppendUint16([]byte("\xFF\xE1"), uint16(len(inner)+2))
	return bytes.Join([][]byte{picture[:2], segment, inner, picture[2:]}, nil)
}

// enlarged returns a PNG whose header says another size.
func enlarged(width, height uint32) []byte {
	b := pngOf(1, 1)
	binary.BigEndian.PutUint32(b[16:], width)
	binary.BigEndian.PutUint32(b[20:], height)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

// upload returns a document of the kind as it is sent, with nothing amiss.
func upload(kind string) enablement.Upload {
	u := enablement.Upload{Type: kind, Front: photo(pngOf(1, 1)), Metadata: document(kind).Metadata}
	if document(kind).BackImage {
		u.Back = photo(jpegOf(3, 2))
	}
	return u
}

func TestCompleteDocumentation(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"passport", "national_id", "drivers_license"} {
		for _, status := range []enablement.Status{enablement.Requested, enablement.PendingDocumentation} {
			f := file()
			f.Documents, f.Request.Status = nil, status
			f.Request.Evaluation = enablement.Evaluate(f.Request.Product, f.Client, nil, now)
			c, err := enablement.CompleteDocumentation(f, upload(kind), now)
			require.NoError(t, err)
			stored := document(kind)
			want := f.Request
			want.Evaluation = enablement.Evaluate(want.Product, f.Client, []enablement.Document{stored}, now)
			want.UpdatedAt = now
			require.Equal(t, enablement.Change{Request: want, From: status, At: now, Changed: true, Document: &stored}, c)
			require.True(t, c.Request.Evaluation.Complete(), "and the status stays")
		}
	}
}

// What the evaluation would not accept is not stored, and the caller is told what to do.
func TestCompleteDocumentation_rejects(t *testing.T) {
	t.Parallel()
	truncated := jpegOf(200, 200)
	for name, test := range map[string]struct {
		change func(*enablement.Upload)
		reason string
	}{
		"a PDF":              {func(u *enablement.Upload) { u.Front = photo([]byte("%PDF-1.7")) }, "The photo of the front is a PDF. Send a JPG or a PNG."},
		"HEIC":               {func(u *enablement.Upload) { u.Front = photo([]byte("\x00\x00\x00\x18ftypheic")) }, "The photo of the front is a HEIC, or a film. Send a JPG or a PNG."},
		"text":               {func(u *enablement.Upload) { u.Back = photo([]byte("canary")) }, "The photo of the back is neither a JPG nor a PNG. Send a JPG or a PNG."},
		"too large":          {func(u *enablement.Upload) { u.Front = enablement.Photo{Size: 10<<20 + 1} }, "The photo of the front is larger than 10 MiB. Send a smaller one."},
		"damaged":            {func(u *enablement.Upload) { u.Front = photo(pngOf(1, 1)[:20]) }, "The photo of the front is damaged. Send it again, as the camera took it."},
		"many pixels":        {func(u *enablement.Upload) { u.Front = photo(enlarged(50_000, 50_000)) }, "The photo of the front is more than 12000 pixels wide or high. Send a smaller one."},
		"wide":               {func(u *enablement.Upload) { u.Front = photo(enlarged(12_001, 1)) }, "The photo of the front is more than 12000 pixels wide or high. Send a smaller one."},
		"a cut PNG":          {func(u *enablement.Upload) { u.Front = photo(pngOf(9, 9)[:60]) }, "The photo of the front is cut off. Send all of it."},
		"a cut stuffed JPEG": {func(u *enablement.Upload) { u.Back = photo(stuffed(truncated[:len(truncated)-2], "\x00")) }, "The photo of the back is cut off. Send all of it."},
		"a cut JPEG":         {func(u *enablement.Upload) { u.Back = photo(truncated[:len(truncated)-2]) }, "The photo of the back is cut off. Send all of it."},
		"cut behind inner":   {func(u *enablement.Upload) { u.Back = photo(withThumbnail(truncated[:len(truncated)-9])) }, "The photo of the back is cut off. Send all of it."},
		"no back":            {func(u *enablement.Upload) { u.Back = enablement.Photo{} }, "The photo of the back is missing."},
		"no metadata":        {func(u *enablement.Upload) { u.Metadata = nil }, "The document number is missing. The issuing country is missing. The expiration date is missing."},
		"expired":            {func(u *enablement.Upload) { u.Metadata["expiration_date"] = "2026-04-15" }, "The document expired on 2026-04-15."},
		"two faults": {func(u *enablement.Upload) { u.Front, u.Metadata["number"] = photo([]byte("x")), "!" },
			"The photo of the front is neither a JPG nor a PNG. Send a JPG or a PNG. The document number is not valid: it has 3 to 40 visible characters, with a letter or a digit among them."},
	} {
		f := file()
		f.Documents = nil
		u := upload("national_id")
		test.change(&u)
		c, err := enablement.CompleteDocumentation(f, u, now)
		require.NoError(t, err, name)
		require.Equal(t, []enablement.RejectedItem{{Type: enablement.DocumentItem, Key: "national_id", Reason: test.reason}}, c.Rejected, name)
		require.Nil(t, c.Document, name)
		require.False(t, c.Changed, name)
		require.Equal(t, f.Request.UpdatedAt, c.Request.UpdatedAt, name)
		require.Equal(t, []string{"identity_document"}, documents(c.Request.Evaluation), name)
		require.NotContains(t, test.reason, "canary")
	}
}

func TestCompleteDocumentation_accepts(t *testing.T) {
	t.Parallel()
	for name, content := range map[string][]byte{
		"JPEG":                             jpegOf(640, 480),
		"JPEG with a picture":              withThumbnail(jpegOf(640, 480)),
		"JPEG with bytes between segments": stuffed(jpegOf(640, 480), "\x00\xFF\x00\xFF"),
		"JPEG and a trailer":               append(jpegOf(3, 3), "more of the camera's own"...),
		"PNG":                              pngOf(640, 480),
		"PNG and a trailer":                append(pngOf(3, 3), "text"...),
		"as large as may be":               enlarged(12_000, 12_000),
		"10 MiB":                           append(jpegOf(3, 3), make([]byte, 10<<20-len(jpegOf(3, 3)))...),
	} {
		f := file()
		f.Documents = nil
		u := upload("passport")
		u.Front = photo(content)
		c, err := enablement.CompleteDocumentation(f, u, now)
		require.NoError(t, err, name)
		require.Empty(t, c.Rejected, name)
		require.NotNil(t, c.Document, name)
	}
}

func TestCompleteDocumentation_again(t *testing.T) {
	t.Parallel()
	good, expired := document("passport"), passportWith("expiration_date", "2020-01-01")
	other := upload("passport")
	other.Metadata["number"] = "Y-7654321"
	replacing := other
	replacing.Replace = true
	for name, test := range map[string]struct {
		stored   enablement.Document
		upload   enablement.Upload
		rejected bool
	}{
		"a good one is kept":           {good, other, true},
		"unless it is to be replaced":  {good, replacing, false},
		"a bad one is replaced":        {expired, other, false},
		"so it is if that was said":    {expired, replacing, false},
		"one of another type is added": {document("national_id"), other, false},
	} {
		f := file()
		f.Documents = []enablement.Document{test.stored}
		c, err := enablement.CompleteDocumentation(f, test.upload, now)
		require.NoError(t, err, name)
		require.Equal(t, test.rejected, len(c.Rejected) > 0, name)
		require.Equal(t, test.rejected, c.Document == nil, name)
		require.True(t, c.Request.Evaluation.Complete(), name)
		if test.rejected {
			require.Contains(t, c.Rejected[0].Reason, "Send replace with true")
		}
	}
}

func TestCompleteDocumentation_refuses(t *testing.T) {
	t.Parallel()
	for _, status := range []enablement.Status{enablement.InKYC, enablement.Enabled, enablement.Rejected} {
		f := file()
		f.Request.Status = status
		_, err := enablement.CompleteDocumentation(f, upload("passport"), now)
		require.ErrorIs(t, err, enablement.ErrNotPending)
	}
	for _, kind := range []string{"", "selfie", "Passport", "identity_document"} {
		_, err := enablement.CompleteDocumentation(file(), enablement.Upload{Type: kind}, now)
		require.ErrorIs(t, err, enablement.ErrInvalidDocumentType)
	}
	f := file()
	f.Request.Product = "loans"
	_, err := enablement.CompleteDocumentation(f, upload("passport"), now)
	require.ErrorIs(t, err, enablement.ErrUnknownProduct)
}

// Names are the caller's, and who decides on a document sees them.
func TestUpload_Check(t *testing.T) {
	t.Parallel()
	const names, hidden = "must have names of 1 to 64 characters that can be seen", "must not have a character that cannot be seen"
	for _, test := range []struct{ name, value, rule string }{
		{"note", "", ""},
		{"номер", "یادداشت", ""},
		{strings.Repeat("é", 64), "x", ""},
		{strings.Repeat("é", 65), "x", names},
		{"", "x", names},
		{" ", "x", names},
		{"a\x00b", "x", names},
		{"line\nbreak", "x", names},
		{"\x1b[2J", "x", names},
		{"\u202eeman", "x", names},
		{"note", "a\u202eb", hidden},
		{"number", "a\u202eb", ""}, // the evaluation says it
	} {
		u := upload("passport")
		u.Metadata[test.name] = test.value
		if test.rule == "" {
			require.NoError(t, u.Check(), "%q", test.name)
			continue
		}
		require.Equal(t, &enablement.FieldError{Field: "/document/metadata", Rule: test.rule}, u.Check(), "%q", test.name)
	}
}

// stuffed is a JPEG with more bytes behind its first segment.
func stuffed(jpeg []byte, more string) []byte {
	second := 4 + int(binary.BigEndian.Uint16(jpeg[4:]))
	return slices.Concat(jpeg[:second], []byte(more), jpeg[second:])
}

// FuzzPhoto: no content makes the judge fail, and none that is cut off passes where the whole of it does not.
func FuzzPhoto(f *testing.F) {
	for _, content := range [][]byte{pngOf(1, 1), jpegOf(3, 3), withThumbnail(jpegOf(3, 3)), []byte("%PDF-"), enlarged(50_000, 50_000)} {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		stored := file()
		stored.Documents = nil
		u := upload("passport")
		u.Front = photo(content)
		c, err := enablement.CompleteDocumentation(stored, u, now)
		require.NoError(t, err)
		require.Equal(t, c.Document == nil, len(c.Rejected) == 1)
		if c.Document != nil {
			require.NotEmpty(t, u.Front.MediaType())
		} else {
			require.True(t, strings.HasSuffix(c.Rejected[0].Reason, "."))
		}
	})
}
