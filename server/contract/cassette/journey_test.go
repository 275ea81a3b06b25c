package cassette_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/contract"
	"github.com/cryptomate-go/enablement/server/contract/cassette"
	"github.com/cryptomate-go/enablement/server/servertest"
)

// canaries are all that the journey says about persons, and none of it may be in a file.
var canaries = []string{
	"Zoraida", "Quintanilla", "Wexford", "zoraida.q", "canary-mail.example", "1967-08-23", "1968-09-24", "91123456789",
	"Walnut Passage", "Bexhill", "K9X-77Q", "AUS-TAS", "DOC-5551234", "2041-03-07", `"ISL"`, `"AUS"`,
}

// photo is a picture of a number of gray pixels.
func photo(t *testing.T, width int) []byte {
	t.Helper()
	picture := image.NewGray(image.Rect(0, 0, width, 64))
	for x := range width {
		for y := range 64 {
			picture.SetGray(x, y, color.Gray{Y: uint8(x*y + y)})
		}
	}
	var written bytes.Buffer
	require.NoError(t, png.Encode(&written, picture))
	return written.Bytes()
}

func input() api.ClientInput {
	return api.ClientInput{
		FirstName: "Zoraida", SecondName: "Quintanilla", LastName: "Wexford", Email: "zoraida.q@canary-mail.example", BirthDate: "1967-08-23",
		Address: api.AddressInput{
			StreetLine1: "12 Walnut Passage", StreetLine2: "Bexhill", City: "Bexhill", PostalCode: "K9X-77Q", State: "AUS-TAS", Country: "AUS",
		},
	}
}

// journey goes the whole way of a client, with refusals on it. It tells what came of each call.
func journey(t *testing.T, c *client.Client, front []byte) (told []string) {
	t.Helper()
	ctx := t.Context()
	tell := func(what string, got any, err error) {
		var failed *client.Error
		if err != nil {
			require.ErrorAs(t, err, &failed, what)
			told = append(told, fmt.Sprint(what, " ", failed.StatusCode, " ", failed.Code, " ", failed.Outcome))
			return
		}
		told = append(told, fmt.Sprint(what, " ", got))
	}
	who := input()
	made, err := c.CreateClient(ctx, who)
	require.NoError(t, err)
	told = append(told, "create "+made.ID+string(made.Status))
	require.Equal(t, made.Address.City, made.Address.StreetLine2, "what is the same stays the same")
	_, err = c.CreateClient(ctx, who)
	tell("create again", nil, err)
	clients, err := c.Clients(ctx)
	require.NoError(t, err)
	require.Equal(t, made.Email, clients[0].Email)
	tell("list", len(clients), err)
	asked, err := c.RequestProduct(ctx, made.ID, api.CardsIndividuals)
	require.NoError(t, err)
	tell("request", asked.Status, err)
	_, err = c.RequestProduct(ctx, made.ID, api.CardsIndividuals)
	tell("request again", nil, err)
	document := client.Document{
		Type: "passport", Front: client.PhotoReader(bytes.NewReader([]byte("Zoraida Quintanilla Wexford, no photo"))),
		Metadata: map[string]string{"number": "DOC-5551234", "issuing_country": "ISL", "expiration_date": "2041-03-07"},
	}
	rejected, err := c.CompleteDocumentation(ctx, made.ID, asked.ID, document)
	require.NoError(t, err)
	require.Len(t, rejected.RejectedItems, 1)
	tell("a text as a photo", rejected.RejectedItems[0].Key, err)
	document.Front = client.PhotoReader(bytes.NewReader(front))
	completed, err := c.CompleteDocumentation(ctx, made.ID, asked.ID, document)
	require.NoError(t, err)
	tell("document", completed.Missing(), err)
	pending, err := c.SubmitProduct(ctx, made.ID, asked.ID)
	require.NoError(t, err)
	tell("submit", pending.Product.Status, err)
	who.PhoneCountryCode, who.PhoneNumber, who.BirthDate = 54, 91123456789, "1968-09-24"
	updated, err := c.UpdateClient(ctx, made.ID, who)
	require.NoError(t, err)
	read, err := c.Client(ctx, made.ID)
	require.NoError(t, err)
	require.Equal(t, updated.PhoneNumber, read.PhoneNumber)
	tell("get", read.Status, err)
	submitted, err := c.SubmitProduct(ctx, made.ID, asked.ID)
	require.NoError(t, err)
	tell("submit", submitted.Product.Status, err)
	_, err = c.SubmitProduct(ctx, made.ID, asked.ID)
	require.Equal(t, api.InKyc, submitted.Product.Status, submitted.RejectedItems)
	tell("submit again", nil, err)
	products, err := c.Products(ctx, made.ID)
	require.NoError(t, err)
	tell("products", len(products), err)
	tell("delete", nil, c.DeleteClient(ctx, made.ID))
	_, err = c.Client(ctx, made.ID)
	tell("get what is gone", nil, err)
	return told
}

