package api_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
)

func TestImage(t *testing.T) {
	t.Parallel()
	photo := api.NewImage([]byte("\x89PNG\r\n\x1a\nphoto"))
	text, err := json.Marshal(photo)
	require.NoError(t, err)
	bare := base64.StdEncoding.EncodeToString(photo.Content)
	require.Equal(t, `"data:image/png;base64,`+bare+`"`, string(text))
	for _, written := range []string{
		string(text), `"` + bare + `"`, `"` + strings.TrimRight(bare, "=") + `"`, `"` + bare[:5] + `\r\n` + bare[5:] + `\n"`,
	} {
		var read api.Image
		require.NoError(t, json.Unmarshal([]byte(written), &read), written)
		require.Equal(t, photo, read)
	}
	for _, wrong := range []string{`""`, `"Q"`, `"QQ="`, `"Q=Q="`, `"QUJD===="`, `"data:image/png,QUJD"`, `"QU JD"`, `"QUJ_"`, `5`, `["QUJD"]`} {
		require.Error(t, json.Unmarshal([]byte(wrong), new(api.Image)), wrong)
	}
	text, err = json.Marshal(api.DocumentInput{DocumentType: "passport", ImageFront: photo})
	require.NoError(t, err)
	require.NotContains(t, string(text), "image_back", "a photo that is not there is left out")
}
