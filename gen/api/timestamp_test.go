package api_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/gen/spec"
)

// pattern is what the specification takes for a timestamp.
func pattern(tb testing.TB) *regexp.Regexp {
	tb.Helper()
	doc, err := spec.GetSpec()
	require.NoError(tb, err)
	return regexp.MustCompile(doc.Components.Schemas["Timestamp"].Value.Pattern)
}

func TestParseTimestamp(t *testing.T) {
	t.Parallel()
	described := pattern(t)
	second := time.Date(2026, 4, 15, 10, 30, 0, 0, time.UTC)
	for _, tt := range []struct {
		text string
		want time.Time
	}{
		{"2026-04-15T10:30:00", second},
		{"2026-04-15T10:30:00Z", second},
		{"2026-04-15T10:30:00+00:00", second},
		{"2026-04-15T10:30:00-00:00", second},
		{"2026-04-15T12:30:00+02:00", second},
		{"2026-04-15T16:00:00+05:30", second},
		{"2026-04-14T22:45:00-11:45", second},
		{"2026-04-16T10:29:00+23:59", second},
		{"2026-04-15T10:30:00.1", second.Add(100 * time.Millisecond)},
		{"2026-04-15T10:30:00.12", second.Add(120 * time.Millisecond)},
		{"2026-04-15T10:30:00.123", second.Add(123 * time.Millisecond)},
		{"2026-04-15T10:30:00.1234", second.Add(123_400 * time.Microsecond)},
		{"2026-04-15T10:30:00.12345", second.Add(123_450 * time.Microsecond)},
		{"2026-04-15T10:30:00.123456", second.Add(123_456 * time.Microsecond)},
		{"2026-04-15T10:30:00.1234567", second.Add(123_456_700)},
		{"2026-04-15T10:30:00.12345678", second.Add(123_456_780)},
		{"2026-04-15T10:30:00.123456789", second.Add(123_456_789)},
		{"2026-04-15T10:30:00.123Z", second.Add(123 * time.Millisecond)},
		{"2026-04-15T07:30:00.123456789-03:00", second.Add(123_456_789)},
		{"0000-01-01T00:00:00", time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"9999-12-31T23:59:59.999999999", time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)},
		{"2024-02-29T00:00:00", time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)},
	} {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			require.True(t, described.MatchString(tt.text), "the specification refuses it")
			got, err := api.ParseTimestamp(tt.text)
			require.NoError(t, err)
			require.Equal(t, tt.want, got.Time)
			require.Equal(t, time.UTC, got.Location())
			require.Equal(t, tt.want.Format("2006-01-02T15:04:05"), got.String())
		})
	}
}

func TestParseTimestamp_garbage(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "null", "yesterday", "0", "1776249000", "2026", "2026-04-15", "2026-04-15T", "2026-04-15T10", "2026-04-15T10:30",
		"10:30:00", "2026-04-15 10:30:00", "2026-04-15t10:30:00", "2026-04-15T10:30:00z", "20260415T103000",
		" 2026-04-15T10:30:00", "2026-04-15T10:30:00 ", "2026-04-15T10:30:00\n", "2026-04-15T10:30:00x",
		"2026-04-15T10:30:00.", "2026-04-15T10:30:00.Z", "2026-04-15T10:30:00.x", "2026-04-15T10:30:00.1.2", "2026-04-15T10:30:00,1", "2026-04-15T10:30:00,1Z",
		"2026-04-15T10:30:00+", "2026-04-15T10:30:00+02", "2026-04-15T10:30:00+0200", "2026-04-15T10:30:00+2:00", "2026-04-15T10:30:00 UTC",
		"2026-04-15T10:30:00ZZ", "2026-04-15T10:30:00Z+02:00", "2026-04-15T10:30:00+25:00", "2026-04-15T10:30:00+02:61",
		"2026-00-15T10:30:00", "2026-13-15T10:30:00", "2026-04-00T10:30:00", "2026-04-31T10:30:00", "2026-02-29T10:30:00",
		"2026-04-15T24:00:00", "2026-04-15T10:60:00", "2026-04-15T10:30:60",
		"26-04-15T10:30:00", "02026-04-15T10:30:00", "-2026-04-15T10:30:00", "+2026-04-15T10:30:00", "10000-01-01T00:00:00",
		"2026-4-15T10:30:00", "2026-04-5T10:30:00", "2026-04-15T10:3:00", "２０２６-04-15T10:30:00",
		// Within the year where they are written, outside of 0 to 9999 in UTC: they could not be written again.
		"0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			got, err := api.ParseTimestamp(text)
			require.ErrorContains(t, err, "timestamp")
			require.Zero(t, got)
		})
	}
}

func TestNewTimestamp(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", -3*60*60)
	got := api.NewTimestamp(time.Date(2026, 4, 15, 7, 30, 0, 999_999_999, zone))
	require.Equal(t, time.Date(2026, 4, 15, 10, 30, 0, 0, time.UTC), got.Time)
	require.Equal(t, "2026-04-15T10:30:00", got.String())

	// Before 1970 and before the year 1, too, the second is the one that began.
	for _, year := range []int{1969, 0} {
		begun := time.Date(year, 7, 1, 0, 0, 0, 0, time.UTC)
		require.Equal(t, begun, api.NewTimestamp(begun.Add(999_999_999)).Time)
		require.Equal(t, api.NewTimestamp(begun).String(), api.Timestamp{Time: begun.Add(999_999_999)}.String())
	}
}

