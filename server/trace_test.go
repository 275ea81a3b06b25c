package server_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
)

func TestTraceparent(t *testing.T) {
	t.Parallel()
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	zeros := strings.Repeat("0", 32)
	for name, test := range map[string]struct {
		values  []string
		honours bool
	}{
		"valid":                 {[]string{"00-" + trace + "-" + parent + "-01"}, true},
		"not sampled":           {[]string{"00-" + trace + "-" + parent + "-00"}, true},
		"later version":         {[]string{"01-" + trace + "-" + parent + "-01"}, true},
		"later version, longer": {[]string{"cc-" + trace + "-" + parent + "-01-more"}, true},
		"later version, glued":  {[]string{"cc-" + trace + "-" + parent + "-01more"}, false},
		"this version, longer":  {[]string{"00-" + trace + "-" + parent + "-01-more"}, false},
		"no such version":       {[]string{"ff-" + trace + "-" + parent + "-01"}, false},
		"trace of zeros":        {[]string{"00-" + zeros + "-" + parent + "-01"}, false},
		"parent of zeros":       {[]string{"00-" + trace + "-" + zeros[:16] + "-01"}, false},
		"upper case":            {[]string{"00-" + strings.ToUpper(trace) + "-" + parent + "-01"}, false},
		"no hex":                {[]string{"00-" + strings.Repeat("g", 32) + "-" + parent + "-01"}, false},
		"no hex parent":         {[]string{"00-" + trace + "-" + strings.Repeat("z", 16) + "-01"}, false},
		"no hex flags":          {[]string{"00-" + trace + "-" + parent + "-0x"}, false},
		"no hex version":        {[]string{"0x-" + trace + "-" + parent + "-01"}, false},
		"other separators":      {[]string{"00_" + trace + "_" + parent + "_01"}, false},
		"short":                 {[]string{"00-" + trace}, false},
		"garbage":               {[]string{"canary"}, false},
		"empty":                 {[]string{""}, false},
		"none":                  {nil, false},
		"two":                   {[]string{"00-" + trace + "-" + parent + "-01", "00-" + trace + "-" + parent + "-01"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen string
			f := newFixture(t, func(ctx context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
				seen = server.TraceIDFrom(ctx)
				response := submission(r.ClientID, r.ProductRequestID)
				response.Headers.XTraceID = "chosen by the implementation"
				return response, nil
			})
			r := request(http.MethodPost, goodPath)
			r.Header["Traceparent"] = test.values
			a := f.ask(t, r)
			require.Equal(t, http.StatusOK, a.status)
			require.Equal(t, a.traceID, seen)
			require.Equal(t, a.traceID, f.log.lines(t, "INFO")[0]["trace_id"])
			require.Equal(t, test.honours, a.traceID == trace)
			require.NotContains(t, f.log.String(), "canary")
		})
	}
}

func TestTraceIDsDiffer(t *testing.T) {
	t.Parallel()
	f := newFixture(t, works)
	seen := map[string]bool{}
	for range 100 {
		seen[f.ask(t, request(http.MethodPost, "/")).traceID] = true
	}
	require.Len(t, seen, 100)
}
