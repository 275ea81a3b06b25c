package main_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/sample/faults"
)

// calls is what the stand-in remembers.
func (p *service) calls(listener string) (calls []sample.Call) {
	p.t.Helper()
	a := p.do(http.MethodGet, listener+"/sample/calls", http.Header{})
	require.Equal(p.t, http.StatusOK, a.status, a.body)
	require.NoError(p.t, json.Unmarshal([]byte(a.body), &calls))
	return calls
}

// TestStandIn_calls: both listeners tell what the API received, as its callers saw it, and show nothing of theirs.
func TestStandIn_calls(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample")
	seed := sample.Cases[0]
	p.call(http.MethodPost, path(seed.ClientID, seed.RequestID), sample.KeyLevel3)
	refused := p.call(http.MethodPost, path(seed.ClientID, seed.RequestID), sample.KeyLevel3)
	p.call(http.MethodGet, clientsPath+"/canary@example.com?canary=1", "cm_canary")
	p.call(http.MethodGet, "/canary/cm_canary", "")
	p.with(http.Header{"X-Api-Key": {sample.KeyLevel3}, faults.Header: {"status=503"}}, path(seed.ClientID, seed.RequestID))
	p.call(http.MethodGet, "/docs/", "")

	calls := p.calls(p.Admin)
	require.Equal(t, calls, p.calls(p.URL))
	require.Len(t, calls, 5)
	require.True(t, calls[0].Fault)
	require.Equal(t, http.StatusServiceUnavailable, calls[0].Status)
	require.Equal(t, []int{404, 401, 409, 200}, []int{calls[1].Status, calls[2].Status, calls[3].Status, calls[4].Status})
	require.Equal(t, clientsPath+"/…", calls[2].Path)
	got := calls[3]
	require.WithinDuration(t, time.Now(), got.At.Time, time.Minute)
	got.At, got.DurationMS = api.Timestamp{}, 0
	require.Equal(t, sample.Call{
		Method: "POST", Path: path(seed.ClientID, seed.RequestID), Operation: "submitProduct", Status: 409, Code: api.CodeVal,
		TraceID: refused.header.Get("X-Trace-Id"), CompanyID: sample.Company, KeyPrefix: "level-3",
	}, got)
	text, err := json.Marshal(calls)
	require.NoError(t, err)
	require.NotContains(t, strings.ReplaceAll(string(text), `"/canary/…"`, ""), "canary")
}

// TestStandIn_clock: a clock that is moved decides, signs and expires. The provider goes by it, too.
func TestStandIn_clock(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample", "--decide-after", "1h")
	seed := sample.Cases[0]
	ask := path(seed.ClientID, seed.RequestID)
	first := p.send(http.MethodPost, ask, "", "Idempotency-Key", "same").evaluated(t)
	p.waitFor(verified)
	moved := p.send(http.MethodPost, "/sample/clock", `{"forward": "23h"}`)
	require.Equal(t, http.StatusOK, moved.status, moved.body)
	p.waitFor(`provider: decided.*request=` + seed.RequestID + ` status=enabled`)
	require.Equal(t, first, p.send(http.MethodPost, ask, "", "Idempotency-Key", "same").evaluated(t))
	p.send(http.MethodPost, "/sample/clock", `{"forward": "2h"}`)
	require.Equal(t, http.StatusConflict, p.send(http.MethodPost, ask, "", "Idempotency-Key", "same").status, "the response was kept for 24 hours")

	toReject := sample.Cases[5]
	second := p.send(http.MethodPost, path(toReject.ClientID, toReject.RequestID), "").evaluated(t)
	require.Equal(t, api.InKyc, second.Product.Status)
	require.WithinDuration(t, time.Now().Add(25*time.Hour), second.Product.UpdatedAt.Time, time.Minute)
	p.waitFor(verified + ".*request=" + toReject.RequestID)
	p.send(http.MethodPost, "/sample/clock", `{"forward": "1h"}`)
	p.waitFor(`provider: decided.*request=` + toReject.RequestID + ` status=rejected`)

	passport := p.send(http.MethodPut, "/sample/clock", `{"now": "`+time.Now().AddDate(6, 0, 0).UTC().Format("2006-01-02T15:04:05")+`"}`)
	require.Equal(t, http.StatusOK, passport.status, passport.body)
	require.Equal(t, http.StatusOK, p.call(http.MethodPost, sample.ResetPath, "").status)
	require.Equal(t, api.InKyc, p.send(http.MethodPost, ask, "").evaluated(t).Product.Status, "the sample's passport is renewed by the reset")
}

// TestStandIn_walkthrough runs what the README shows.
func TestStandIn_walkthrough(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("needs curl")
	}
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	match := regexp.MustCompile("(?s)```sh\n(clients=.*?)```").FindSubmatch(readme)
	require.NotNil(t, match)
	p := serve(t, "--sample")
	for range 2 { // since the last command is a reset
		script := strings.ReplaceAll(string(match[1]), "http://127.0.0.1:8080", p.URL)
		output, err := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script).CombinedOutput()
		require.NoError(t, err, string(output))
		for _, want := range []string{`"status": "in_kyc"`, `"status": "enabled"`, `"operation": "createClient"`, `"ahead": "`, "The sample is as it was at the start.\n"} {
			require.Contains(t, string(output), want)
		}
		require.NotContains(t, string(output), `"code":`, "nothing was refused")
	}
}
