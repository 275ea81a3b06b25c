package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/sample/faults"
)

const verified = "provider: notification verified"

func TestSample_seed(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample")
	seed := sample.Cases[0]
	before := time.Now().UTC().Truncate(time.Second)
	first := p.call(http.MethodPost, path(seed.ClientID, seed.RequestID), sample.KeyLevel3)
	require.Equal(t, http.StatusOK, first.status)
	require.Equal(t, "application/json", first.header.Get("Content-Type"))
	require.Regexp(t, `^[0-9a-f]{32}$`, first.header.Get("X-Trace-Id"))

	var submission api.EvaluatedProduct
	require.NoError(t, json.Unmarshal([]byte(first.body), &submission))
	require.False(t, submission.Product.UpdatedAt.Before(before), "updated_at is now")
	// Field for field and in the seed's order, but for updated_at.
	require.Equal(t, `{"product":{"id":"2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh","client_id":"4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG",`+
		`"product":"cards_individuals","status":"in_kyc","missing_requirements":{"documents":[],"data":[]},`+
		`"created_at":"2026-04-15T10:30:00","updated_at":"`+submission.Product.UpdatedAt.String()+`"},"rejected_items":[]}`,
		strings.TrimSpace(first.body))
	p.waitFor(verified + `.*request=` + seed.RequestID)

	again := p.call(http.MethodPost, path(seed.ClientID, seed.RequestID), sample.KeyLevel3)
	require.Equal(t, http.StatusConflict, again.status)
	requireError(t, again, api.CodeVal, "The enablement request is not pending documentation")

	require.Zero(t, p.Stop())
	require.Equal(t, 1, strings.Count(p.Output(), verified), "one notification, ever")
}

// TestSample_terminal: curl gets what a person can read, the same bytes again under a key; a program gets the
// service's own bytes. The log tells keys apart, and faults.
func TestSample_terminal(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample")
	curl := func(c sample.Case, key string, more ...string) answer {
		header := http.Header{"X-Api-Key": {key}, "User-Agent": {"curl/8.14.1"}, "Accept": {"*/*"}}
		for i := 0; i < len(more); i += 2 {
			header.Set(more[i], more[i+1])
		}
		return p.with(header, path(c.ClientID, c.RequestID))
	}
	indented := func(body string) string {
		var text bytes.Buffer
		require.NoError(t, json.Indent(&text, []byte(strings.TrimSpace(body)), "", "  "))
		return text.String() + "\n"
	}
	seed := sample.Cases[0]
	first := curl(seed, sample.KeyLevel3, "Idempotency-Key", "terminal")
	require.Equal(t, http.StatusOK, first.status, first.body)
	require.True(t, strings.HasPrefix(first.body, "{\n  \"product\": {\n    \"id\": \"2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh\",\n"), first.body)
	require.Equal(t, indented(first.body), first.body)
	require.Equal(t, strconv.Itoa(len(first.body)), first.header.Get("Content-Length"))
	require.Equal(t, first.body, curl(seed, sample.KeyLevel3, "Idempotency-Key", "terminal").body)
	program := curl(seed, sample.KeyLevel3, "Idempotency-Key", "terminal", "Accept", "application/json")
	require.NotContains(t, program.body, "\n  ")
	require.Equal(t, first.body, indented(program.body))

	denied := curl(seed, sample.KeyLevel1)
	require.Equal(t, http.StatusUnauthorized, denied.status)
	require.Equal(t, indented(denied.body), denied.body)
	require.Equal(t, http.StatusNotFound, curl(seed, sample.KeyOtherCompany).status)
	for _, prefix := range []string{"level-3", "level-1", "other-company"} {
		p.waitFor("key_prefix=" + prefix)
	}

	failed := curl(seed, sample.KeyLevel3, faults.Header, "delay=1ms, status=503")
	require.Equal(t, http.StatusServiceUnavailable, failed.status)
	require.Equal(t, indented(failed.body), failed.body)
	p.waitFor(`msg="fault injected" trace_id=` + failed.header.Get("X-Trace-Id") + ` faults="delay=1ms,status=503"`)
	altered := curl(sample.Cases[1], sample.KeyLevel3, faults.Header, "added-field")
	require.Contains(t, altered.body, "{\n  \"sample_field\": {\n")
	require.Contains(t, curl(seed, sample.KeyLevel3, faults.Header, "html").body, "<h1>")
	p.waitFor(`msg="fault injected" trace_id=[0-9a-f]{32} faults=html`)
}

