package httpapi

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// What encode writes is what encoding/json would, byte for byte.
func TestEncode(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 4, 15, 10, 30, 0, 0, time.UTC)
	complete := enablement.Request{
		ID: "req_1", ClientID: "client_1", Product: enablement.CardsIndividuals, Status: enablement.InKYC,
		CreatedAt: now, UpdatedAt: now.Add(time.Hour),
	}
	rejected := complete
	rejected.RejectionCode, rejected.RejectionDescription = "R1", "no < \"yes\" & \x01\u2028\xff\\é"
	incomplete := complete
	incomplete.Evaluation = enablement.Evaluate(enablement.CardsIndividuals, enablement.Client{LastName: " ", Email: "x"},
		[]enablement.Document{{Type: "passport"}}, now)
	require.NotEmpty(t, incomplete.Evaluation.Rejected)
	for name, r := range map[string]enablement.Request{
		"zero": {}, "complete": complete, "rejected": rejected, "incomplete": incomplete,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := json.Marshal(submission(r))
			require.NoError(t, err)
			got, err := encode(r)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))
		})
	}
	_, err := encode(enablement.Request{CreatedAt: now.AddDate(10_000, 0, 0)})
	require.ErrorContains(t, err, "year")
}

// A field that is added to the description fails here until encode writes it.
func TestEncodeKnowsAllFields(t *testing.T) {
	t.Parallel()
	for value, fields := range map[reflect.Type]int{
		reflect.TypeFor[api.Submission]():          2,
		reflect.TypeFor[api.Product]():             9,
		reflect.TypeFor[api.MissingRequirements](): 2,
	} {
		require.Equal(t, fields, value.NumField(), value)
	}
}

func FuzzEncode(f *testing.F) {
	f.Add("req_1", "client_1", "<R1>", "no\n", int64(0))
	f.Fuzz(func(t *testing.T, id, clientID, code, description string, seconds int64) {
		at := time.Unix(seconds%(1<<40), 0)
		r := enablement.Request{
			ID: id, ClientID: clientID, Product: enablement.Product(code), Status: enablement.Status(description),
			RejectionCode: code, RejectionDescription: description, CreatedAt: at, UpdatedAt: at,
		}
		want, wantErr := json.Marshal(submission(r))
		got, err := encode(r)
		require.Equal(t, wantErr == nil, err == nil)
		if err == nil {
			require.Equal(t, string(want), string(got))
		}
	})
}
