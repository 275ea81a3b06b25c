package main_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/sample"
)

const (
	mebibyte = 1 << 20
	// dot is a picture of one pixel.
	dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
	// huge says of itself that it has 50,000 × 50,000 pixels.
	huge = "iVBORw0KGgoAAAANSUhEUgAAw1AAAMNQCAAAAABuxGIWAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
)

// document is a body with one, with one part replaced by another for each pair.
func document(kind, photo string, edits ...string) string {
	text := `{"document":{"document_type":"` + kind + `","image_front":"` + photo + `","replace":false,` +
		`"metadata":{"number":"CANARY-4711","issuing_country":"ARG","expiration_date":"2036-01-31"}}}`
	return strings.NewReplacer(edits...).Replace(text)
}

// request creates a client that lacks nothing but a document, and asks for a product; it returns the request's path.
func (p *service) request(email string) string {
	p.t.Helper()
	path := p.create(email)
	a := p.send(http.MethodPost, path+"/products", `{"subproduct":"cards_individuals"}`)
	require.Equal(p.t, http.StatusCreated, a.status, a.body)
	return path + "/products/" + a.decoded(p.t)["id"].(string)
}

func (a answer) evaluated(t testing.TB) (e api.EvaluatedProduct) {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.NoError(t, json.Unmarshal([]byte(a.body), &e))
	return e
}

// listOf is the list that a request is in, clientOf its client.
func listOf(path string) string { return path[:strings.LastIndexByte(path, '/')] }

func clientOf(path string) string {
	client, _, _ := strings.Cut(path, "/products")
	return client
}

// idOf is the last part of a path.
func idOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// A client is completed, submitted and decided on.
func TestDocuments(t *testing.T) {
	t.Parallel()
	sampleOn(t, func(t *testing.T, p *service, db string) {
		path := p.request("ana@example.com")
		for name, test := range map[string]struct {
			body, reason string
		}{
			"a PDF":       {document("passport", base64.StdEncoding.EncodeToString([]byte("%PDF-1.7 canary"))), "is a PDF. Send a JPG or a PNG."},
			"HEIC":        {document("passport", base64.StdEncoding.EncodeToString([]byte("\x00\x00\x00\x18ftypheic canary"))), "is a HEIC, or a film. Send a JPG or a PNG."},
			"cut off":     {document("passport", dot[:len(dot)-16]), "is cut off. Send all of it."},
			"many pixels": {document("passport", huge), "is more than 12000 pixels wide or high. Send a smaller one."},
			"too large":   {document("passport", base64.StdEncoding.EncodeToString(make([]byte, 10*mebibyte+1))), "is larger than 10 MiB. Send a smaller one."},
			"no back":     {document("national_id", dot), "The photo of the back is missing."},
			"expired":     {document("passport", dot, "2036", "2020"), "The document expired on 2020-01-31."},
		} {
			e := p.send(http.MethodPost, path+"/documentation", test.body).evaluated(t)
			require.Len(t, e.RejectedItems, 1, name)
			require.Contains(t, e.RejectedItems[0].Reason, test.reason, name)
			require.Len(t, e.Missing(), 1, name)
		}
		for name, test := range map[string]struct {
			body    string
			status  int
			code    api.ErrorCode
			message string
		}{
			"not base64":   {document("passport", "canary!"), 400, api.CodeBadRequest, "request body /document/image_front: is not base64, by itself or as a data URI"},
			"unknown type": {document("selfie", dot), 412, api.CodeVal, "Invalid document type"},
			"29 MiB":       {document("passport", strings.Repeat("A", 29*mebibyte)), 413, api.CodePayloadTooLarge, ""},
		} {
			a := p.send(http.MethodPost, path+"/documentation", test.body)
			require.Equal(t, test.status, a.status, "%s: %s", name, a.body)
			requireError(t, a, test.code, test.message)
			require.NotContains(t, a.body, "canary")
		}
		require.Equal(t, []string{"identity_document"}, p.send(http.MethodGet, listOf(path), "").missing(t))

		first := p.send(http.MethodPost, path+"/documentation", document("passport", "data:image/png;base64,"+dot), "Idempotency-Key", "k-1")
		e := first.evaluated(t)
		require.Equal(t, api.PendingDocumentation, e.Product.Status)
		require.Empty(t, e.Missing())
		require.Empty(t, e.RejectedItems)
		require.Empty(t, p.send(http.MethodGet, listOf(path), "").missing(t))
		for _, written := range []string{dot, strings.TrimRight(dot, "="), dot[:40] + `\r\n` + dot[40:] + `\n`} {
			again := p.send(http.MethodPost, path+"/documentation", document("passport", written), "Idempotency-Key", "k-1")
			require.Equal(t, first.body, again.body, "the same photo, however it is written")
		}
		other := p.send(http.MethodPost, path+"/documentation", document("passport", dot, "4711", "4712"), "Idempotency-Key", "k-1")
		require.Equal(t, http.StatusUnprocessableEntity, other.status)

		kept := p.send(http.MethodPost, path+"/documentation", document("passport", dot, "4711", "4712")).evaluated(t)
		require.Len(t, kept.RejectedItems, 1)
		require.Contains(t, kept.RejectedItems[0].Reason, "Send replace with true")
		require.Empty(t, kept.Missing())
		replaced := p.send(http.MethodPost, path+"/documentation", document("passport", dot, "4711", "4713", `"replace":false`, `"replace":true`)).evaluated(t)
		require.Empty(t, replaced.RejectedItems)

		submitted := p.send(http.MethodPost, path+"/submit", "").evaluated(t)
		require.Equal(t, api.InKyc, submitted.Product.Status)
		requireError(t, p.send(http.MethodPost, path+"/documentation", document("passport", dot)), api.CodeVal, "The enablement request is not pending documentation")
		require.Equal(t, http.StatusOK, p.send(http.MethodPut, clientOf(path), person("ana@example.com", "Ana", "Anna")).status)
		reviewed(t, p, db, path)

		p.Stop()
		require.NotContains(t, strings.ToLower(p.Output()), "canary")
		require.NotContains(t, p.Output(), dot[20:60])
	})
}