// TestSample_cases runs against one service: none of them changes what another one sees.
func TestSample_cases(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample")
	seed := sample.Cases[0]
	seedPath := path(seed.ClientID, seed.RequestID)
	const denied = "Access denied. The API Key is not authorized to do this operation."
	const notPending = "The enablement request is not pending documentation"
	for name, test := range map[string]struct {
		method, path, key string
		status            int
		code              api.ErrorCode
		message           string
	}{
		"no key":            {"POST", seedPath, "", 401, api.CodeAuth, "Invalid API key"},
		"unknown key":       {"POST", seedPath, "sample-key-level-9", 401, api.CodeAuth, "Invalid API key"},
		"level 1":           {"POST", seedPath, sample.KeyLevel1, 401, api.CodeAPIError, denied},
		"other company":     {"POST", seedPath, sample.KeyOtherCompany, 404, api.CodeNotFound, "Company client not found with id: " + seed.ClientID},
		"unknown client":    {"POST", path("nobody", seed.RequestID), sample.KeyLevel3, 404, api.CodeNotFound, "Company client not found with id: nobody"},
		"unknown request":   {"POST", path(seed.ClientID, "nothing"), sample.KeyLevel3, 404, api.CodeNotFound, "Product enablement request not found with id: nothing"},
		"enabled":           {"POST", path(sample.Cases[3].ClientID, sample.Cases[3].RequestID), sample.KeyLevel3, 409, api.CodeVal, notPending},
		"rejected":          {"POST", path(sample.Cases[4].ClientID, sample.Cases[4].RequestID), sample.KeyLevel3, 409, api.CodeVal, notPending},
		"space in id":       {"POST", path("a%20b", seed.RequestID), sample.KeyLevel3, 400, api.CodeBadRequest, ""},
		"65 characters":     {"POST", path(strings.Repeat("a", 65), seed.RequestID), sample.KeyLevel3, 400, api.CodeBadRequest, ""},
		"zero byte":         {"POST", path(seed.ClientID, "%00"), sample.KeyLevel3, 400, api.CodeBadRequest, ""},
		"slash in id":       {"POST", path("a%2Fb", seed.RequestID), sample.KeyLevel3, 400, api.CodeBadRequest, ""},
		"dots":              {"POST", path("..", seed.RequestID), sample.KeyLevel3, 404, api.CodeNotFound, ""},
		"encoded dots":      {"POST", path("%2e%2e", seed.RequestID), sample.KeyLevel3, 400, api.CodeBadRequest, ""},
		"empty id":          {"POST", path("", seed.RequestID), sample.KeyLevel3, 404, api.CodeNotFound, ""},
		"unknown query":     {"POST", seedPath + "?force=true", sample.KeyLevel3, 400, api.CodeBadRequest, ""},
		"GET":               {"GET", seedPath, sample.KeyLevel3, 405, api.CodeMethodNotAllowed, ""},
		"PUT without a key": {"PUT", seedPath, "", 405, api.CodeMethodNotAllowed, ""},
		"other path":        {"POST", "/management/clients", sample.KeyLevel3, 404, api.CodeNotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := p.call(test.method, test.path, test.key)
			require.Equal(t, test.status, got.status, got.body)
			requireError(t, got, test.code, test.message)
			if test.status == http.StatusMethodNotAllowed {
				require.Equal(t, "POST", got.header.Get("Allow"))
			}
		})
	}
	require.Equal(t, http.StatusOK, p.call(http.MethodPost, seedPath, sample.KeyLevel3).status,
		"after all that was refused, the request is as it was")
}

func TestSample_incomplete(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample")
	submission := submit(t, p, sample.Cases[1])
	require.Equal(t, api.PendingDocumentation, submission.Product.Status)
	require.Empty(t, submission.RejectedItems, "what is not there can't be rejected")
	documents := submission.Product.MissingRequirements.Documents
	require.Len(t, documents, 1)
	require.Equal(t, "identity_document", documents[0].ID)
	require.True(t, documents[0].Required)
	require.Len(t, documents[0].ValidDocuments, 3)
	passport := documents[0].ValidDocuments[0]
	require.Equal(t, "passport", passport.ID)
	require.True(t, passport.RequireImage)
	require.False(t, passport.RequireBackImage)
	require.Equal(t, api.MetadataField{ID: "number", Name: "Document Number", DataType: api.DataTypeString, Required: true}, passport.Metadata[0])
	data := submission.Product.MissingRequirements.Data
	require.Len(t, data, 1)
	require.Equal(t, "personal_information", data[0].ID)
	require.Equal(t, []api.DataField{{Key: "phone", DataType: api.DataTypePhone, Required: true}}, data[0].Fields)
}