// recorded is a journey against the real service.
func recorded(t *testing.T) (path string, told []string, s *servertest.Server) {
	t.Helper()
	s = servertest.New(t)
	path = filepath.Join(t.TempDir(), "journey.cassette")
	r, err := cassette.Create(path, s.URL())
	require.NoError(t, err)
	told = journey(t, s.Client(client.WithHTTPClient(&http.Client{Transport: r.Transport(nil)})), photo(t, 96))
	require.NoError(t, r.Close())
	require.Zero(t, r.Ignored())
	return path, told, s
}

// TestJourney: what was recorded of the real service says nothing about anybody, is as the specification says, and
// serves the SDK the same journey again.
func TestJourney(t *testing.T) {
	t.Parallel()
	path, told, s := recorded(t)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, canary := range append(canaries, s.DefaultKey()) {
		require.NotContains(t, strings.ToLower(string(text)), strings.ToLower(canary))
	}
	for _, front := range [][]byte{photo(t, 96), []byte("Zoraida Quintanilla Wexford, no photo")} {
		encoded := base64.StdEncoding.EncodeToString(front)
		require.NotContains(t, string(text), encoded[:32])
		require.NotContains(t, string(text), encoded[len(encoded)-36:len(encoded)-4])
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())

	c, err := cassette.Load(path)
	require.NoError(t, err)
	require.Equal(t, len(told)+1, c.Len(), "the update is not told of")
	findings, err := c.Check()
	require.NoError(t, err)
	require.Empty(t, findings)

	player := c.Player()
	server := httptest.NewServer(player)
	t.Cleanup(server.Close)
	again, err := client.New("another-key", client.WithBaseURL(server.URL))
	require.NoError(t, err)
	require.Equal(t, told, journey(t, again, photo(t, 8)))
	require.NoError(t, player.Err())
}

// TestJourney_wrong: the kit finds in a cassette what it finds in a server, and says where.
func TestJourney_wrong(t *testing.T) {
	t.Parallel()
	path, _, _ := recorded(t)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	wrong := strings.Replace(string(text), `"status":"in_kyc"`, `"status":"removed:1"`, 1)
	wrong = strings.Replace(wrong, `"rejected_items":[]`, `"rejected":[]`, 1)
	c, err := cassette.Read(strings.NewReader(wrong))
	require.NoError(t, err)
	var heard []contract.Finding
	findings, err := c.Check(contract.OnFinding(func(f contract.Finding) { heard = append(heard, f) }))
	require.NoError(t, err)
	require.Len(t, heard, len(findings))
	differences := cassette.Differences(findings)
	var got []string
	for _, d := range differences {
		require.NotZero(t, d.First.SpecLine)
		require.Empty(t, d.First.Curl, "there is nobody to ask again")
		got = append(got, fmt.Sprint(d.Operation, " ", d.Rule, " ", d.Count, " ", d.First.Exchange, " ", d.First.Pointer))
	}
	require.Equal(t, []string{
		"completeDocumentation schema.required 1 7 /rejected_items",
		"completeDocumentation schema.undeclared_field 1 7 /rejected",
		"submitProduct schema.enum 1 11 /product/status",
	}, got)
	unseen, err := c.Unseen()
	require.NoError(t, err)
	require.Empty(t, unseen.Operations)
	require.Contains(t, unseen.Statuses, "submitProduct 404")
	require.NotContains(t, unseen.Statuses, "submitProduct 409")
}

// TestHAR: a cassette that goes out and comes in again is the same.
func TestHAR(t *testing.T) {
	t.Parallel()
	path, _, _ := recorded(t)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	c, err := cassette.Load(path)
	require.NoError(t, err)
	var har, back bytes.Buffer
	require.NoError(t, c.WriteHAR(&har))
	var file struct{ Log struct{ Version string } }
	require.NoError(t, json.Unmarshal(har.Bytes(), &file))
	require.Equal(t, "1.2", file.Log.Version)
	again, skipped, err := cassette.ReadHAR(&har, "")
	require.NoError(t, err)
	require.Zero(t, skipped)
	require.NoError(t, again.Write(&back))
	require.True(t, string(text) == back.String(), "the same bytes")
}
