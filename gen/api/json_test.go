package api_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
)

func TestDecodeJSON(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"plain":              `{"id":"a","status":"in_kyc"}`,
		"byte order mark":    "\ufeff" + `{"id":"a","status":"in_kyc"}`,
		"white space":        " \n" + `{"id":"a","status":"in_kyc"}` + "\r\n\t ",
		"name in other case": `{"id":"a","status":"in_kyc","Status":"rejected","STATUS":null}`,
		"unknown field":      `{"id":"a","new":{"Status":"rejected"},"status":"in_kyc"}`,
		"escaped name":       `{"id":"a","st\u0061tus":"in_kyc"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var product api.Product
			require.NoError(t, api.DecodeJSON([]byte(text), &product))
			require.Equal(t, "a", product.ID)
			require.Equal(t, api.InKyc, product.Status)
		})
	}
}

func TestDecodeJSON_refuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"empty":                    {"", "the text is empty"},
		"mark only":                {"\ufeff ", "the text is empty"},
		"cut":                      {`{"id":"a"`, "line 1, column 10: the text ends before the value does"},
		"cut in a string":          {`{"id":"secret`, "the text ends"},
		"twice":                    {"{\n \"id\":\"a\",\n \"id\":\"b\"}", "line 3, column 2: /id: this field stands twice"},
		"twice below":              {`{"missing_requirements":{"data":[],"data":[]}}`, "/missing_requirements/data: this field stands twice"},
		"twice in what is unknown": {`{"new":{"a":1,"a":2}}`, "/new/a: this field stands twice"},
		"Latin-1":                  {"{\"id\":\"Jos\xe9\"}", "line 1, column 11: /id: this is not UTF-8"},
		"half a surrogate":         {`{"id":"\ud800"}`, "/id: this is no escape of JSON, or half of a surrogate pair"},
		"UTF-16":                   {"\xff\xfe{\x00", "UTF-16"},
		"UTF-16 without a mark":    {"\x00{\x00}", "UTF-16"},
		"data after the value":     {"{}\n{}", "line 2, column 1: this is not JSON"},
		"a trailing comma":         {"{\"id\":\"a\",}", "line 1, column 10: there must be no comma here"},
		"half a fraction":          {`{"id":54.,"a":1}`, "line 1, column 10: /id: this is not JSON"},
		"half an exponent":         {`{"id":1e,"a":2}`, "line 1, column 9: /id: this is not JSON"},
		"half a word":              {`{"id":nul,"a":2}`, "line 1, column 10: /id: this is not JSON"},
		"a sign":                   {`{"id":-,"a":2}`, "line 1, column 8: /id: this is not JSON"},
		"a comma for a value":      {`{"id":,"a":1}`, "line 1, column 7: /id: there must be no comma here"},
		"a comment":                {"{} // secret", "line 1, column 4: this is not JSON"},
		"a name without quotes":    {`{id:"secret"}`, "line 1, column 2"},
		"another type":             {`{"id":{"secret":1}}`, "/id: a JSON object does not fit here"},
		"a number for a string":    {`{"id":4711}`, "/id: a JSON number does not fit here"},
		"another type of a list":   {`[]`, "a JSON array does not fit here"},
		"no timestamp":             {`{"created_at":"secret"}`, "/created_at: timestamp is not of the form"},
		"mark before a mistake":    {"\ufeff" + `{"id":1}`, "line 1, column 10: /id"},
		"infinite depth":           {strings.Repeat("[", 1<<20), "line 1, column"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := api.DecodeJSON([]byte(test.text), new(api.Product))
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "secret")
			require.NotContains(t, err.Error(), "4711")
		})
	}
}

func TestDecodeClosedJSON(t *testing.T) {
	t.Parallel()
	var item api.RejectedItem
	require.NoError(t, api.DecodeClosedJSON([]byte(`{"type":"data","key":"phone","reason":"x"}`), &item))
	require.Equal(t, "phone", item.Key)
	for _, text := range []string{`{"key":"a","Key":"b"}`, `{"KEY":"a"}`, `{"kéy":"a"}`} {
		var failed *api.JSONError
		require.ErrorAs(t, api.DecodeClosedJSON([]byte(text), &item), &failed)
		require.True(t, failed.Unknown, text)
		require.Contains(t, failed.Error(), "there is no such field")
	}
}