func TestTimestamp_json(t *testing.T) {
	t.Parallel()
	type record struct {
		At       api.Timestamp            `json:"at"`
		Optional *api.Timestamp           `json:"optional,omitempty"`
		Keyed    map[api.Timestamp]string `json:"keyed,omitempty"`
	}
	second := api.NewTimestamp(time.Date(2026, 4, 15, 10, 30, 0, 0, time.UTC))

	t.Run("round trip", func(t *testing.T) {
		t.Parallel()
		want := record{At: second, Optional: &second, Keyed: map[api.Timestamp]string{second: "x"}}
		text, err := json.Marshal(want)
		require.NoError(t, err)
		require.Equal(t,
			`{"at":"2026-04-15T10:30:00","optional":"2026-04-15T10:30:00","keyed":{"2026-04-15T10:30:00":"x"}}`, string(text))
		var got record
		require.NoError(t, json.Unmarshal(text, &got))
		require.Equal(t, want, got)
	})
	t.Run("writes UTC whatever it holds", func(t *testing.T) {
		t.Parallel()
		text, err := json.Marshal(api.Timestamp{Time: second.In(time.FixedZone("", 3600)).Add(1)})
		require.NoError(t, err)
		require.Equal(t, `"2026-04-15T10:30:00"`, string(text))
	})
	t.Run("zone and fraction", func(t *testing.T) {
		t.Parallel()
		var got record
		require.NoError(t, json.Unmarshal([]byte(`{"at":"2026-04-15T12:30:00.5+02:00"}`), &got))
		require.Equal(t, second.Add(time.Second/2), got.At.Time)
	})
	t.Run("escaped", func(t *testing.T) {
		t.Parallel()
		var got record
		require.NoError(t, json.Unmarshal([]byte(`{"at":"2026-04-15\u005410:30:00"}`), &got))
		require.Equal(t, second, got.At)
	})
	t.Run("null leaves it", func(t *testing.T) {
		t.Parallel()
		got := record{At: second, Optional: &second}
		require.NoError(t, json.Unmarshal([]byte(`{"at":null,"optional":null}`), &got))
		require.Equal(t, record{At: second}, got)
	})
	t.Run("absent", func(t *testing.T) {
		t.Parallel()
		var got record
		require.NoError(t, json.Unmarshal([]byte(`{}`), &got))
		require.True(t, got.At.IsZero())
		require.Empty(t, got.At.String(), "no year 1")
		written, err := got.At.MarshalText()
		require.NoError(t, err)
		require.Empty(t, written)
		text, err := json.Marshal(got)
		require.NoError(t, err)
		require.JSONEq(t, `{"at":null}`, string(text))
	})
	t.Run("refuses", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{`""`, `"x"`, `1`, `true`, `{}`, `[]`, `["2026-04-15T10:30:00"]`} {
			got := record{At: second}
			require.ErrorContains(t, json.Unmarshal([]byte(`{"at":`+text+`}`), &got), "timestamp", text)
		}
	})
	t.Run("year bounds", func(t *testing.T) {
		t.Parallel()
		for _, moment := range []time.Time{
			time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
			time.Date(-1, 12, 31, 23, 59, 59, 0, time.UTC),
			time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -60)),
			time.Date(0, 1, 1, 0, 0, 0, 0, time.FixedZone("", 60)),
		} {
			_, err := json.Marshal(api.Timestamp{Time: moment})
			require.ErrorContains(t, err, "is outside of 0 to 9999")
			_, err = api.NewTimestamp(moment).MarshalText()
			require.ErrorContains(t, err, "is outside of 0 to 9999")
		}
		for moment, want := range map[time.Time]string{
			time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC): `"9999-12-31T23:59:59"`,
			time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC):         `"0000-01-01T00:00:00"`,
			time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC):         `"0001-01-01T00:00:01"`,
			{}:                                               `null`,
		} {
			text, err := json.Marshal(api.Timestamp{Time: moment})
			require.NoError(t, err)
			require.Equal(t, want, string(text))
		}
	})
}

// FuzzTimestamp holds the parser against the specification's pattern: what the pattern takes is read,
// unless there is no such day; and what is read, within the pattern or not, is written in the API's
// form and means the same second there.
func FuzzTimestamp(f *testing.F) {
	for _, text := range []string{
		"2026-04-15T10:30:00", "2026-04-15T10:30:00Z", "2026-04-15T10:30:00.123456789-03:00", "2026-02-30T00:00:00",
		"0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00.9", "1969-12-31T23:59:59.5",
		"2026-04-15T1:30:00", "2026-04-15T10:30:00,5", "2026-04-15T10:30:00+24:60", "2026-04-15T10:30:00.1234567891", "", "x",
	} {
		f.Add(text)
	}
	described := pattern(f)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := api.ParseTimestamp(text)
		if err != nil {
			if described.MatchString(text) {
				day, dayErr := time.Parse(time.DateOnly, text[:10])
				atTheEdge := strings.HasPrefix(text, "0000-01-01") || strings.HasPrefix(text, "9999-12-31")
				require.True(t, dayErr != nil || atTheEdge, "%q on %v: %v", text, day, err)
			}
			return
		}
		if got.IsZero() {
			return // no moment
		}
		written, err := got.MarshalText()
		require.NoError(t, err)
		require.Len(t, written, len("2026-04-15T10:30:00"))
		require.True(t, described.Match(written), "%q is not of the specification", written)
		again, err := api.ParseTimestamp(string(written))
		require.NoError(t, err)
		require.Equal(t, got.Unix(), again.Unix())
		require.Equal(t, api.NewTimestamp(got.Time), again)
	})
}