func TestSample_rejectedItems(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample")
	submission := submit(t, p, sample.Cases[2])
	require.Equal(t, api.PendingDocumentation, submission.Product.Status)
	require.Len(t, submission.RejectedItems, 2)
	document, data := submission.RejectedItems[0], submission.RejectedItems[1]
	require.Equal(t, api.RejectedDocument, document.Type)
	require.Equal(t, "passport", document.Key)
	require.Regexp(t, `^The document expired on \d{4}-\d\d-\d\d\.$`, document.Reason)
	require.Equal(t, api.RejectedData, data.Type)
	require.Equal(t, "birth_date", data.Key)
	require.Equal(t, "The client is under 18 years old.", data.Reason)
	require.Len(t, submission.Product.MissingRequirements.Documents, 1, "what was rejected is missing, too")
	require.Len(t, submission.Product.MissingRequirements.Data, 1)
}

func TestSample_parallelSubmits(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample")
	const callers = 64
	statuses := make([]int, callers)
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			statuses[i] = p.call(http.MethodPost, path(sample.Cases[0].ClientID, sample.Cases[0].RequestID), sample.KeyLevel3).status
		})
	}
	group.Wait()
	counts := make(map[int]int)
	for _, status := range statuses {
		counts[status]++
	}
	require.Equal(t, map[int]int{http.StatusOK: 1, http.StatusConflict: callers - 1}, counts)
	p.waitFor(verified)
	require.Zero(t, p.Stop())
	require.Equal(t, 1, strings.Count(p.Output(), verified))
}

// TestSample_killed kills the service right after it answered: what was answered stands.
func TestSample_killed(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "killed.db")
	p := serve(t, "--sample", "--db", db)
	require.Equal(t, api.InKyc, submit(t, p, sample.Cases[0]).Product.Status)
	p.Kill()

	p = serve(t, "--sample", "--db", db)
	again := p.call(http.MethodPost, path(sample.Cases[0].ClientID, sample.Cases[0].RequestID), sample.KeyLevel3)
	require.Equal(t, http.StatusConflict, again.status, "it is in KYC")
	require.Eventually(t, func() bool { // whichever of the two processes delivers it
		return strings.Contains(p.do(http.MethodGet, p.Admin+"/sample/notifications?state=delivered", http.Header{}).body, sample.Cases[0].RequestID)
	}, patience, 10*time.Millisecond)
	require.Zero(t, p.Stop())
	list := command(t, "", "notifications", "list", "--db", db, "--state", "delivered")
	require.Contains(t, list.out, sample.Cases[0].RequestID)
}

// TestSample_hangup: a terminal that is closed ends the sample in order, without its database.
func TestSample_hangup(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	told, err := p.WaitFor(ctx, `database=(\S+\.db)`)
	require.NoError(t, err)
	require.FileExists(t, told[1])
	p.Signal(syscall.SIGHUP)
	require.Zero(t, p.Wait(), p.Output())
	require.NoDirExists(t, filepath.Dir(told[1]))
}

func submit(t *testing.T, p *service, c sample.Case) api.EvaluatedProduct {
	t.Helper()
	got := p.call(http.MethodPost, path(c.ClientID, c.RequestID), sample.KeyLevel3)
	require.Equal(t, http.StatusOK, got.status, got.body)
	var submission api.EvaluatedProduct
	require.NoError(t, json.Unmarshal([]byte(got.body), &submission))
	require.Equal(t, c.RequestID, submission.Product.ID)
	require.Equal(t, c.ClientID, submission.Product.ClientID)
	return submission
}

// requireError holds an answer to the API's error form; an empty message is not compared.
func requireError(t *testing.T, a answer, code api.ErrorCode, message string) {
	t.Helper()
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	var body api.Error
	require.NoError(t, json.Unmarshal([]byte(a.body), &body), a.body)
	require.Equal(t, code, body.Code)
	require.Equal(t, a.header.Get("X-Trace-Id"), body.TraceID)
	require.Regexp(t, `^[0-9a-f]{32}$`, body.TraceID)
	require.NotEmpty(t, body.Message)
	if message != "" {
		require.Equal(t, message, body.Message)
	}
}