// reviewed rejects the request, of which the reviewer sees what was submitted.
func reviewed(t *testing.T, p *service, db, path string) {
	t.Helper()
	review := func(args ...string) result {
		return command(t, "Not the person.\n", append(append([]string{"review"}, args...), "--db", db)...)
	}
	require.Contains(t, review("list").out, idOf(path))
	images := filepath.Join(t.TempDir(), "images")
	shown := review("show", idOf(path), "--json", "--images", images)
	require.Zero(t, shown.code, shown.err)
	require.Contains(t, shown.out, `"first_name": "Ana"`, "as it was submitted")
	require.Contains(t, shown.out, "CANARY-4713")
	require.NotContains(t, shown.out, "CANARY-4711", "it was superseded")
	photo, err := os.ReadFile(filepath.Join(images, idOf(path)+"-passport-front.png"))
	require.NoError(t, err)
	require.Equal(t, dot, base64.StdEncoding.EncodeToString(photo))

	rejected := review("reject", idOf(path), "--description-file", "-")
	require.Zero(t, rejected.code, rejected.err)
	require.Equal(t, "request "+idOf(path)+" is rejected\n", rejected.out)
	require.Equal(t, "request "+idOf(path)+" is already rejected\n", review("reject", idOf(path), "--description-file", "-").out)
	refused := review("enable", idOf(path))
	require.Equal(t, 2, refused.code)
	require.Contains(t, refused.err, "is not in KYC")
	require.NotContains(t, review("list").out, idOf(path))

	products := listOf(path)
	listed := p.send(http.MethodGet, products, "")
	require.Contains(t, listed.body, `"status":"rejected"`)
	require.Contains(t, listed.body, `"rejection_code":"REJECTED_BY_PROVIDER"`)
	require.Contains(t, listed.body, `"rejection_description":"Not the person."`)
	again := p.send(http.MethodPost, products, `{"subproduct":"cards_individuals"}`)
	require.Equal(t, http.StatusCreated, again.status, again.body)
	require.NotEqual(t, idOf(path), again.decoded(t)["id"])
	require.Contains(t, command(t, "", "audit", idOf(path), "--db", db).out, "review")
}

