package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client/internal/secret"
)

const text = "sk_canary_5f1c0b7e"

// TestSecret_printsNothing: whatever holds a secret can be printed.
func TestSecret_printsNothing(t *testing.T) {
	t.Parallel()
	s := secret.New(text)
	prints := func(value any) string {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p"} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(handler).Info("m", "value", value)
		}
		inJSON, _ := json.Marshal(value)
		return out.String() + string(inJSON)
	}
	for _, value := range []any{s, &s, struct{ hidden any }{s}, map[string]any{"key": s}} {
		require.NotContains(t, prints(value), text)
		require.NotContains(t, prints(value), fmt.Sprintf("%x", text))
	}
	require.Contains(t, prints(struct{ hidden string }{text}), text, "the check itself can fail")
	require.Equal(t, text, s.Reveal())
	require.Equal(t, "a [redacted] b", s.Mask("a "+text+" b"))
}
