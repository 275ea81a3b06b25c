package upload_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/upload"
)

const limit = 1 << 20

func read(r io.Reader) (upload.Body, error) {
	return upload.Read(r, 100, map[string]int64{"/document/image_front": limit, "/document/image_back": limit}, 1<<10)
}

// TestRead_forms reads a photo in every way in which it may be written.
func TestRead_forms(t *testing.T) {
	t.Parallel()
	photo := []byte("\xFF\xD8\xFF\xFB?>the bytes of a photo\x00\x01")
	padded := base64.StdEncoding.EncodeToString(photo)
	require.Contains(t, padded, "=")
	require.Contains(t, padded, "/")
	for name, written := range map[string]string{
		"bare":          padded,
		"data URI":      "data:image/jpeg;base64," + padded,
		"odd data URI":  "data:;charset=x;base64," + padded,
		"no padding":    strings.TrimRight(padded, "="),
		"line breaks":   padded[:8] + `\r\n` + padded[8:20] + `\n` + padded[20:] + `\n`,
		"escaped slash": strings.ReplaceAll(padded, "/", `\/`),
		"escaped sign":  strings.ReplaceAll(strings.ReplaceAll(padded, "=", `\u003d`), "+", `\u002B`),
	} {
		for _, reader := range []io.Reader{
			strings.NewReader(body(written)), iotest.OneByteReader(strings.NewReader(body(written))), iotest.DataErrReader(strings.NewReader(body(written))),
		} {
			got, err := read(reader)
			require.NoError(t, err, name)
			sum := sha256.Sum256(photo)
			require.Equal(t, map[[32]byte]api.Image{sum: api.NewImage(photo)}, got.Photos, name)
			require.Equal(t, body(base64.StdEncoding.EncodeToString(sum[:])), string(got.Rest), name)
		}
	}
}

func body(photo string) string {
	return ` {"document": {"a":[1, {"b":"c\"\\"}, []], "image_front":"` + photo + `", "z":{}, "n": -1.5e3}} `
}

func TestRead_refuses(t *testing.T) {
	t.Parallel()
	for name, photo := range map[string]string{
		"nothing":                "",
		"line breaks alone":      `\n\n`,
		"padding alone":          "====",
		"one character":          "Q",
		"one too many":           "QUJDQ",
		"too much padding":       "QUI===",
		"too little padding":     "QQ=",
		"padding in the middle":  "QQ==QUJD",
		"another alphabet":       "QUJD-_==",
		"a space":                "QUJD QUJD",
		"text":                   "not base64!",
		"an unknown escape":      `QU\tJD`,
		"half an escape":         `QUJD\u00`,
		"a letter beyond ASCII":  "QUJé",
		"an empty data URI":      "data:image/png;base64,",
		"a data URI of text":     "data:image/png,QUJD",
		"a data URI without end": "data:image/png;base64" + strings.Repeat("x", 200),
		"a short data URI":       "data:",
		"a control character":    "QUJD\x01",
	} {
		_, err := read(strings.NewReader(body(photo)))
		fault, ok := errors.AsType[*upload.PhotoError](err)
		require.True(t, ok, "%s: %v", name, err)
		require.Equal(t, "/document/image_front", fault.Pointer, name)
	}
}

// TestRead_others leaves everything else in a body as it is, and all faults of its JSON to who reads the rest.
func TestRead_others(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "null", "5", `"text"`, "[]", "{}", "{", "{]", "[}", `{"a"}`, `{"a":}`, `{"a" "b"}`, `{"a":1,}`, `[1,]`, `[1 2]`, `{"a":1}{"b":2}`,
		`{"image_front":"QUJD"}`, `{"document":["QUJD"]}`, `{"document":{"image_front":5}}`, `{"document":{"image_front":null}}`,
		`{"document":{"image_front":["QUJD"]}}`, `{"documents":{"image_front":"QUJD"}}`, `{"document":{"a":"\`, `{"document":{"image_front":`,
	} {
		got, err := read(strings.NewReader(text))
		require.NoError(t, err, text)
		require.True(t, strings.HasPrefix(text, string(got.Rest)), "%s: %s", text, got.Rest)
		require.Equal(t, json.Valid([]byte(text)), json.Valid(got.Rest), text)
		require.Empty(t, got.Photos)
	}
	cut, err := read(strings.NewReader(`{"document":{"image_front":"QUJD`))
	require.NoError(t, err)
	require.False(t, json.Valid(cut.Rest))
	deep, err := read(strings.NewReader(strings.Repeat("[", 500) + strings.Repeat("]", 500)))
	require.NoError(t, err)
	require.False(t, json.Valid(deep.Rest))
	twice, err := read(strings.NewReader(`{"document":{"image_front":"QUJD","image_front":"QUJE"}}`))
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(string(twice.Rest), "image_front"), "the validator has to see it")
	_, err = read(strings.NewReader(`{"a":"` + strings.Repeat("x", 2<<10) + `"}`))
	require.ErrorIs(t, err, upload.ErrRestTooLong)
	for _, photo := range []string{"QUJD", "QUJDQ", "QUJDQQ", "data:", "QQ=="} {
		_, err = read(io.MultiReader(strings.NewReader(`{"document":{"image_front":"`+photo), iotest.ErrReader(io.ErrUnexpectedEOF)))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, photo)
	}
}

func TestRead_limit(t *testing.T) {
	t.Parallel()
	for size, kept := range map[int]int{limit: limit, limit + 1: 0, 3 * limit: 0} {
		photo := bytes.Repeat([]byte{7}, size)
		got, err := read(strings.NewReader(body(base64.StdEncoding.EncodeToString(photo))))
		require.NoError(t, err)
		found := got.Photos[sha256.Sum256(photo)]
		require.EqualValues(t, size, found.Size)
		require.Len(t, found.Content, kept)
	}
}

// FuzzRead: the rest is JSON if the body is, and of a photo that was read nothing is left in it.
func FuzzRead(f *testing.F) {
	f.Add([]byte(body("QUJD")))
	f.Add([]byte(`{"document":{"image_front":"data:image/png;base64,QUJD"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := read(bytes.NewReader(text))
		if err != nil {
			return
		}
		if json.Valid(text) && len(text) < 1<<10 {
			require.True(t, json.Valid(got.Rest) || bytes.Count(text, []byte("[")) >= 100 || bytes.Count(text, []byte("{")) >= 100, "%s", got.Rest)
		}
		for sum, photo := range got.Photos {
			require.Equal(t, sum, sha256.Sum256(photo.Content))
		}
	})
}