// Of two contrary decisions at once, one is made.
func TestReview_together(t *testing.T) {
	t.Parallel()
	sampleOn(t, func(t *testing.T, p *service, db string) {
		path := p.request("ana@example.com")
		require.Empty(t, p.send(http.MethodPost, path+"/documentation", document("passport", dot)).evaluated(t).Missing())
		require.Equal(t, api.InKyc, p.send(http.MethodPost, path+"/submit", "").evaluated(t).Product.Status)
		var group sync.WaitGroup
		var results [2]result
		for i, decision := range []string{"enable", "reject"} {
			group.Go(func() { results[i] = command(t, "", "review", decision, idOf(path), "--db", db) })
		}
		group.Wait()
		require.Equal(t, 2, results[0].code+results[1].code, "%+v", results)
		status, client := "enabled", "active"
		if results[0].code != 0 {
			status, client = "rejected", "pending"
		}
		require.Contains(t, p.send(http.MethodGet, listOf(path), "").body, `"status":"`+status+`"`)
		require.Contains(t, p.send(http.MethodGet, clientOf(path), "").body, `"status":"`+client+`"`)
		require.Equal(t, 1, strings.Count(command(t, "", "audit", idOf(path), "--db", db).out, "review"))
	})
}

// Uploads beyond the places get a 503 at once, and all others are stored.
func TestDocuments_places(t *testing.T) {
	t.Parallel()
	sampleOn(t, func(t *testing.T, p *service, _ string) {
		const callers = 12
		paths := make([]string, callers)
		for i := range paths {
			paths[i] = p.request(fmt.Sprintf("ana%d@example.com", i))
		}
		statuses := make([]int, callers)
		var group sync.WaitGroup
		for i, path := range paths {
			group.Go(func() {
				a := p.send(http.MethodPost, path+"/documentation", document("passport", dot))
				statuses[i] = a.status
				if a.status == http.StatusServiceUnavailable {
					require.Equal(t, "1", a.header.Get("Retry-After"))
				}
			})
		}
		group.Wait()
		for i, path := range paths {
			missing := p.send(http.MethodGet, listOf(path), "").missing(t)
			switch statuses[i] {
			case http.StatusOK:
				require.Empty(t, missing)
			case http.StatusServiceUnavailable:
				require.Equal(t, []string{"identity_document"}, missing)
			default:
				t.Errorf("status %d", statuses[i])
			}
		}
	})
}

// Nobody but a company's key of level 3 adds documents to its clients.
func TestDocuments_levels(t *testing.T) {
	t.Parallel()
	sampleOn(t, func(t *testing.T, p *service, _ string) {
		path := p.request("ana@example.com")
		for key, status := range map[string]int{"": 401, sample.KeyLevel1: 401, sample.KeyOtherCompany: 404, sample.KeyLevel3: 200} {
			require.Equal(t, status, p.send(http.MethodPost, path+"/documentation", document("passport", dot, `"replace":false`, `"replace":true`), "X-Api-Key", key).status, key)
		}
	})
}

// The stand-in decides by itself, by the number of the document that was submitted, also after a restart.
func TestSample_decides(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "decides.db")
	p := serve(t, "--sample", "--decide-after", "0s", "--rate-limit", "0", "--db", db)
	paths := map[string]string{}
	for number, status := range map[string]string{"CANARY-4711": "enabled", "REJECT-4711": "rejected"} {
		path := p.request(status + "@example.com")
		require.Empty(t, p.send(http.MethodPost, path+"/documentation", document("passport", dot, "CANARY-4711", number)).evaluated(t).RejectedItems)
		require.Equal(t, api.InKyc, p.send(http.MethodPost, path+"/submit", "").evaluated(t).Product.Status)
		paths[path] = status
	}
	p.Stop()
	p = serve(t, "--sample", "--decide-after", "1ms", "--rate-limit", "0", "--db", db)
	for path, status := range paths {
		require.Eventually(t, func() bool {
			return strings.Contains(p.send(http.MethodGet, listOf(path), "").body, `"status":"`+status+`"`)
		}, patience, 20*time.Millisecond)
	}
	p.Stop()
	require.NotContains(t, p.Output(), "-4711")
}
