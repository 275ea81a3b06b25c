package api_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/oapi-codegen/runtime/types"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
)

// TestOptional_absent: an optional field that has no value is not written, of whatever type it is. The
// generator gives all optional fields the same tag, which TestOptional_tags holds.
func TestOptional_absent(t *testing.T) {
	t.Parallel()
	type address struct {
		Channel string `json:"channel"`
	}
	type optional struct {
		At      api.Timestamp     `json:"at,omitempty,omitzero"`
		Day     types.Date        `json:"day,omitempty,omitzero"`
		Address address           `json:"address,omitempty,omitzero"`
		Product api.Product       `json:"product,omitempty,omitzero"`
		Code    string            `json:"code,omitempty,omitzero"`
		Count   int               `json:"count,omitempty,omitzero"`
		Items   []address         `json:"items,omitempty,omitzero"`
		Extra   map[string]string `json:"extra,omitempty,omitzero"`
	}
	text, err := json.Marshal(optional{})
	require.NoError(t, err)
	require.Equal(t, `{}`, string(text))
	text, err = json.Marshal(optional{Address: address{Channel: "mail"}})
	require.NoError(t, err)
	require.JSONEq(t, `{"address":{"channel":"mail"}}`, string(text))
}

// TestOptional_tags: see the options in api.cfg.yaml.
func TestOptional_tags(t *testing.T) {
	t.Parallel()
	optional := 0
	var check func(v reflect.Type)
	check = func(v reflect.Type) {
		for v.Kind() == reflect.Slice || v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct || v == reflect.TypeFor[api.Timestamp]() {
			return
		}
		for field := range v.Fields() {
			if tag := field.Tag.Get("json"); strings.Contains(tag, ",omitempty") && field.Type.Kind() != reflect.Pointer {
				optional++
				require.Contains(t, tag, ",omitzero", "%v.%s", v, field.Name)
			}
			check(field.Type)
		}
	}
	for _, message := range []any{api.EvaluatedProduct{}, api.Notification{}, api.Error{}} {
		check(reflect.TypeOf(message))
	}
	require.NotZero(t, optional)
}
